"""Settings reach the processes that need them: each is marked, and what is marked arrives."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import SecretStr

from tests.execution.notebooks import notebook
from workbench.execution import run_notebook
from workbench.execution.kernels.environment import task_settings
from workbench.settings import HERE, Settings

READ = """
import hashlib
from workbench.settings import get_settings
found = get_settings()
record(values={
    name: hashlib.sha256(repr(getattr(found, name)).encode()).hexdigest()
    for name in NAMES
} | {"password": hashlib.sha256(found.redshift_password.get_secret_value().encode()).hexdigest()})
"""


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def unusual(folder: Path) -> dict[str, Any]:
    """A value that isn't its default for each setting that notebooks are to see."""
    return {
        "profile": "aws",
        "home": folder / "elsewhere",
        "home_shared": True,
        "project": folder,
        "warehouse_url": f"duckdb:///{folder / 'other.duckdb'}",
        "redshift_password": SecretStr("open sesame"),
        "redshift_s3": "s3://bucket/through",
        "redshift_iam_role": "arn:aws:iam::123456789012:role/reader",
        "landing_uri": str(folder / "in"),
        "landing_settle": 1.5,
        "landing_look": 1.25,
        "longest_line": 2048,
        "ingest_memory": 256,
        "spark_from": 100,
        "spark_part": 32,
        "spark_program": "/opt/spark/bin/python",
        "earliest": "1950-01-01,transactions=2015-01-01",
        "mlflow_tracking_uri": f"sqlite:///{folder / 'other.db'}",
        "fiscal_calendar": "4-5-4,february,sunday,nearest,begins",
        "reporting_currency": "EUR",
        "lock_timeout": 7.0,
        "replica": False,
        "lake_uri": "s3://bucket/lake",
        "keep_runs": 12,
        "keep_days": 3.5,
        "full": True,
        "reading_intervals": "temperature=300",
        "session_gap": 45,
        "return_window": 30,
    }


@pytest.mark.parametrize("cold", [False, True], ids=["forked", "cold"])
def test_a_notebook_sees_every_setting_that_is_marked_for_it(tmp_path: Path, cold: bool) -> None:
    values = unusual(tmp_path)
    assert values.keys() == {name for name, reach in Settings.reaches().items() if reach.notebooks}
    for name, value in values.items():
        assert value != Settings.model_fields[name].default, name
    settings = Settings(**values)
    folder = tmp_path / "aside"
    path = notebook(folder / "see.ipynb", f"NAMES = {sorted(values)}", last=READ)
    # Those of the folder that it stands in are others'.
    (folder / ".env").write_text("WORKBENCH_EARLIEST=1900-01-02\nWORKBENCH_KEEP_RUNS=1\n")
    run = run_notebook(path, cold=cold, settings=settings)
    assert run.state == "succeeded", run.error
    seen = dict(run.stages[0].results)
    assert seen.pop("password") == digest("open sesame")
    assert seen == {name: digest(repr(getattr(settings, name))) for name in values}


def test_a_setting_that_says_nothing_of_whom_it_is_for_is_refused() -> None:
    assert Settings.reaches().keys() == Settings.model_fields.keys()

    class Silent(Settings):
        colour: str = ""

    class Undecided(Settings):
        colour: Annotated[Annotated[str, HERE], HERE] = ""

    for settings in (Silent, Undecided):
        with pytest.raises(TypeError, match=r"setting colour has [02] marks"):
            settings.reaches()


def test_a_task_is_given_no_secret_and_no_place_of_this_machine(tmp_path: Path) -> None:
    settings = Settings(**unusual(tmp_path))
    given = task_settings(settings)
    assert given["WORKBENCH_EARLIEST"] == settings.earliest and given["WORKBENCH_PROJECT"] == str(tmp_path)
    assert "open sesame" not in given.values() and "WORKBENCH_HOME" not in given
    secret = {name for name, info in Settings.model_fields.items() if info.annotation is SecretStr}
    assert secret and not any(Settings.reaches()[name].tasks for name in secret)
    assert "WORKBENCH_PROJECT" not in task_settings(settings.model_copy(update={"project": None}))
