"""Old runs are deleted, but none that goes on or that a later run needs; the number of runs costs a new one nothing."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.execution.notebooks import notebook, pipeline
from workbench.execution import Run, run_pipeline
from workbench.execution.housekeeping.retention import prune
from workbench.execution.records import store as runs_module
from workbench.execution.records.model import now
from workbench.execution.records.store import going_on, list_open, list_runs, new_run, read_run, save
from workbench.execution.reports.pages import LISTED, index_page, run_page, write_index
from workbench.settings import Settings, get_settings
from workbench.warehouse import Warehouse


def past(settings: Settings, days: float, name: str = "shop", **facts: object) -> Run:
    """A run that ended so many days ago, with a page."""
    run = new_run(name, settings)
    moment = now() - timedelta(days=days)
    run.run_id = f"{moment:%Y%m%dT%H%M%SZ}-{run.run_id[-6:]}"
    run.begin()
    run.end("failed")
    run.started_at = run.finished_at = moment
    run.recorded = True
    for field, value in facts.items():
        setattr(run, field, value)
    save(run, settings)
    run_page(run, settings).parent.mkdir(parents=True)
    run_page(run, settings).write_text("a page")
    return run


def left(settings: Settings) -> list[str]:
    return [run.run_id for run in list_runs(settings)]


@pytest.mark.parametrize(
    ("variable", "value"), [("WORKBENCH_KEEP_RUNS", "3"), ("WORKBENCH_KEEP_DAYS", "2.5")]
)
def test_old_runs_are_deleted_with_their_pages(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    settings = get_settings()
    runs = [past(settings, days) for days in range(6)]
    (settings.site / "mine").mkdir()
    assert prune(settings) == [run.run_id for run in runs[3:]]
    assert left(settings) == [run.run_id for run in runs[:3]]
    assert [run_page(run, settings).is_file() for run in runs] == [True] * 3 + [False] * 3
    assert {path.name for path in settings.runs.iterdir()} == {".lock", *left(settings)}
    assert (settings.site / "mine").is_dir() and "3 runs" in index_page(settings).read_text()
    assert prune(settings) == []


def test_a_thousand_runs_are_kept_of_any_age_unless_said_otherwise(settings: Settings) -> None:
    assert (settings.keep_runs, settings.keep_days) == (1000, 0)
    past(settings, 4000), past(settings, 5000)
    assert prune(settings) == [] and len(left(settings)) == 2


def test_what_goes_on_or_is_needed_is_kept(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_KEEP_RUNS", "1")
    settings = get_settings()
    for name in ("a", "b"):
        notebook(tmp_path / "shop" / f"{name}.ipynb")
    folder = pipeline(
        tmp_path / "shop", {"a": {"writes": ["page"]}, "b": {"reads": ["page"], "skip": "never"}}
    )
    first = run_pipeline(folder)
    second = run_pipeline(folder)
    assert [stage.state for stage in second.stages] == ["skipped", "succeeded"]
    others = [past(settings, days, name="other") for days in (1, 2)]
    foreign = past(settings, 4, name="third", host="elsewhere", state="running", recorded=False)
    resumed = past(settings, 3, name="other")
    going = past(settings, 5, name="other", state="running", recorded=False)
    others[0].resumed = resumed.run_id
    save(others[0], settings)
    with going_on(going):
        assert prune(settings) == [others[1].run_id]
    third = run_pipeline(folder)
    # Only the first run has made the page of the first stage: it is what the others lead to.
    assert [(stage.state, stage.report) for stage in third.stages[:1]] == [
        ("skipped", first.stages[0].report)
    ]
    assert set(prune(settings)) >= {second.run_id}
    assert {first.run_id, third.run_id, others[0].run_id, resumed.run_id, foreign.run_id} <= set(
        left(settings)
    )


def test_a_pruning_that_was_killed_is_gone_on_with(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_KEEP_RUNS", "1")
    settings = get_settings()
    runs = [past(settings, days) for days in range(4)]
    program = (
        "import os, shutil\nshutil.rmtree = lambda *a: os.kill(os.getpid(), 9)\n"
        "from workbench.execution.housekeeping.retention import prune\nfrom workbench.settings import get_settings\n"
        "prune(get_settings())"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=300).returncode == -9
    assert left(settings) == [runs[0].run_id] and read_run("latest", settings) == runs[0]
    assert prune(settings) == []
    for folder in (settings.runs, settings.site):
        assert not list(folder.glob(".pruned*"))


def test_many_runs_cost_a_new_one_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [past(settings, days) for days in range(3)]
    record = (settings.runs / runs[2].run_id / "run.json").read_text()
    for number in range(600):
        name = f"20010101T000000Z-{number:06x}"
        (settings.runs / name).mkdir()
        (settings.runs / name / "run.json").write_text(record.replace(runs[2].run_id, name))
    read: list[Path] = []
    real = runs_module._read
    monkeypatch.setattr(runs_module, "_read", lambda path: read.append(path) or real(path))
    write_index(settings)
    assert len(read) == LISTED
    page = index_page(settings).read_text()
    assert page.count("<article") == LISTED and "603 runs" in page and "workbench runs -n 603" in page
    read.clear()
    assert len(list_runs(settings, 20)) == 20 and len(read) == 20
    read.clear()
    assert read_run("latest", settings).run_id == runs[0].run_id and len(read) == 1
    read.clear()
    assert read_run(runs[1].run_id, settings).pipeline == "shop" and len(read) == 1
    read.clear()
    assert list_open(settings) == [] and not read
