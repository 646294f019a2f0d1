"""The MLflow tracking server of the settings, reached without telemetry, chatter or ``mlruns`` folder."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workbench.errors import WorkFailed
from workbench.private import private_file, private_folder
from workbench.settings import get_settings

EXPERIMENT = "sales_daily"

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "GIT_PYTHON_REFRESH": "quiet",
}


def has_store() -> bool:
    """Tell without opening the store whether anything can be in it: False for a local file not yet made."""
    uri = get_settings().mlflow_uri
    return not uri.startswith("sqlite:///") or Path(uri.removeprefix("sqlite:///")).is_file()


@contextmanager
def mlflow_client() -> Iterator[Any]:
    """Point MLflow at the settings' tracking server and yield an ``MlflowClient``.

    The first use of a local store makes its tables, which takes some seconds.

    Raises:
        WorkFailed: the server can't be reached, or refused.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    import mlflow

    for logger in ("mlflow", "alembic"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    settings = get_settings()
    if settings.mlflow_uri.startswith("sqlite:///"):
        store = Path(settings.mlflow_uri.removeprefix("sqlite:///"))
        try:
            private_folder(store.parent)
            private_file(store)
        except OSError as error:
            raise WorkFailed(f"can't write to {store}: {error.strerror}") from None
    mlflow.set_tracking_uri(settings.mlflow_uri)
    mlflow.set_registry_uri(settings.mlflow_uri)
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield mlflow.MlflowClient()
    except (mlflow.MlflowException, SQLAlchemyError) as error:
        reason = str(error).strip().splitlines()[0][:300]
        raise WorkFailed(f"MLflow at {settings.mlflow_uri}: {reason}") from error


def experiment_id(client: Any, name: str = EXPERIMENT) -> str:
    """Return an experiment's id, made if missing; a local one keeps its artifacts in the settings' folder."""
    import mlflow

    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    settings = get_settings()
    local = settings.mlflow_uri.startswith(("sqlite:", "file:"))
    location = (settings.mlflow_artifacts / name).as_uri() if local else None
    try:
        return str(client.create_experiment(name, artifact_location=location))
    except mlflow.MlflowException:
        # Another process made it since we looked.
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return str(found.experiment_id)
