"""Pipelines that run when tables have changed, whoever changed them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from tests.execution.notebooks import notebook, pipeline
from workbench.execution import RunOptions, load_pipeline, run_pipeline
from workbench.execution.backfill.backfill import Backfill, BackfillOptions
from workbench.execution.backfill.chunks import Chunk
from workbench.execution.records.store import list_runs
from workbench.execution.scheduling.following import Following
from workbench.queue.connect import connect_queue
from workbench.settings import Settings, get_settings
from workbench.warehouse import connect
from workbench.worker.worker import Options, Worker

DAY = dt.date(2024, 11, 1)


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


def test_a_run_of_one_stage_or_of_a_few_days_is_not_the_whole_that_is_due(project: Settings) -> None:
    folder = project.project / "pipeline_notebooks"
    days = "import datetime as dt\nfirst: dt.date | None = None  # from\nlast: dt.date | None = None  # to"
    found = "record(values={'odd': []})"
    imports = "from workbench.execution import record"
    notebook(folder / "judge" / "detect.ipynb", parameters=days, imports=imports, last=found)
    notebook(folder / "judge" / "report.ipynb")
    notebook(folder / "judge" / "tell.ipynb", parameters="shop: int  # one")
    stages: dict[str, dict[str, object]] = {
        "detect": {
            "partitioned": {"first_day": "first", "last_day": "last"},
            "writes": ["seen"],
            "skip": "never",
        },
        "report": {"reads": ["seen"], "writes": ["report"]},
        "tell": {"over": {"shop": {"from": "detect.values.odd"}}, "reads": ["seen"], "writes": ["told"]},
    }
    pipeline(folder / "judge", stages, schedule={"on": ["marts.sales_daily"]})
    # Of a stage that goes over a list, a run of one value is enough.
    notebook(folder / "first" / "only.ipynb", parameters="shop: int  # one")
    over: dict[str, object] = {"writes": ["marts.sales_daily"], "over": {"shop": [1, 2]}, "skip": "never"}
    pipeline(folder / "first", {"only": over})
    judge = load_pipeline("judge", project)
    following = Following([load_pipeline("first", project), judge])

    def due() -> bool:
        return following.cause(connect(project.warehouse), "judge") is not None

    def run(name: str, values: dict[str, object] | None = None, only: str | None = None) -> None:
        found = run_pipeline(name, values, RunOptions(only=only, settings=project))
        assert found.state == "succeeded", found.error

    assert not due()
    run("first")
    run("judge", only="report")
    assert due()
    assert Backfill(judge, [Chunk(DAY, DAY)], options=BackfillOptions(settings=project)).go().is_complete
    assert due()
    run("judge", {"first": DAY, "last": DAY})
    assert due()
    run("judge")
    assert not due()
    run("first")
    # Stage by stage, as another orchestrator runs them, it is the whole, too.
    run("judge", only="detect")
    assert due()
    run("judge", only="report")
    assert not due()
    # Where there is something in its list, the stage that goes over it belongs to the whole.
    notebook(
        folder / "judge" / "detect.ipynb", parameters=days, imports=imports, last=found.replace("[]", "[7]")
    )
    run("first")
    run("judge", only="detect")
    run("judge", only="report")
    assert due()
    run("judge", only="tell")
    assert not due()
