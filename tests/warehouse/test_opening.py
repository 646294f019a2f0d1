"""The file of the embedded warehouse goes from one process to the next, and nobody waits for ever."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from workbench.errors import WorkFailed
from workbench.settings import Settings
from workbench.warehouse import Warehouse, connect
from workbench.warehouse.duckdb import DuckDBWarehouse

# Has the file nearly all of the time, as an ingestion of many files does.
GREEDY = """
import time
from workbench.warehouse import connect
warehouse = connect()
print("begun", flush=True)
end = time.monotonic() + 20
while time.monotonic() < end:
    with warehouse.connection():
        time.sleep(0.3)
"""
HOLDING = """
import sys, time
from workbench.warehouse import connect
with connect().connection():
    print("begun", flush=True)
    sys.stdin.readline()
"""


def start(program: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    return process


def test_who_waits_gets_the_file_between_two_files_of_an_ingestion(warehouse: Warehouse) -> None:
    with start(GREEDY) as process:
        try:
            waited = []
            for _ in range(5):
                started = time.monotonic()
                warehouse.query("SELECT count(*) FROM ops.batches")
                waited.append(time.monotonic() - started)
            assert process.poll() is None
            assert max(waited) < 3
        finally:
            process.kill()


def test_who_has_the_file_is_let_in_again_before_those_who_wait(warehouse: DuckDBWarehouse) -> None:
    with (
        warehouse.connection() as connection,
        start(
            "print('begun', flush=True)\n" + HOLDING.replace('    print("begun", flush=True)\n', "")
        ) as other,
    ):
        # By now it waits for this process, and has the turn.
        time.sleep(1.5)
        started = time.monotonic()
        assert warehouse.query("SELECT 1 AS one").to_pylist() == [{"one": 1}]
        warehouse.execute("CREATE TABLE main.t AS SELECT 1 AS one")
        assert time.monotonic() - started < 1
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
        thread.join(60)
    assert not failed and warehouse.counts("ops.lineage") == {"ops.lineage": 20}
