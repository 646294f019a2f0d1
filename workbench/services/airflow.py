"""Airflow as a service of this machine: its environment, its settings, and how it is known to be ready."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.airflow import REPORTS
from workbench.execution.kernels.environment import set_variables
from workbench.files import spelled_in_url
from workbench.private import private_folder
from workbench.settings import Settings

if TYPE_CHECKING:
    from workbench.services.service import Start

DAGS = Path("dags")
ENVIRONMENT, LOCK = ".venv-airflow", "airflow.txt"
USER = "admin"
_OURS = tuple(
    f"AIRFLOW__CORE__{name}"
    for name in (
        "AUTH_MANAGER", "SIMPLE_AUTH_MANAGER_USERS", "SIMPLE_AUTH_MANAGER_PASSWORDS_FILE",
        "SIMPLE_AUTH_MANAGER_ALL_ADMINS", "EXECUTION_API_SERVER_URL",
    )
)  # fmt: skip
_PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
_LOST = 60


def interpreter(settings: Settings) -> Path:
    """Return the Python of Airflow's environment: beside the project's own, as their versions clash."""
    return settings.root / ENVIRONMENT / "bin" / "python"


def command(start: Start, keep: Callable[[Path, str], None]) -> tuple[list[str], dict[str, str]]:
    """Return the command line of Airflow's components, and their environment; ``keep`` writes a secret to a file."""
    program = [str(interpreter(start.settings)), "-m", "workbench.airflow.standalone", str(start.port)]
    return program, {**_ours(start), **_airflow(start, keep)}


def answers(start: Start) -> str | None:
    """Return its URL once all components say that they are well."""
    url = f"http://127.0.0.1:{start.port}"
    try:
        with urllib.request.urlopen(f"{url}/api/v2/monitor/health", timeout=5) as answer:  # noqa: S310  this machine
            health = json.load(answer)
    except (OSError, ValueError):
        return None
    return url if all((health.get(part) or {}).get("status") == "healthy" for part in _PARTS) else None


def variables(start: Start, url: str) -> dict[str, str]:
    """Return what leads ``workbench trigger`` to it."""
    return {"WORKBENCH_AIRFLOW_URL": url, "WORKBENCH_AIRFLOW_PASSWORD": _password(start.folder)}


def _ours(start: Start) -> dict[str, str]:
    """Return Workbench's settings as they are here, and the program that runs stages in this environment."""
    settings = start.settings
    hers = ("WORKBENCH_AIRFLOW_PASSWORD", "WORKBENCH_AIRFLOW_URL")
    found = {name: value for name, value in set_variables(settings).items() if name not in hers}
    found |= {
        "WORKBENCH_STAGE_PROGRAM": settings.stage_program
        or f"{shlex.quote(sys.executable)} -m workbench.cli",
        "WORKBENCH_REPORTS_URL": settings.reports_url or f"http://127.0.0.1:{start.port}{REPORTS}",
    }
    # Stages run for whoever starts it, on their AWS.
    found |= {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    return {**found, **start.variables}


def _airflow(start: Start, keep: Callable[[Path, str], None]) -> dict[str, str]:
    folder = start.folder
    private_folder(folder)
    passwords, keys = folder / "passwords.json", folder / "keys.json"
    if not passwords.is_file():
        keep(passwords, json.dumps({USER: secrets.token_urlsafe(12)}))
    if not keys.is_file():
        keep(keys, json.dumps([secrets.token_urlsafe(48), secrets.token_urlsafe(48)]))
    jwt, session = json.loads(keys.read_text())
    url = f"http://127.0.0.1:{start.port}"
    options: dict[str, dict[str, object]] = {
        "core": {
            "dags_folder": start.settings.root / DAGS,
            "load_examples": False,
            "executor": "LocalExecutor",
            "parallelism": start.settings.parallel or os.cpu_count() or 2,
            "auth_manager": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
            "simple_auth_manager_users": f"{USER}:admin",
            "simple_auth_manager_passwords_file": passwords,
            "execution_api_server_url": f"{url}/execution/",
        },
        "database": {"sql_alchemy_conn": f"sqlite:///{spelled_in_url(folder / 'airflow.db')}"},
        "api": {"base_url": url, "secret_key": session},
        "api_auth": {"jwt_secret": jwt},
        "scheduler": {"task_instance_heartbeat_timeout": _LOST},
        # What a task notes of itself goes with its success, so that nothing old is found when it is run anew.
        "state_store": {"clear_on_success": True},
        "usage_data_collection": {"enabled": False},
        "logging": {"namespace_levels": "http.access=WARNING uvicorn.access=WARNING botocore=WARNING"},
    }
    found = {
        f"AIRFLOW__{section.upper()}__{name.upper()}": str(value)
        for section, values in options.items()
        for name, value in values.items()
    }
    # What a person sets of Airflow's own settings counts, but for where it listens and who may come in.
    chosen = {
        name: os.environ[name]
        for section in ("core", "database", "scheduler", "triggerer", "dag_processor")
        for name in os.environ
        if name.startswith(f"AIRFLOW__{section.upper()}__") and name not in _OURS
    }
    return {"AIRFLOW_HOME": str(folder), **found, **chosen, "PATH": _path(start.settings)}


def _path(settings: Settings) -> str:
    return os.pathsep.join([str(interpreter(settings).parent), os.environ.get("PATH", "")])


def _password(folder: Path) -> str:
    return str(json.loads((folder / "passwords.json").read_text())[USER])
