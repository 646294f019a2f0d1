"""Pipelines that run when tables have changed, whoever changed them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.execution.notebooks import notebook, pipeline
from workbench.execution import RunOptions, run_pipeline
from workbench.execution.records.store import list_runs
from workbench.queue.connect import connect_queue
from workbench.settings import Settings, get_settings
from workbench.warehouse import connect
from workbench.worker.worker import Options, Worker


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A project in which ``second`` runs once ``first`` has written a table."""
    folder = tmp_path / "project" / "pipeline_notebooks"
    for name in ("first", "second"):
        notebook(folder / name / "only.ipynb", "assert limit < 10, 'too large'")
    pipeline(folder / "first", {"only": {"writes": ["marts.sales_daily"], "skip": "never"}})
    pipeline(
        folder / "second",
        {"only": {"reads": ["marts.sales_daily"], "writes": ["report"], "skip": "never"}},
        schedule={"on": ["marts.sales_daily"]},
    )
    monkeypatch.setenv("WORKBENCH_PROJECT", str(tmp_path / "project"))
    connect(create=True)
    return get_settings()


def drain(settings: Settings) -> list[str]:
    """Let a worker finish all there is; return the pipelines that have run, oldest first."""
    worker = Worker(connect_queue(settings=settings), settings, Options(retry=0), log=lambda line: None)
    worker.work(drain=True)
    return [run.pipeline for run in reversed(list_runs(settings))]


def test_a_pipeline_runs_once_after_the_stage_that_writes_its_table(project: Settings) -> None:
    assert drain(project) == []
    run_pipeline("first", options=RunOptions(settings=project))
    assert drain(project) == ["first", "second"]
    assert drain(project) == ["first", "second"]
    run_pipeline("first", options=RunOptions(settings=project))
    assert drain(project) == ["first", "second", "first", "second"]


def test_one_that_was_asked_for_in_the_queue_is_followed_too(project: Settings) -> None:
    connect_queue(settings=project).send('{"pipeline": "first", "id": "nightly"}')
    assert drain(project) == ["first", "second"]


def test_nothing_follows_from_a_run_that_failed(project: Settings) -> None:
    run_pipeline("first", {"limit": 10}, options=RunOptions(settings=project))
    assert drain(project) == ["first"]


def test_a_worker_that_died_before_it_asked_asks_the_next_time(project: Settings) -> None:
    run_pipeline("first", options=RunOptions(settings=project))
    # Nothing but ops.runs tells of it: whoever starts next finds it there.
    assert connect_queue(settings=project).counts().open == 0
    assert drain(project) == ["first", "second"]
