"""The worker: what it takes, what it runs, and that nothing is lost or done twice."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.execution.notebooks import notebook, pipeline
from tests.project import make_project, sales
from tests.worker.drained import BOTH, drain, named, scalar
from workbench.queue.base import Queue
from workbench.queue.connect import connect_queue
from workbench.queue.messages import RunRequest
from workbench.sources.files import land
from workbench.warehouse import connect
from workbench.worker.worker import Options


@BOTH
def test_files_that_wait_together_are_one_run(project: Path, queue: Queue, tmp_path: Path) -> None:
    files = [sales(tmp_path / f"in/transactions/{n}.csv", n * 10) for n in range(7)]
    queue.send(*(named(path) for path in files))
    assert drain(queue) == {"done": 7, "runs": 1}
    assert scalar("SELECT count(*) FROM raw.transactions") == 21
    assert scalar("SELECT count(*) FROM ops.batches WHERE rows_landed = rows_accepted") == 7


@BOTH
def test_a_file_that_comes_again_is_nothing_to_do(project: Path, queue: Queue, tmp_path: Path) -> None:
    path = sales(tmp_path / "in/transactions/a.csv", 1)
    queue.send(named(path))
    assert drain(queue) == {"done": 1, "runs": 1}
    copy = sales(tmp_path / "in/transactions/same_content.csv", 1)
    queue.send(named(path), named(copy))
    assert drain(queue) == {"repeated": 2}
    assert scalar("SELECT count(*) FROM raw.transactions") == 3


def test_a_file_somebody_else_took_in_is_nothing_to_do(project: Path, queue: Queue, tmp_path: Path) -> None:
    from workbench.execution import run_pipeline

    path = sales(tmp_path / "in/transactions/a.csv", 1)
    land(str(path))
    assert run_pipeline("intake").state == "succeeded"
    queue.send(named(path))
    assert "runs" not in drain(queue)


def test_a_file_taken_in_by_a_run_that_failed_later_is_still_to_do(
    project: Path, queue: Queue, tmp_path: Path
) -> None:
    from workbench.execution import RunOptions, run_pipeline

    path = sales(tmp_path / "in/transactions/a.csv", 1)
    land(str(path))
    assert run_pipeline("intake", options=RunOptions(only="ingest")).state == "succeeded"
    queue.send(named(path))
    tally = drain(queue)
    assert tally["runs"] == 1
    assert tally["done"] >= 1


@BOTH
def test_pages_wait_until_no_more_files_do(project: Path, queue: Queue, tmp_path: Path) -> None:
    files = [sales(tmp_path / f"in/transactions/{n}.csv", n * 10) for n in range(3)]
    queue.send(*(named(path) for path in files))
    assert drain(queue, Options(retry=0, settle=0.2, batch=1)) == {"done": 3, "runs": 3}
    assert scalar("SELECT count(*) FROM raw.transactions") == 9
    assert scalar("SELECT count(*) FROM ops.runs WHERE stage = 'after'") == 1
    last = "(SELECT max(started_at) FROM ops.runs WHERE stage = 'ingest')"
    assert scalar(f"SELECT count(*) FROM ops.runs WHERE stage = 'after' AND started_at > {last}") == 1


def test_pages_that_a_worker_left_out_before_it_was_killed_are_made_by_the_next(
    project: Path, queue: Queue, tmp_path: Path
) -> None:
    from workbench.execution import RunOptions, run_pipeline

    path = sales(tmp_path / "in/transactions/a.csv", 1)
    land(str(path))
    assert run_pipeline("intake", options=RunOptions(without=["after"])).state == "succeeded"
    queue.send(named(path))
    assert drain(queue) == {"repeated": 1, "done": 1, "runs": 1}
    assert scalar("SELECT count(*) FROM ops.runs WHERE stage = 'after' AND state = 'succeeded'") == 1
    assert drain(queue) == {}


@BOTH
def test_a_request_runs_once_for_its_id(project: Path, queue: Queue) -> None:
    body = RunRequest(pipeline="intake", parameters={"limit": 7}, id="nightly").model_dump_json()
    queue.send(body, body, RunRequest(pipeline="intake", id="other").model_dump_json())
    assert drain(queue) == {"done": 2, "repeated": 1, "runs": 2}
    assert scalar("SELECT count(*) FROM ops.requests") == 2
    parameters = (
        "SELECT count(*) FROM ops.runs WHERE stage IS NULL AND CAST(parameters AS VARCHAR) LIKE '%7%'"
    )
    assert scalar(parameters) == 1


@BOTH
def test_messages_are_kept_while_long_work_goes_on(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_PROJECT", str(make_project(tmp_path / "project", "time.sleep(6)")))
    queue.send(named(sales(tmp_path / "in/transactions/a.csv", 1)))
    assert drain(queue, Options(visibility=3, settle=0.2)) == {"done": 1, "runs": 1}
    assert queue.dead() == []


def test_a_file_that_no_pipeline_takes_in_is_given_up(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("WORKBENCH_PROJECT", str(tmp_path / "empty"))
    queue.send(named(sales(tmp_path / "in/transactions/a.csv", 1)))
    assert drain(queue) == {"given_up": 1}
    assert queue.dead()[0].reason == "no pipeline of the project reads landing"


def test_a_file_goes_through_every_pipeline_that_reads_landing(
    project: Path, queue: Queue, tmp_path: Path
) -> None:
    other = project / "pipeline_notebooks" / "other"
    pipeline(other, {"look": {"reads": ["landing"], "writes": ["report"]}})
    notebook(other / "look.ipynb", "seen = limit")
    path = sales(tmp_path / "in/transactions/a.csv", 1)
    queue.send(named(path))
    assert drain(queue) == {"done": 1, "runs": 2}
    queue.send(named(path))
    assert drain(queue) == {"repeated": 1}


def test_a_file_taken_in_while_the_clock_was_ahead_is_done(project: Path, tmp_path: Path) -> None:
    (first,) = land(str(sales(tmp_path / "transactions/a.csv", 1)), None)
    assert drain(connect_queue())["done"] == 1
    # As if the batch had been taken in by a clock that was a day ahead, and the file was written by one.
    connect().execute("UPDATE ops.batches SET ingested_at = ingested_at + INTERVAL 1 DAY")
    (second,) = land(str(sales(tmp_path / "transactions/b.csv", 10)), None)
    os.utime(second.path, (time.time() + 86400,) * 2)
    assert drain(connect_queue())["done"] == 1
    assert drain(connect_queue()) == {}
    assert scalar("SELECT count(*) FROM raw.transactions") == 6 and first.path.is_file()
