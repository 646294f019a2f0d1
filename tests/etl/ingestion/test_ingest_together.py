"""Ingestions that are killed, or that meet others: as if each had been alone and undisturbed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.etl.lines import GOOD, HEADER, line, quarantined, take
from tests.redshift import staged_keys
from tests.warehouse.replica import let_go
from workbench.errors import WorkFailed
from workbench.etl.ingest import ingest
from workbench.settings import get_settings
from workbench.sources.files import land
from workbench.sources.landing import FolderLanding, LandedFile
from workbench.sources.landing.base import Warn
from workbench.warehouse import Warehouse, connect

# Ends itself in the middle of its work. That is looked for where the work is done: who looks from elsewhere may be late.
KILLED = """
import os, threading, time
from workbench.etl.ingest import ingest
from workbench.warehouse import connect
{}
def watch():
    while not begun():
        time.sleep(0.002)
    os.kill(os.getpid(), 9)
threading.Thread(target=watch, daemon=True).start()
ingest(connect())
"""
GROWN = """
from pathlib import Path
from workbench.settings import get_settings
file = get_settings().home / "warehouse.duckdb"
before = file.stat().st_size
def begun():
    return file.stat().st_size != before
"""
# Its transaction is open once it holds the lock on the ledger.
LOCKED = """
from workbench.warehouse.redshift.connection import open_session
opened = open_session(connect().address)
session = opened.__enter__()
held = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'ops.batches'::regclass"
def begun():
    return session.execute(held).fetchall() != [(0,)]
"""


def test_two_ingestions_at_once_load_a_file_once(warehouse: Warehouse, tmp_path: Path) -> None:
    source = tmp_path / "transactions" / "a.csv"
    source.parent.mkdir()
    source.write_text(f"{HEADER}\n{line()}\n")
    land(str(source))

    class Overtaken(FolderLanding):
        """Yields the file after another ingestion, which began later, has taken it in."""

        def files(self, warn: Warn = lambda _: None) -> Iterator[LandedFile]:
            assert len(ingest(warehouse).batches) == 1
            yield from super().files(warn)

    late = ingest(warehouse, Overtaken(get_settings().landing))
    assert (late.batches, late.known_files) == ((), 1)
    assert warehouse.counts("raw.transactions") == {"raw.transactions": 1}


def test_killed_in_the_middle_and_run_again_is_as_if_undisturbed(home: Path, tmp_path: Path) -> None:
    for month in range(4):
        lines = [line(transaction_id=f"T{month}-{n}", quantity=str(n % 7)) for n in range(60_000)]
        (tmp_path / f"{month}.csv").write_text("\n".join([HEADER, *lines]))
        land(str(tmp_path / f"{month}.csv"), "transactions")
    connect(create=True)
    killed = subprocess.run([sys.executable, "-c", KILLED.format(GROWN)], check=False, timeout=600)
    assert killed.returncode == -signal.SIGKILL
    warehouse = connect(create=True)
    assert warehouse.counts("ops.batches")["ops.batches"] < 4
    ingest(warehouse)
    sums = warehouse.query(
        "SELECT (SELECT count(*) FROM raw.transactions) AS raw, (SELECT count(*) FROM ops.quarantine) AS aside, "
        "(SELECT count(*) FROM ops.batches) AS files, (SELECT count(DISTINCT transaction_id) FROM raw.transactions) AS ids"
    ).to_pylist()[0]
    zero = 4 * len([n for n in range(60_000) if n % 7 == 0])
    assert sums == {"raw": 240_000 - zero, "aside": zero, "files": 4, "ids": 240_000 - zero}


@pytest.mark.soak
def test_killed_in_the_middle_on_redshift_and_run_again_is_as_if_undisturbed(
    redshift_warehouse: Warehouse, tmp_path: Path
) -> None:
    for month in range(3):
        lines = [line(transaction_id=f"T{month}-{n}", quantity=str(n % 7)) for n in range(30_000)]
        (tmp_path / f"{month}.csv").write_text("\n".join([HEADER, *lines]))
        land(str(tmp_path / f"{month}.csv"), "transactions")
    killed = subprocess.run([sys.executable, "-c", KILLED.format(LOCKED)], check=False, timeout=600)
    assert killed.returncode == -signal.SIGKILL
    # Files are all it leaves, under the prefix that a lifecycle rule clears.
    left = staged_keys()
    assert all("/load-" in key for key in left)
    ingest(redshift_warehouse)
    assert staged_keys() == left
    (sums,) = redshift_warehouse.query(
        "SELECT (SELECT count(*) FROM raw.transactions) AS raw, (SELECT count(*) FROM ops.quarantine) AS aside, "
        "(SELECT count(*) FROM ops.batches) AS files, (SELECT count(DISTINCT transaction_id) FROM raw.transactions) AS ids"
    ).to_pylist()
    zero = 3 * len([n for n in range(30_000) if n % 7 == 0])
    assert sums == {"raw": 90_000 - zero, "aside": zero, "files": 3, "ids": 90_000 - zero}


def test_many_ingestions_at_once_on_redshift_double_nothing(
    redshift_warehouse: Warehouse, tmp_path: Path
) -> None:
    for name in "abc":
        (tmp_path / f"{name}.csv").write_text(f"{HEADER}\n{line(transaction_id=name)}\n{GOOD}\nbroken\n")
        land(str(tmp_path / f"{name}.csv"), "transactions")
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: ingest(redshift_warehouse), range(4)))
    assert sorted(len(result.batches) + result.known_files for result in results) == [3, 3, 3, 3]
    assert sum(len(result.batches) for result in results) == 3
    assert redshift_warehouse.counts("raw.transactions", "ops.quarantine", "ops.batches") == {
        "raw.transactions": 6, "ops.quarantine": 3, "ops.batches": 3,
    }  # fmt: skip
    # Of the line that is in each file, two are repeats, whichever came first.
    (row,) = redshift_warehouse.query(
        "SELECT sum(rows_duplicate) AS repeats, count(DISTINCT ingested_at) AS moments FROM ops.batches"
    ).to_pylist()
    assert (int(row["repeats"]), row["moments"]) == (2, 3)


def test_what_redshift_cannot_hold_is_set_aside(redshift_warehouse: Warehouse, tmp_path: Path) -> None:
    long = "x" * 70_000
    content = f"{HEADER},note\n{GOOD},short\n{line(transaction_id='T2')},{long}\n"
    batch = take(redshift_warehouse, tmp_path, content)
    assert (batch.rows_accepted, batch.rows_quarantined, batch.status) == (1, 1, "partial")
    ((number, record, reasons),) = quarantined(redshift_warehouse)
    assert (number, reasons) == (2, ["_extra:too_long"])
    assert record.startswith(line(transaction_id="T2"))
    assert record.endswith("… (cut)")
    assert len(record.encode()) <= 65_535


def test_a_busy_warehouse_is_named_with_its_holder(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(create=True)
    (tmp_path / "a.csv").write_text(f"{HEADER}\n{GOOD}\n")
    land(str(tmp_path / "a.csv"), "transactions")
    let_go(home / "warehouse.duckdb")
    code = f"import duckdb; c = duckdb.connect({str(home / 'warehouse.duckdb')!r}); print('held', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdin and holder.stdout
        assert holder.stdout.readline() == "held\n"
        monkeypatch.setenv("WORKBENCH_LOCK_TIMEOUT", "0.2")
        with pytest.raises(WorkFailed, match=f"in use by process {holder.pid}"):
            ingest(connect())
        holder.stdin.close()
    assert ingest(connect()).counts["rows_accepted"] == 1
