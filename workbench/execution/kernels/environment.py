"""The environment that a notebook's process sees."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from workbench import PACKAGE
from workbench.execution.records.mlflow_parent import CONTEXT, PARENT, run_context
from workbench.settings import Settings
from workbench.tracking import artifact_root

# Images say these of themselves.
_OF_THE_IMAGE = ("project", "spark_from", "spark_part")


def environment(
    settings: Settings, run_id: str, stage: str, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return this process's environment, with every setting that notebooks need spelled out, and ``extra`` over it.

    A notebook in another folder, with another ``.env``, thereby sees the same settings. MLflow, called by a notebook
    itself, finds the store and the place of artifacts; it would make both in the working directory otherwise.
    """
    env = os.environ | mlflow_variables(settings)
    env |= {
        **_variables(settings, [name for name, reach in settings.reaches().items() if reach.notebooks]),
        "WORKBENCH_RUN_ID": run_id,
        "WORKBENCH_STAGE": stage,
        CONTEXT: run_context(run_id, stage, (extra or {}).get(PARENT)),
    }
    return env | plain_environment(settings.home) | dict(extra or {})


def mlflow_variables(settings: Settings) -> dict[str, str]:
    """Return by what MLflow itself, called by a notebook, finds the store of the settings, and the place of artifacts."""
    # A person's own variable goes before what the settings say.
    uri = os.environ.get("MLFLOW_TRACKING_URI") or _absolute(settings.mlflow_uri)
    return {"MLFLOW_TRACKING_URI": uri, **artifact_root(settings)}


def set_variables(settings: Settings) -> dict[str, str]:
    """Return the settings that were set, wherever that was, as variables for a process in another folder."""
    given = {name for name in settings.model_fields_set if getattr(settings, name) is not None}
    return _variables(settings, sorted({"home", "project", *given}))


def task_settings(settings: Settings) -> dict[str, str]:
    """Return the variables of the settings that a task on another machine needs; none of them is a secret.

    The folder of the project, and which files are for Spark, is what the task's image says unless it is set here.
    """
    given = {name for name in settings.model_fields_set if getattr(settings, name) is not None}
    unset = set(_OF_THE_IMAGE) - given
    return _variables(
        settings, [name for name, reach in settings.reaches().items() if reach.tasks and name not in unset]
    )


def _variables(settings: Settings, names: Iterable[str]) -> dict[str, str]:
    """Return settings as variables; those that say where something is, as what they come to."""
    resolved = {
        "project": settings.root,
        "warehouse_url": _absolute(settings.warehouse),
        "landing_uri": settings.landing_place,
        "mlflow_tracking_uri": _absolute(settings.mlflow_uri),
        "queue_url": _absolute(settings.queue),
    }
    values = {name: resolved.get(name, getattr(settings, name)) for name in names}
    return {f"WORKBENCH_{name.upper()}": _text(value) for name, value in values.items()}


def _text(value: Any) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def plain_environment(home: Path) -> dict[str, str]:
    """Return what any notebook's process is given beyond its caller's environment."""
    env = {
        # A person's own start-up files would make runs differ from one machine to the next.
        "IPYTHONDIR": str(home / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    if not _installed():
        root = str(PACKAGE.parent)
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    return env


def _absolute(url: str) -> str:
    """Return a URL of a local file with its path made absolute; any other as it is."""
    for scheme in ("duckdb:///", "sqlite:///"):
        if url.startswith(scheme):
            return scheme + str(Path(url.removeprefix(scheme)).absolute())
    return url


@cache
def _installed() -> bool:
    try:
        return bool(importlib.metadata.version("workbench"))
    except importlib.metadata.PackageNotFoundError:
        return False
