"""The worker as a program: signals, a sudden death, and files that appear while it runs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import psutil
import pytest

from tests.aws_server import make_sqs
from tests.project import make_project, sales
from workbench.execution.records.store import list_runs
from workbench.queue.connect import connect_queue
from workbench.queue.messages import Files, file_uri
from workbench.settings import get_settings
from workbench.warehouse import connect

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts workers; ends what is left of them."""
    monkeypatch.setenv("WORKBENCH_PROJECT", str(make_project(tmp_path / "project", "time.sleep(limit / 10)")))
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            "-m",
            "workbench.cli",
            "worker",
            "--retry",
            "0",
            "--settle",
            "0.3",
            *options,
        ]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def read_until(process: subprocess.Popen[str], text: str) -> str:
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if text in line:
            return "".join(seen)
    raise AssertionError(f"never said {text!r}:\n{''.join(seen)}")


def wait_for(what: Callable[[], bool], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it didn't happen in time"
        time.sleep(0.1)


def named(path: Path) -> str:
    return Files(files=(file_uri(str(path)),)).body()


def count(sql: str = "SELECT count(*) AS n FROM raw.transactions") -> int:
    (row,) = connect().query(sql).to_pylist()
    return int(row["n"])


def families() -> set[int]:
    """Processes that belong to this test's home."""
    home = os.environ["WORKBENCH_HOME"]
    found = set()
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get("WORKBENCH_HOME") == home:
                found.add(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.mark.usefixtures("aws")
def test_sigterm_ends_it_after_the_stage_and_gives_the_rest_back(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_QUEUE_URL", make_sqs())
    queue = connect_queue()
    queue.send(named(sales(tmp_path / "in/transactions/a.csv", 1)))
    # The stage ends once the signal was heard.
    go, path = tmp_path / "go", tmp_path / "project/pipeline_notebooks/intake/ingest.ipynb"
    node = nbformat.read(path, 4)
    waits = f"import pathlib, time\nwhile not pathlib.Path({str(go)!r}).exists(): time.sleep(0.05)"
    node.cells.append(nbformat.v4.new_code_cell(waits))
    nbformat.write(node, path)
    process = start()
    read_until(process, "ingest running")
    process.send_signal(signal.SIGTERM)
    read_until(process, "once more to stop now")
    go.touch()
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    assert "1 given back" in out
    (run,) = list_runs(get_settings())
    assert [stage.state for stage in run.stages] == ["succeeded", "not_run"]
    assert run.state == "stopped"
    assert queue.counts().ready == 1
    wait_for(lambda: not families(), 60)

    second = start("--drain")
    out, error = second.communicate(timeout=300)
    assert second.returncode == 0, error
    assert "0 given up" in out
    assert "in 1 runs" in out
    assert count() == 3


def test_sigkill_loses_nothing_and_doubles_nothing(start: Start, tmp_path: Path) -> None:
    queue = connect_queue()
    for number in range(4):
        queue.send(named(sales(tmp_path / f"in/transactions/{number}.csv", number * 10)))
    # None of the messages is finished by the time at which it is killed.
    make_project(tmp_path / "project", "time.sleep(600)")
    process = start("--visibility", "3")
    read_until(process, "ingest succeeded")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert queue.counts().open == 4
    make_project(tmp_path / "project", "seen = limit")
    wait_for(lambda: not families(), 60)

    second = start("--drain", "--json")
    out, error = second.communicate(timeout=300)
    assert second.returncode == 0, error
    tally = json.loads(out)
    assert tally["done"] + tally["repeated"] >= 4
    assert tally["given_up"] == 0
    assert count() == 12
    assert count("SELECT count(*) AS n FROM ops.batches WHERE rows_landed = rows_accepted") == 4


def test_an_idle_worker_stops_soon_and_leaves_nobody_behind(start: Start) -> None:
    process = start()
    read_until(process, "taking messages")
    time.sleep(2)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert time.monotonic() - begun < 60
    wait_for(lambda: not families(), 60)


def test_a_second_signal_ends_it_at_once(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_project(tmp_path / "project", "time.sleep(600)")
    connect_queue().send(named(sales(tmp_path / "in/transactions/a.csv", 1)))
    process = start()
    read_until(process, "after running")
    process.send_signal(signal.SIGINT)
    read_until(process, "once more to stop now")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=300)
    assert process.returncode == 130
    wait_for(lambda: not families(), 60)
    assert connect_queue().counts().open == 1


def test_a_file_dropped_into_landing_is_taken_in(start: Start, home: Path) -> None:
    process = start()
    read_until(process, "taking messages")
    sales(home / "landing/transactions/dropped.csv", 1)
    read_until(process, "dropped.csv: taken in")
    assert count() == 3


def test_a_landing_folder_that_is_deleted_and_made_anew_is_watched_on(start: Start, home: Path) -> None:
    process = start()
    read_until(process, "taking messages")
    sales(home / "landing/transactions/before.csv", 1)
    read_until(process, "before.csv: taken in")
    shutil.rmtree(home / "landing")
    sales(home / "landing/transactions/after.csv", 10)
    read_until(process, "after.csv: taken in")
    assert count() == 6


def test_what_was_in_landing_before_is_taken_in_once(start: Start, home: Path) -> None:
    sales(home / "landing/transactions/before.csv", 1)
    (home / "landing/transactions/_half.csv").write_text("half")
    (home / "landing/transactions/half.csv.part").write_text("half")
    for expected in ("1 done, 0 repeated", "0 done, 0 repeated"):
        process = start("--drain")
        out, error = process.communicate(timeout=300)
        assert out.startswith(expected), error
    assert count() == 3
    assert count("SELECT count(*) AS n FROM ops.batches") == 1


def test_a_file_still_being_written_is_not_taken(start: Start, home: Path, tmp_path: Path) -> None:
    text = sales(tmp_path / "whole.csv", 1, rows=40).read_text()
    # Written for longer than that, with pauses that are far shorter even where somebody else has the processor.
    process = start("--settle", "4")
    read_until(process, "taking messages")
    slow = home / "landing/transactions/slow.csv"
    slow.parent.mkdir(parents=True, exist_ok=True)
    with slow.open("w") as file:
        for begin in range(0, len(text), 80):
            file.write(text[begin : begin + 80])
            file.flush()
            time.sleep(0.15)
    part = slow.with_name(".moved.csv.part")
    sales(part, 1000, rows=5)
    part.rename(slow.with_name("moved.csv"))
    wait_for(
        lambda: connect_queue().counts().open == 0 and (home / "warehouse.duckdb").exists() and count() == 45
    )
    assert count("SELECT count(*) AS n FROM ops.batches") == 2
    assert count("SELECT count(*) AS n FROM ops.quarantine") == 0
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=300)


def test_two_workers_on_one_queue_take_each_file_once(start: Start, tmp_path: Path) -> None:
    queue = connect_queue()
    for number in range(6):
        queue.send(named(sales(tmp_path / f"in/transactions/{number}.csv", number * 10)))
    processes = [start("--drain", "--batch", "2") for _ in range(2)]
    for process in processes:
        _, error = process.communicate(timeout=600)
        assert process.returncode == 0, error
    assert count() == 18
    assert count("SELECT count(*) AS n FROM ops.batches") == 6
    assert queue.counts().open == 0
