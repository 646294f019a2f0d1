"""Homes of any name, full disks and disks that can't be written to: what can be done is done, else one line says why."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.commands.test_warehouse import Answer, Call
from workbench.execution.records.store import list_runs, new_run, save
from workbench.queue.connect import connect_queue
from workbench.settings import get_settings
from workbench.sources.files import land
from workbench.warehouse import connect
from workbench.worker.worker import Options, Worker

NAME = 'it\'s 100% #1 [a] {b} $x ü;& 店\n%20 "q" {{ x }} <b> *~'


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk of 24 megabytes, the home on it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk: run as root")
    monkeypatch.setenv("WORKBENCH_HOME", str(folder / "home"))
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def lost() -> str:
    """Leave the record of a run whose process is gone."""
    settings = get_settings()
    run = new_run("shop", settings)
    run.pid = 2**22 + 1
    run.begin()
    save(run, settings)
    return run.run_id


def clear(answer: Answer, status: int, *words: str) -> None:
    """One line says what is wrong."""
    assert answer.status == status, answer.err
    told = [line for line in answer.err.splitlines() if line.startswith("workbench: ")]
    assert len(told) == 1 and "Traceback" not in answer.err, answer.err
    assert all(word in told[0] for word in words), answer.err


def test_a_home_may_have_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sales: Path, call: Call
) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / NAME / "home"))
    connect(create=True)
    land(str(sales), "transactions")
    tally = Worker(connect_queue(), get_settings(), Options(settle=0.2), log=lambda line: None).work(
        drain=True
    )
    assert tally["done"] >= 1
    (run,) = [run for run in list_runs(get_settings()) if run.pipeline == "retail_etl"]
    assert run.state == "succeeded", run.error
    assert connect().query("SELECT count(*) AS n FROM marts.retail_sales").to_pylist() == [{"n": 1}]
    assert '"succeeded"' in call("runs", "--json").out and call("runs", "open", "latest").status == 0
    pages = list(get_settings().site.rglob("*.html"))
    assert len(pages) > 6
    for page in pages:
        links = re.findall(r'href="(?!data:|https?:|#)([^"#]+)', page.read_text())
        assert links and all((page.parent / unquote(link)).is_file() for link in links), page


@pytest.mark.parametrize("name", ["a?b", "a\\b"])
def test_a_path_that_the_engine_can_not_open_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call, name: str
) -> None:
    monkeypatch.setenv("WORKBENCH_WAREHOUSE_URL", f"duckdb:///{tmp_path / name / 'warehouse.duckdb'}")
    clear(call("init"), 2, "DuckDB can't keep a file at", "choose another WORKBENCH_HOME")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / name))
    for command in ("init", "queue"):
        clear(call(command), 2, "setting WORKBENCH_HOME: no database can be kept in", "name another")
    assert not (tmp_path / name).exists()


def test_a_file_that_is_named_like_a_schema_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    monkeypatch.setenv("WORKBENCH_WAREHOUSE_URL", f"duckdb:///{tmp_path / 'Marts.duckdb'}")
    clear(call("init"), 2, "Marts is a schema in it already", "choose another name than Marts.duckdb")
    assert not (tmp_path / "Marts.duckdb").exists()


def test_a_full_disk_is_told_in_a_line(disk: Path, sales: Path, call: Call) -> None:
    assert call("init").status == 0
    lost()
    fill = disk / "fill"
    subprocess.run(["dd", "if=/dev/zero", f"of={fill}", "bs=4k"], capture_output=True)
    full = "No space left on device"
    clear(call("load", str(sales), "--dataset", "transactions"), 1, "can't put", full)
    assert not list(disk.rglob("*.part"))
    clear(call("run", "retail_etl"), 1, "can't write the record of a run", full)
    listed = call("runs")
    assert listed.status == 0 and "lost" in listed.out and "Traceback" not in listed.err
    clear(call("query", "--write", "CREATE TABLE main.x AS SELECT * FROM range(1000000)"), 2, full)
    assert call("query", "SELECT count(*) FROM raw.transactions").status == 0
    clear(call("queue"), 1, "full")
    fill.unlink()
    assert call("load", str(sales), "--dataset", "transactions").status == 0
    assert call("runs").status == 0
    assert connect().query("SELECT state FROM ops.runs").to_pylist() == [{"state": "lost"}]


def test_a_disk_that_can_not_be_written_to_can_be_looked_at(disk: Path, sales: Path, call: Call) -> None:
    assert call("init").status == 0
    name = lost()
    # A scheduler was here once.
    (get_settings().home / "schedule.lock").touch()
    # The warehouse's file stays open for a moment.
    deadline = time.monotonic() + 20
    while subprocess.run(["mount", "-o", "remount,ro", str(disk)], capture_output=True).returncode:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    read_only = "Read-only file system"
    clear(call("load", str(sales), "--dataset", "transactions"), 1, "can't put", read_only)
    for words in (["run", "retail_etl"], ["init"], ["maintain"], ["query", "--write", "SELECT 1"]):
        clear(call(*words), 1, "can't open the warehouse", read_only)
    clear(call("up", "mlflow"), 1, read_only)
    for words in (["runs"], ["runs", "show", "latest"]):
        shown = call(*words)
        assert shown.status == 0 and name in shown.out and "lost" in shown.out, shown.err
    reading = [
        ["query", "SELECT count(*) FROM raw.transactions"], ["schedule"], ["quarantine"], ["batches", "list"], ["alerts"],
        ["alerts", "list"], ["customers", "review"], ["customers", "decisions"], ["customers", "changes"],
    ]  # fmt: skip
    for words in reading:
        answer = call(*words)
        assert answer.status == 0, answer.err
    clear(call("alerts", "show", "x"), 2, "unknown alert 'x'")
    clear(call("queue"), 1, f"queue.db: {read_only}")
