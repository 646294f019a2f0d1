"""The file of the embedded warehouse goes from one process to the next, and nobody waits for ever."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.answers import read
from tests.warehouse.replica import is_open, let_go
from workbench.errors import WorkFailed
from workbench.settings import Settings
from workbench.warehouse import Warehouse, connect
from workbench.warehouse.duckdb import DuckDBWarehouse, opening

# Has the file nearly all of the time, as an ingestion of many files does.
GREEDY = """
import time
from workbench.warehouse import connect
warehouse = connect()
print("begun", flush=True)
end = time.monotonic() + 300
while time.monotonic() < end:
    with warehouse.connection():
        time.sleep(0.3)
"""
# One statement after the other, as a notebook runs them.
BUSY = GREEDY.replace(
    "    with warehouse.connection():\n        time.sleep(0.3)", '    warehouse.execute("SELECT 1")'
)
HOLDING = """
import sys, time
from workbench.warehouse import connect
with connect().connection():
    print("begun", flush=True)
    sys.stdin.readline()
"""

# The script ends about when the file is closed that its last statement left open.
ENDING = """
import sys, time
from pathlib import Path
from workbench.warehouse.duckdb.opening import opened
with opened(Path(sys.argv[1]), read_only=False, timeout=300) as connection:
    connection.execute("SELECT 1")
time.sleep(float(sys.argv[2]))
"""
# So does one in which a thread of its own asks on and on.
ASKING = """
import threading, time
from workbench.warehouse import connect
def ask():
    while True:
        connect().query("SELECT count(*) FROM range(1000000)")
threading.Thread(target=ask, daemon=True).start()
time.sleep(0.3)
connect().query("SELECT 1")
"""


def start(program: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    return process


def is_awaited(path: Path) -> bool:
    """Return whether a process waits for a file, and has the turn to."""
    with path.with_name(f"{path.name}.turn").open() as turn:
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.mark.parametrize("program", [GREEDY, BUSY], ids=["ingestion", "statements"])
def test_who_waits_gets_the_file_soon(warehouse: Warehouse, program: str) -> None:
    with start(program) as process:
        try:
            waited = []
            for _ in range(5):
                started = time.monotonic()
                warehouse.query("SELECT count(*) FROM ops.batches")
                waited.append(time.monotonic() - started)
            assert process.poll() is None
            assert max(waited) < 25
        finally:
            process.kill()


def test_who_has_the_file_is_let_in_again_before_those_who_wait(warehouse: DuckDBWarehouse) -> None:
    with (
        warehouse.connection() as connection,
        start(
            "print('begun', flush=True)\n" + HOLDING.replace('    print("begun", flush=True)\n', "")
        ) as other,
    ):
        deadline = time.monotonic() + 120
        while not is_awaited(warehouse.path):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        started = time.monotonic()
        assert warehouse.query("SELECT 1 AS one").to_pylist() == [{"one": 1}]
        warehouse.execute("CREATE TABLE main.t AS SELECT 1 AS one")
        assert time.monotonic() - started < warehouse.lock_timeout
        assert connection.execute("SELECT one FROM main.t").fetchall() == [(1,)]
        other.kill()


def test_a_file_that_stays_locked_is_an_error_that_names_the_holder(
    warehouse: Warehouse, settings: Settings
) -> None:
    with start(HOLDING) as process:
        try:
            impatient = DuckDBWarehouse(settings.warehouse, lock_timeout=0.5)
            with pytest.raises(WorkFailed, match=f"in use by process {process.pid}.*waited 0.5 s"):
                impatient.query("SELECT 1")
        finally:
            process.kill()


def test_threads_of_one_process_share_the_file(warehouse: Warehouse) -> None:
    failed: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for _ in range(5):
                connect().execute(
                    "INSERT INTO ops.lineage VALUES (?, 'a', 'b', now()::TIMESTAMP)", [str(number)]
                )
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert not failed and warehouse.counts("ops.lineage") == {"ops.lineage": 20}


def test_a_thread_that_writes_waits_for_one_that_reads(warehouse: DuckDBWarehouse) -> None:
    reading = threading.Event()

    def read() -> None:
        with warehouse.connection(read_only=True):
            reading.set()
            time.sleep(0.5)

    thread = threading.Thread(target=read)
    thread.start()
    assert reading.wait(60)
    warehouse.execute("CREATE TABLE main.t AS SELECT 1 AS one")
    thread.join()
    assert warehouse.query("SELECT one FROM main.t").num_rows == 1


def test_the_file_stays_open_for_the_next_statement_and_is_closed_then(
    warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Usually it is less than what a busy machine may need between two lines.
    monkeypatch.setattr(opening, "_LINGER", 2.0)
    warehouse.query("SELECT 1")
    assert is_open(warehouse.path)
    let_go(warehouse.path)


def test_another_file_in_its_place_is_another_file(warehouse: DuckDBWarehouse) -> None:
    warehouse.execute("CREATE TABLE main.t AS SELECT 1 AS one")
    warehouse.path.unlink()
    connect(create=True)
    assert warehouse.query("SELECT * FROM duckdb_tables() WHERE table_name = 't'").num_rows == 0


def test_what_a_person_may_not_do_is_not_forbidden_to_the_next_statement(warehouse: DuckDBWarehouse) -> None:
    warehouse.query("SELECT 1")
    assert read(warehouse, "SELECT 1 AS one").num_rows == 1
    warehouse.execute("SET TimeZone = 'UTC'")
    assert warehouse.query("SELECT 1").num_rows == 1


def test_a_process_forked_after_a_statement_may_ask_too(warehouse: DuckDBWarehouse) -> None:
    def ask() -> None:
        warehouse.execute("CREATE TABLE main.forked AS SELECT 1 AS one")

    warehouse.query("SELECT 1")
    process = multiprocessing.get_context("fork").Process(target=ask)
    process.start()
    process.join(300)
    assert process.exitcode == 0
    assert warehouse.query("SELECT one FROM main.forked").num_rows == 1


def test_a_process_may_end_at_any_moment_after_its_last_statement(tmp_path: Path) -> None:
    def status(number: int) -> int:
        file, pause = tmp_path / f"{number}.duckdb", 0.04 + 0.0007 * number
        return subprocess.run([sys.executable, "-c", ENDING, str(file), str(pause)]).returncode

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(status, range(30))) == {0}


def test_a_process_may_end_while_a_thread_of_it_asks(warehouse: Warehouse) -> None:
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", ASKING], env=os.environ, timeout=300)
        assert done.returncode == 0
