"""Each way to the warehouse tells which tables it touches, on either engine; what keeps it in order tells nothing."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from tests.answers import read
from workbench.warehouse import Warehouse, connect
from workbench.warehouse.access import ACCESS_LOG, infrastructure, note_tables, read_log
from workbench.warehouse.statements import full_names, tables_of

NOW = dt.datetime(2024, 2, 29)
STORE = {
    "store_id": "S1", "updated_at": NOW, "_extra": None, "_batch_id": "b", "_row_number": 1, "_ingested_at": NOW,
}  # fmt: skip
PERSON = {"customer_id": "C", "person_id": "C", "cluster_size": 1, "match_probability": None}


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "access.jsonl"
    monkeypatch.setenv(ACCESS_LOG, str(path))
    return path


def touched(log: Path, dialect: Any) -> tuple[set[str], set[str]]:
    """What the log tells of reads and writes; then it is empty."""
    reads: set[str] = set()
    writes: set[str] = set()
    events, _ = read_log(log)
    made: set[str] = {name for event in events for name in event.get("made", ())}
    for event in events:
        reads |= set(event.get("reads", ()))
        writes |= set(event.get("writes", ()))
        if "sql" in event:
            found = tables_of(event["sql"], dialect)
            assert found.understood, event["sql"]
            made |= found.made
            reads |= full_names(found.reads, made)
            writes |= full_names(found.writes, made)
    log.unlink(missing_ok=True)
    return reads, writes


def people(count: int) -> pa.Table:
    return pa.Table.from_pylist([{**PERSON, "customer_id": f"C{number}"} for number in range(count)])


def load(warehouse: Warehouse, count: int) -> None:
    with warehouse.prepare("staging.customer_identity", people(count)) as cargo:
        warehouse.run(cargo.load)


STORES = "SELECT * FROM raw.stores"
PEOPLE = "staging.customer_identity"
WAYS: dict[str, tuple[Callable[[Warehouse], object], set[str], set[str]]] = {
    "query": (lambda w: w.query(f"{STORES} WHERE store_id = ?", ["S1"]), {"raw.stores"}, set()),
    "frame": (lambda w: w.frame(STORES), {"raw.stores"}, set()),
    "read": (lambda w: read(w, "SELECT count(*) AS n FROM sales_daily"), {"marts.sales_daily"}, set()),
    "counts": (lambda w: w.counts("raw.stores", "ops.runs"), {"raw.stores", "ops.runs"}, set()),
    "execute": (lambda w: w.execute("DELETE FROM raw.stores"), set(), {"raw.stores"}),
    "run": (lambda w: w.run(lambda s: s.execute(f"{STORES} LIMIT 1").fetchall()), {"raw.stores"}, set()),
    "replace": (lambda w: w.replace(PEOPLE, people(3)), set(), {PEOPLE}),
    "append a frame": (lambda w: w.append(PEOPLE, pd.DataFrame([PERSON])), set(), {PEOPLE}),
    "a few rows prepared": (lambda w: load(w, 3), set(), {PEOPLE}),
    "many rows prepared": (lambda w: load(w, 2000), set(), {PEOPLE}),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_tells_its_tables(either: Warehouse, log: Path, way: str) -> None:
    act, reads, writes = WAYS[way]
    act(either)
    assert touched(log, either.dialect) == (reads, writes)


def test_an_answer_in_bulk_tells_its_tables(redshift_warehouse: Warehouse, log: Path) -> None:
    assert redshift_warehouse.query(STORES, unload=True).num_rows == 0
    assert touched(log, "redshift") == ({"raw.stores"}, set())


def test_what_keeps_the_warehouse_in_order_tells_nothing(either: Warehouse, log: Path) -> None:
    connect(create=True)
    either.initialize()
    either.plan()
    either.require()
    either.remake(["core.dim_store"], always=True)
    either.maintain()
    with infrastructure():
        either.query(STORES)
    assert touched(log, either.dialect) == (set(), set())
    either.query(STORES)
    assert touched(log, either.dialect)[0] == {"raw.stores"}


def test_a_connection_of_duckdb_tells_what_is_done_with_it(warehouse: Warehouse, log: Path) -> None:
    with warehouse.scratch() as connection:
        connection.register("dim_store", pd.DataFrame([STORE]))
        assert connection.execute("SELECT count(*) FROM dim_store").fetchall() == [(1,)]
        connection.sql("CREATE TEMP TABLE sales_weekly AS FROM raw.stores")
        connection.executemany(
            "INSERT INTO sales_weekly SELECT ?, * EXCLUDE (store_id) FROM sales_weekly", [["a"]]
        )
        assert connection.table("raw.products").fetchall() == []
        other = connection.cursor()
        assert other.execute("SELECT count(*) FROM ops.batches").fetchall() == [(0,)]
        other.close()
    assert touched(log, "duckdb") == ({"raw.stores", "raw.products", "ops.batches"}, set())


def test_threads_and_other_processes_tell_too(warehouse: Warehouse, log: Path) -> None:
    thread = threading.Thread(target=warehouse.query, args=[STORES])
    thread.start()
    thread.join()
    subprocess.run(
        [sys.executable, "-m", "workbench.cli", "query", "SELECT count(*) FROM sales_daily"], check=True, timeout=300
    )  # fmt: skip
    note_tables(writes=["ops.alerts"])
    assert touched(log, "duckdb") == ({"raw.stores", "marts.sales_daily"}, {"ops.alerts"})


def test_the_same_is_told_once_and_values_never(warehouse: Warehouse, log: Path) -> None:
    for name in ("mine", "yours", "hers"):
        warehouse.query(f"{STORES} WHERE store_id = '{name}'")
        warehouse.query("SELECT 1")
    (line,) = log.read_text().splitlines()
    assert "mine" not in line and "raw.stores" in line


def test_a_log_that_cannot_be_written_fails_nothing(warehouse: Warehouse, log: Path) -> None:
    log.mkdir()
    assert warehouse.query(STORES).num_rows == 0


def test_a_line_that_is_not_whole_yet_is_left_for_later(tmp_path: Path) -> None:
    log = tmp_path / "access.jsonl"
    assert read_log(log) == ([], 0)
    log.write_text('{"reads": ["a"]}\nnot json\n{"reads": [')
    events, end = read_log(log)
    assert events == [{"reads": ["a"]}]
    with log.open("a") as file:
        file.write('"b"]}\n')
    assert read_log(log, end)[0] == [{"reads": ["b"]}]
