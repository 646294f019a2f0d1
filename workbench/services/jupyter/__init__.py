"""JupyterLab: where it opens, and what its kernels and a person who settled nothing in it are told."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from workbench.execution.kernels.environment import mlflow_variables, set_variables
from workbench.settings import Settings

_DEFAULTS = Path(__file__).parent
_TOURS = "notebooks/1_ask_the_warehouse.ipynb"
_FOLDERS = ("root_dir", "notebook_dir", "notebook-dir")


def command(settings: Settings, given: Sequence[str] = ()) -> list[str]:
    """Return the command line: in the project, at its tours if it has them, but where ``given`` options say otherwise."""
    line = [sys.executable, "-m", "jupyterlab"]
    names = [
        option.split("=", 1)[0].lstrip("-").rpartition(".")[2] for option in given if option.startswith("-")
    ]
    # In a container there is nobody else; its token guards it as ever.
    if os.geteuid() == 0 and "allow-root" not in names and "allow_root" not in names:
        line.append("--allow-root")
    # A file or a folder that is named says where to open; what follows an option may be the option's value.
    places = [
        each
        for before, each in pairwise(["", *given])
        if not each.startswith("-") and ("=" in before or before[:1] != "-")
    ]
    if not any(name in _FOLDERS for name in names) and not any(map(os.path.exists, places)):
        line.append(f"--ServerApp.root_dir={settings.root}")
        if "default_url" not in names and (settings.root / _TOURS).is_file():
            line.append(f"--LabApp.default_url=/lab/tree/{_TOURS}")
    return [*line, *given]


def environment(settings: Settings, services: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables by which kernels, in whichever folder, see the settings that hold here.

    Our defaults for JupyterLab are behind the folders that ``JUPYTER_CONFIG_PATH`` names already: a new one asks nobody
    whether it may fetch news, and fetches none; who wants them settles that in it.

    Args:
        settings: those that hold here.
        services: variables that lead to services which run, and go before settings.
    """
    services = services or {}
    mlflow = mlflow_variables(settings)
    if uri := services.get("WORKBENCH_MLFLOW_TRACKING_URI"):
        mlflow = {"MLFLOW_TRACKING_URI": uri}
    named = os.environ.get("JUPYTER_CONFIG_PATH", "").split(os.pathsep)
    return {
        **mlflow,
        **set_variables(settings),
        **services,
        "JUPYTER_CONFIG_PATH": os.pathsep.join([*filter(None, named), str(_DEFAULTS)]),
        "PYTHONPATH": str(settings.root),
    }
