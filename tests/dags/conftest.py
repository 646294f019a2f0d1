"""Airflow in its own environment: what its DAGs are, and one that runs, for all tests of a process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.dags.stack import LocalError, Stack, make_project
from tests.project import ROOT

PYTHON = ROOT / ".venv-airflow" / "bin" / "python"
FACTS = Path(__file__).with_name("facts.py")
Facts = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session", autouse=True)
def airflow_python() -> Path:
    """The Python of Airflow's environment; skipped where there is none."""
    if not PYTHON.exists():
        pytest.skip("Airflow has no environment here; make it with: make .venv-airflow/stamp")
    return PYTHON


@pytest.fixture(scope="session")
def facts(airflow_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """What Airflow makes of the DAGs of a project, by default this one."""
    home = tmp_path_factory.mktemp("airflow")

    @cache
    def ask(project: Path = ROOT, *arguments: str, **environment: str) -> dict[str, Any]:
        done = subprocess.run(
            [airflow_python, FACTS, str(project / "dags"), *arguments],
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("WORKBENCH_")},
                "AIRFLOW_HOME": str(home),
                "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
                "AIRFLOW__DAG_PROCESSOR__DAG_VERSION_INFLATION_CHECK_LEVEL": "error",
                "WORKBENCH_HOME": str(home / "workbench"),
                "WORKBENCH_PROJECT": str(project),
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    return ask


@pytest.fixture(scope="session")
def dags(facts: Facts) -> dict[str, Any]:
    """The DAGs of this project."""
    found = facts()
    assert found["errors"] == {}
    return dict(found["dags"])


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """A running Airflow over PostgreSQL, beside a local AWS with a queue, a bucket and a cluster."""
    # PostgreSQL's user has to get in; pytest's own folders are for their owner alone.
    folder = Path(tempfile.mkdtemp(prefix="workbench-airflow-"))
    folder.chmod(0o711)
    try:
        with Stack(folder, make_project(folder / "project")) as running:
            yield running
    except LocalError as problem:
        pytest.skip(str(problem))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
