"""A run has one record, one row and one end, whatever dies when, and whatever is left of its files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.execution.housekeeping.lost import lost_run
from tests.execution.notebooks import notebook, pipeline
from workbench.execution import run_pipeline
from workbench.execution.housekeeping.recovery import recover
from workbench.execution.records.store import list_runs, read_run, save
from workbench.execution.reports.pages import index_page
from workbench.settings import Settings
from workbench.warehouse import Warehouse, connect

# Does some work, and kills itself as it comes to a function, or has left it.
KILLED = """
import importlib, os, sys
what, module, name, moment, folder = sys.argv[1:]
if module:
    module = importlib.import_module(f"workbench.execution.{module}")
    real = getattr(module, name)
    def deadly(*arguments, **options):
        if moment == "before":
            os.kill(os.getpid(), 9)
        done = real(*arguments, **options)
        os.kill(os.getpid(), 9)
    setattr(module, name, deadly)
if what == "run":
    from workbench.execution import run_pipeline
    run_pipeline(folder)
else:
    from workbench.execution.housekeeping.recovery import recover
    from workbench.settings import get_settings
    recover(get_settings())
"""
END = [
    ("run.conductor", "finish", "before", "lost"),
    ("run.finish", "save", "before", "lost"),
    ("run.finish", "save", "after", "succeeded"),
    ("run.finish", "write_run", "before", "succeeded"),
    ("run.finish", "write_run", "after", "succeeded"),
    ("run.finish", "write_run_page", "before", "succeeded"),
    ("run.finish", "write_run_page", "after", "succeeded"),
]
RECOVERY = [
    ("housekeeping.recovery", "_recover_stage", "after"),
    ("housekeeping.recovery", "save", "after"),
    ("records.ops_tables", "write_run", "before"),
    ("records.ops_tables", "write_run", "after"),
    ("housekeeping.recovery", "_render", "after"),
]


def program(what: str, module: str = "", name: str = "", moment: str = "", folder: object = "") -> list[str]:
    return [sys.executable, "-c", KILLED, what, module, name, moment, str(folder)]


def killed(*arguments: object) -> None:
    done = subprocess.run(program(*map(str, arguments)), capture_output=True, text=True, timeout=600)
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_a_run_that_is_killed_as_it_ends_has_one_row_and_one_end(
    either: Warehouse, tmp_path: Path, settings: Settings
) -> None:
    notebook(
        tmp_path / "shop" / "a.ipynb",
        'connect().counts("raw.stores")',
        imports="from workbench.execution import record\nfrom workbench.warehouse import connect",
    )
    folder = pipeline(
        tmp_path / "shop", {"a": {"reads": ["raw.stores"], "writes": ["note"], "skip": "never"}}
    )
    gaps = END if either.dialect == "duckdb" else END[3:5]
    for module, name, moment, _ in gaps:
        killed("run", module, name, moment, folder)
    assert [
        each.run_id for each in recover(settings)
    ]  # that of the last; the others were found by those after them
    runs = list_runs(settings)[::-1]
    assert [run.state for run in runs] == [end for *_, end in gaps]
    assert all(run.recorded and run.report and run.report.is_file() for run in runs)
    assert all(stage.report is None or stage.report.is_file() for run in runs for stage in run.stages)
    rows = either.query("SELECT run_id, state FROM ops.runs").to_pylist()
    told = {run.run_id: run.state for run in runs}
    told |= {f"{run.run_id}.a": run.stages[0].state for run in runs}
    assert len(rows) == len(told) and {row["run_id"]: row["state"] for row in rows} == told
    lineage = Counter(row["run_id"] for row in either.query("SELECT run_id FROM ops.lineage").to_pylist())
    done = {run.run_id: 1 for run in runs if run.stages[0].state == "succeeded"}
    assert lineage == done
    assert recover(settings) == []


@pytest.mark.soak
def test_a_recovery_that_is_killed_is_gone_on_with(either: Warehouse, settings: Settings) -> None:
    gaps = RECOVERY if either.dialect == "duckdb" else RECOVERY[2:4]
    for gap in gaps:
        run = lost_run(settings)
        killed("recover", *gap, "")
        recover(settings)
        assert read_run(run.run_id, settings).state == "lost" and read_run(run.run_id, settings).recorded
    rows = either.query("SELECT run_id, state FROM ops.runs").to_pylist()
    assert len(rows) == 2 * len(gaps) and {row["state"] for row in rows} == {"lost"}


def test_several_that_recover_at_once_write_one_row(either: Warehouse, settings: Settings) -> None:
    runs = [lost_run(settings) for _ in range(3)]
    either.query("SELECT 1 AS one")
    both = [subprocess.Popen(program("recover")) for _ in range(2)]
    recover(settings)
    assert [each.wait(600) for each in both] == [0, 0]
    rows = either.query("SELECT run_id FROM ops.runs WHERE stage IS NULL ORDER BY run_id").to_pylist()
    assert [row["run_id"] for row in rows] == sorted(run.run_id for run in runs)


def test_a_run_that_ends_while_somebody_looks_is_not_lost(settings: Settings) -> None:
    # Its process ends between the look at its record and the look at the process.
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    run = lost_run(settings, pid=process.pid)
    from workbench.execution.records import store as runs

    def look(pid: int) -> None:
        run.end("succeeded")
        save(run, settings)
        process.communicate(b"\n")
        raise runs.psutil.NoSuchProcess(pid)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs.psutil, "Process", look)
        assert read_run(run.run_id, settings).state == "succeeded"


def test_a_run_without_a_warehouse_is_recorded_once_there_is_one(settings: Settings) -> None:
    run = lost_run(settings)
    assert recover(settings) == []
    assert (read_run(run.run_id, settings).state, read_run(run.run_id, settings).recorded) == ("lost", False)
    warehouse = connect(create=True)
    assert [each.run_id for each in recover(settings)] == [run.run_id]
    assert warehouse.counts("ops.runs") == {"ops.runs": 2}
    assert "lost" in index_page(settings).read_text()


def test_a_page_that_was_not_rendered_in_time_is_rendered_later(
    warehouse: Warehouse, tmp_path: Path, settings: Settings
) -> None:
    for name in ("a", "b"):
        notebook(
            tmp_path / "shop" / f"{name}.ipynb", *(["import os\nos.kill(os.getppid(), 0)"] * (name == "b"))
        )
    folder = pipeline(tmp_path / "shop", {"a": {"writes": ["x"]}, "b": {"reads": ["x"]}})
    run = run_pipeline(folder)
    for stage in run.stages:
        assert stage.report
        stage.report.unlink()
    run.recorded, run.pid, run.stages[1].state = False, 2**22 + 1, "failed"
    save(run, settings)
    recover(settings)
    assert all(stage.report and stage.report.is_file() for stage in read_run(run.run_id, settings).stages)


def test_a_run_of_this_process_is_alive_until_it_is_done_with(
    warehouse: Warehouse, settings: Settings
) -> None:
    run = lost_run(settings, pid=os.getpid())
    assert read_run(run.run_id, settings).state == "lost"
    from workbench.execution.records.store import going_on

    with going_on(run):
        assert read_run(run.run_id, settings).state == "running" and recover(settings) == []
    assert [each.run_id for each in recover(settings)] == [run.run_id]
