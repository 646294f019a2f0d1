"""The environment that a notebook's process sees."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from workbench import PACKAGE
from workbench.execution.records.mlflow_parent import CONTEXT, PARENT, run_context
from workbench.settings import Settings


def environment(
    settings: Settings, run_id: str, stage: str, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return this process's environment with every setting spelled out, and ``extra`` over it.

    A notebook in another folder, with another ``.env``, thereby sees the same settings.
    """
    env = dict(os.environ)
    env |= {
        "WORKBENCH_PROFILE": settings.profile,
        "WORKBENCH_HOME": str(settings.home),
        "WORKBENCH_PROJECT": str(settings.root),
        "WORKBENCH_WAREHOUSE_URL": _absolute(settings.warehouse),
        "WORKBENCH_LANDING_URI": settings.landing_place,
        "WORKBENCH_LANDING_SETTLE": str(settings.landing_settle),
        "WORKBENCH_MLFLOW_TRACKING_URI": _absolute(settings.mlflow_uri),
        "WORKBENCH_REPORTING_CURRENCY": settings.reporting_currency,
        "WORKBENCH_LOCK_TIMEOUT": str(settings.lock_timeout),
        "WORKBENCH_LAKE_URI": settings.lake_uri,
        "WORKBENCH_KEEP_RUNS": str(settings.keep_runs),
        "WORKBENCH_KEEP_DAYS": str(settings.keep_days),
        "WORKBENCH_REDSHIFT_S3": settings.redshift_s3,
        "WORKBENCH_REDSHIFT_IAM_ROLE": settings.redshift_iam_role,
        "WORKBENCH_REDSHIFT_PASSWORD": settings.redshift_password.get_secret_value(),
        "WORKBENCH_RUN_ID": run_id,
        "WORKBENCH_STAGE": stage,
        CONTEXT: run_context(run_id, stage, (extra or {}).get(PARENT)),
    }
    return env | plain_environment(settings.home) | dict(extra or {})


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
