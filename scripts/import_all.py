"""Import every module of the package, with every extra installed."""

from __future__ import annotations

import importlib
import pkgutil
import platform

import workbench

names = [found.name for found in pkgutil.walk_packages(workbench.__path__, "workbench.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(f"{len(names)} modules imported on Python {platform.python_version()}")
