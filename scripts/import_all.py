"""Import every module of the package, with every extra installed; but not Airflow, which has an environment of its own."""

from __future__ import annotations

import importlib
import pkgutil
import platform

import workbench

OF_AIRFLOW = ("airflow", "structlog")

names = [found.name for found in pkgutil.walk_packages(workbench.__path__, "workbench.")]
left = []
for name in names:
    if name.endswith("__main__"):
        continue
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if not name.startswith("workbench.airflow.") or missing not in OF_AIRFLOW:
            raise
        left.append(name)
print(
    f"{len(names) - len(left)} modules imported on Python {platform.python_version()}, "
    f"{len(left)} left to Airflow's environment"
)
