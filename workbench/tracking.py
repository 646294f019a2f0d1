"""The MLflow tracking server of the settings, reached without telemetry, chatter or ``mlruns`` folder."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from workbench.errors import WorkFailed, first_line
from workbench.files import path_in_url
from workbench.moved_store import bring_home
from workbench.private import private_file, private_folder
from workbench.settings import Settings, get_settings

_LOCAL = "sqlite:///"

NO_TELEMETRY = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
"""Variables by which MLflow, a server or a client, tells nobody about itself."""

QUIET = {
    **NO_TELEMETRY,
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""Variables of a process that is a client of MLflow, unless its caller has set them; to be there before the import."""


def has_store() -> bool:
    """Tell without opening the store whether anything can be in it: False for a local file not yet made."""
    store = _file_of(get_settings())
    return store is None or store.is_file()


def prepare_store(settings: Settings) -> None:
    """Make the file of a local store, which others can't read, where MLflow will make its tables.

    Raises:
        WorkFailed: it can't be written.
    """
    if store := _file_of(settings):
        try:
            private_folder(store.parent)
            private_file(store)
        except OSError as error:
            raise WorkFailed(f"can't write to {store}: {error.strerror}") from None


@contextmanager
def mlflow_client() -> Iterator[Any]:
    """Point MLflow at the settings' tracking server and yield an ``MlflowClient``.

    The first use of a local store makes its tables, which takes some seconds.

    Raises:
        WorkFailed: the server can't be reached, or refused; or a file of a store on this machine can't be used.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    # A progress bar that needs widgets, which pages of runs don't have.
    warnings.filterwarnings("ignore", "IProgress not found")
    import mlflow

    for logger in ("mlflow", "alembic"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    settings = get_settings()
    prepare_store(settings)
    os.environ |= artifact_root(settings)
    _point_to(settings.mlflow_uri)
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with _opening(settings) as is_new:
            client = mlflow.MlflowClient()
            if is_new:
                # The registry opens its store by itself, and checks its tables.
                client.search_registered_models(max_results=1)
        yield client
    except (mlflow.MlflowException, SQLAlchemyError) as error:
        raise WorkFailed(f"MLflow at {settings.mlflow_uri}: {first_line(str(error), 300)}") from error
    except OSError as error:
        # Another's, as of a pipe that nobody reads, names no file.
        if error.filename is None:
            raise
        raise WorkFailed(
            f"MLflow at {settings.mlflow_uri}: can't use {error.filename}: {error.strerror}"
        ) from error


def _point_to(uri: str) -> None:
    """Have MLflow use a store; in the environment, where it notes that, all stays as whoever started this process wants it."""
    import mlflow

    wanted = {name: os.environ.get(name) for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")}
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    for name, value in wanted.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextmanager
def _opening(settings: Settings) -> Iterator[bool]:
    """Keep other processes from a local store that is being opened; yield whether it has no tables yet.

    Two that make its tables at once would both fail.
    """
    file = _file_of(settings)
    if file is None:
        yield False
        return
    with file.open("rb") as store:
        fcntl.flock(store, fcntl.LOCK_EX)
        is_new = os.fstat(store.fileno()).st_size == 0
        if not is_new and file.absolute() == settings.home.absolute() / file.name:
            bring_home(file, settings.mlflow_artifacts)
        yield is_new
    spelled = Path(settings.mlflow_uri.removeprefix(_LOCAL))
    if spelled != file:
        # MLflow makes a folder for the file, and takes its path as the address spells it.
        with suppress(OSError):
            os.removedirs(spelled.parent)


def _file_of(settings: Settings) -> Path | None:
    """Return the file of a local store; None where a server has it."""
    uri = settings.mlflow_uri
    return path_in_url(uri.removeprefix(_LOCAL)) if uri.startswith(_LOCAL) else None


def newest_version(name: str, settings: Settings) -> int | None:
    """Return the newest version of a registered model, 0 if there is none; None if only a server knows.

    A local store is looked into without MLflow, whose import takes seconds.
    """
    file = _file_of(settings)
    if file is None:
        return None
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as store:
            (newest,) = store.execute(
                "SELECT max(version) FROM model_versions WHERE name = ?", [name]
            ).fetchone()
    except sqlite3.OperationalError as error:
        # The file isn't there, or has no tables yet; what is busy may have all.
        return None if "locked" in str(error) else 0
    except sqlite3.Error:
        return None
    return int(newest or 0)


def local_artifacts(settings: Settings) -> Path | None:
    """Return the folder of artifacts where the store is local; None where a server has a place of its own."""
    return settings.mlflow_artifacts if settings.mlflow_uri.startswith(("sqlite:", "file:")) else None


def artifact_root(settings: Settings) -> dict[str, str]:
    """Return the variable by which a new local store puts artifacts in their folder, not in the working directory."""
    root = local_artifacts(settings)
    return {"_MLFLOW_SERVER_ARTIFACT_ROOT": root.absolute().as_uri()} if root else {}


def experiment_id(client: Any, name: str, artifacts: Path | None) -> str:
    """Return an experiment's id, made if missing, with its artifacts in a folder of its name below ``artifacts``.

    Raises:
        WorkFailed: it was deleted, and is kept by MLflow as such.
    """
    import mlflow

    found = client.get_experiment_by_name(name)
    if found is not None and found.lifecycle_stage == "deleted":
        raise WorkFailed(
            f"the experiment {name} of MLflow was deleted; bring it back with: MLFLOW_TRACKING_URI="
            f"{get_settings().mlflow_uri} mlflow experiments restore --experiment-id {found.experiment_id}"
        )
    if found is not None:
        return str(found.experiment_id)
    location = (artifacts / name).as_uri() if artifacts else None
    try:
        return str(client.create_experiment(name, artifact_location=location))
    except mlflow.MlflowException:
        # Another process made it since we looked.
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return str(found.experiment_id)
