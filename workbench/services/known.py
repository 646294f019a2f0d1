"""Which services there are: how each starts, how it is known to be ready, and what leads to it."""

from __future__ import annotations

import json
import os
import secrets
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.files import spelled_in_url
from workbench.private import let_enter, private_file, private_folder
from workbench.services import airflow, jupyter
from workbench.services.service import Service, Start, Variables
from workbench.tracking import NO_TELEMETRY

if TYPE_CHECKING:
    from workbench.aws.local.door import Key

BUCKET = "workbench"
_REGION = "eu-west-1"


def _get(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  a URL of this machine
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _aws(start: Start) -> tuple[list[str], Variables]:
    from workbench.aws.local.door import KEY

    port_file = start.folder / "port"
    port_file.unlink(missing_ok=True)
    key = _aws_key(start)
    command = [sys.executable, "-m", "workbench.aws.local.server", str(start.port), str(port_file)]
    return command, dict(zip(KEY, (key.identifier, key.secret), strict=True))


def _aws_key(start: Start) -> Key:
    """Return the key of the local AWS: it outlives the process, so that what was exported stays right."""
    from workbench.aws.local.door import Key

    kept = start.folder / "key"
    if not kept.is_file():
        new = Key.new()
        _keep(kept, f"{new.identifier} {new.secret}")
    return Key(*kept.read_text().split())


def _keep(path: Path, secret: str) -> None:
    """Write a secret for its owner's eyes."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(secret)


def _aws_answers(start: Start) -> str | None:
    port_file = start.folder / "port"
    return f"http://127.0.0.1:{port_file.read_text()}" if port_file.is_file() else None


def _aws_variables(start: Start, url: str) -> Variables:
    from workbench.boto import aws_errors

    key = _aws_key(start)
    variables = {"AWS_ENDPOINT_URL": url, **key.variables, "AWS_DEFAULT_REGION": _REGION}
    import boto3

    s3 = boto3.client(
        "s3",
        endpoint_url=url,
        region_name=_REGION,
        aws_access_key_id=key.identifier,
        aws_secret_access_key=key.secret,
    )
    with aws_errors(f"making the bucket {BUCKET}"):
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": _REGION})
    return variables


_REDSHIFT = Path("containers") / "redshift-local"


def _redshift(start: Start) -> tuple[list[str], Variables]:
    if os.geteuid() == 0:
        # PostgreSQL doesn't run as root, and its own user has to get to its files.
        for folder in (start.settings.home, start.folder.parent, start.folder):
            let_enter(folder)
    command = [sys.executable, "-m", "redshift_local", "start", "--data", str(start.folder / "data")]
    command += ["--port", str(start.port)]
    if endpoint := start.variables.get("AWS_ENDPOINT_URL"):
        command += ["--s3-endpoint", endpoint]
    code = str(start.settings.root / _REDSHIFT)
    return command, {**start.variables, "PYTHONPATH": code}


def _redshift_answers(start: Start) -> str | None:
    try:
        state = json.loads((start.folder / "data" / "state.json").read_text())
    except (OSError, ValueError):
        return None
    if "ready: " not in (start.folder / "log").read_text(errors="replace"):
        return None
    return str(state["url"])


def _redshift_variables(start: Start, url: str) -> Variables:
    data = start.folder / "data"
    authority = data / "tls" / "ca.crt"
    found = {
        "WORKBENCH_WAREHOUSE_URL": f"{url}?ca={authority}" if authority.is_file() else url,
        "WORKBENCH_REDSHIFT_PASSWORD": (data / "password").read_text().strip(),
    }
    if "AWS_ENDPOINT_URL" in start.variables:
        found["WORKBENCH_REDSHIFT_S3"] = f"s3://{BUCKET}/redshift"
    return found


def _mlflow(start: Start) -> tuple[list[str], Variables]:
    settings = start.settings
    private_file(settings.home / "mlflow.db")
    private_folder(settings.mlflow_artifacts)
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(start.port)]
    store = spelled_in_url(settings.home / "mlflow.db")
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{store}"]
    command += ["--artifacts-destination", settings.mlflow_artifacts.as_uri()]
    # Its jobs judge traces of language models; their workers are ten processes that each import MLflow.
    jobs = "MLFLOW_SERVER_ENABLE_JOB_EXECUTION"
    return command, {**NO_TELEMETRY, jobs: os.environ.get(jobs, "false")}


def _mlflow_answers(start: Start) -> str | None:
    url = f"http://127.0.0.1:{start.port}"
    return url if _get(f"{url}/health") else None


def _lab(start: Start) -> tuple[list[str], Variables]:
    token = start.folder / "token"
    if not token.is_file():
        _keep(token, secrets.token_urlsafe(24))
    command = [*jupyter.command(start.settings), "--no-browser", "--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.port={start.port}", "--ServerApp.port_retries=0"]
    return command, jupyter.environment(start.settings, start.variables) | {
        "JUPYTER_TOKEN": token.read_text()
    }


def _lab_answers(start: Start) -> str | None:
    url = f"http://127.0.0.1:{start.port}"
    return f"{url}/lab" if _get(f"{url}/api") else None


def _airflow(start: Start) -> tuple[list[str], Variables]:
    return airflow.command(start, _keep)


SERVICES: dict[str, Service] = {
    "aws": Service(
        "the local AWS", ("moto",), ("local",), _aws, _aws_answers, _aws_variables
    ),
    "redshift": Service(
        "the local Redshift", ("boto3", "cryptography", "redshift_connector"),
        ("local", "redshift"), _redshift, _redshift_answers, _redshift_variables, folder=_REDSHIFT,
    ),
    "mlflow": Service(
        "MLflow", ("mlflow",), ("ml",), _mlflow, _mlflow_answers,
        lambda start, url: {"WORKBENCH_MLFLOW_TRACKING_URI": url},
    ),
    "lab": Service(
        "JupyterLab", ("jupyterlab",), ("lab",), _lab, _lab_answers,
        lambda start, url: {"JUPYTER_TOKEN": (start.folder / "token").read_text()},
    ),
    "airflow": Service(
        "Airflow", (), ("airflow",), _airflow, airflow.answers, airflow.variables, ready=300,
        folder=airflow.DAGS, environment=(airflow.ENVIRONMENT, airflow.LOCK),
    ),
}  # fmt: skip
