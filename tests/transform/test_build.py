"""The runner: what it hands back, what it leaves behind, and what it does when things go wrong."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.transform.conftest import Built, content
from tests.transform.landing import land, line
from workbench import transform
from workbench.errors import UsageError, WorkFailed
from workbench.schema import TABLES, sql_type
from workbench.settings import get_settings
from workbench.warehouse import Warehouse

HOLD = """
import duckdb, sys, time
for _ in range(2400):
    try:
        held = duckdb.connect(sys.argv[1])
        break
    except duckdb.IOException:
        time.sleep(0.05)
print("held", flush=True)
time.sleep({})
"""
BUILD = "from workbench import transform; transform.build()"
# Stops in the middle, where the test kills it; the file it makes says so.
HALF = """
import time
from workbench import transform
from workbench.settings import get_settings
from workbench.transform.executor import Build
fill = Build._fill
def stop(build, node, full):
    if node.name == "fact_transactions":
        (get_settings().home / "half").touch()
        time.sleep(600)
    return fill(build, node, full)
Build._fill = stop
transform.build()
"""


def test_tables_keep_their_declared_shape(built: Built) -> None:
    found: dict[str, list[tuple[str, str, bool]]] = {}
    for name, column, kind, nullable in built.rows(
        "SELECT schema_name || '.' || table_name, column_name, data_type, is_nullable FROM duckdb_columns() "
        "WHERE NOT internal ORDER BY 1, column_index"
    ):
        found.setdefault(name, []).append((column, kind, nullable))
    assert found == {
        table.full_name: [
            (column.name, sql_type(column), column.nullable or bool(table.view)) for column in table.columns
        ]
        for table in TABLES.values()
    }


def test_every_table_of_core_and_marts_that_no_python_writes_is_built_and_tested(built: Built) -> None:
    assert {result.table for result in built.result.models} == {
        table.full_name for table in TABLES.values() if table.schema in ("core", "marts") and not table.view
    } - {"marts.sales_anomalies", "marts.fraud_scores", "marts.customer_segment_history"} | {
        "staging.customer_totals",
        "staging.product_totals",
        "staging.month_totals",
        "staging.event_actors",
        "staging.reading_days",
        "staging.series_intervals",
        "staging.batch_days",
        "staging.receipt_matches",
        "staging.purchase_matches",
    }
    tested = {result.table for result in built.result.tests}
    assert tested == {result.table for result in built.result.models}


def test_results_are_data(built: Built) -> None:
    by_name = {result.name: result for result in built.result.results}
    sales = by_name["fact_transactions"]
    assert (sales.resource_type, sales.table, sales.status, sales.rows) == (
        "model",
        "core.fact_transactions",
        "pass",
        23,
    )
    check = by_name["at_most_one_current_dim_customer_customer_id"]
    assert (check.resource_type, check.table, check.status, check.failures) == (
        "test", "core.dim_customer", "pass", 0,
    )  # fmt: skip
    frame = built.result.frame()
    assert len(frame) == len(built.result.results) == len(built.result.models) + len(built.result.tests)
    assert frame.set_index("name").rows["fact_transactions"] == 23


def unchanged(tag: str) -> set[str]:
    """Build a part, and return the tables that stay as they were."""
    return {model.table for model in transform.build(tag).models if model.is_unchanged}


def test_building_again_changes_nothing(built: Built, home: Path) -> None:
    before = content(built.warehouse)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(built.home))
        result = transform.build("customers")
    assert {model.name for model in result.models} == {"dim_customer"}
    assert {test.table for test in result.tests} == {"core.dim_customer"}
    assert content(built.warehouse) == before


def test_a_build_without_news_works_nothing_out_and_writes_nothing(copy: Warehouse) -> None:
    marks = "SELECT * FROM ops.watermarks ORDER BY model"
    before, rows = copy.query(marks).to_pylist(), content(copy)
    result = transform.build()
    worked_out = {model.name for model in result.models if model.changes and model.changes.offered}
    # What it counts is of tables of all datasets, and nobody tells it of them.
    assert worked_out == {"data_quality_daily"} and result.offered > 0
    assert not any(model.changes and model.changes.why for model in result.models)
    assert copy.query(marks).to_pylist() == before and content(copy) == rows
    assert {model.rows for model in result.models} == {model.rows for model in transform.build().models}


def test_what_is_worked_out_whole_is_told_by_what_it_reads_in_an_earlier_build(copy: Warehouse) -> None:
    land(copy, "transactions", 9, line("late", at="2031-02-03 08:00:00", customer_id="ann"))
    assert not {"core.fact_transactions", "core.dim_date"} & unchanged("transactions")
    # Who was told hasn't yet looked, whatever the next build finds.
    assert {"core.fact_events", "core.dim_date"} <= (again := unchanged("transactions"))
    assert "core.fact_transactions" not in again
    assert copy.query("SELECT DISTINCT as_of FROM marts.customer_segments").to_pylist() != [
        {"as_of": dt.date(2031, 2, 3)}
    ]
    built = {model.name: model.changes for model in transform.build("marts").models}
    assert built["customer_segments"] and built["customer_segments"].updated
    assert built["product_performance"] and not built["product_performance"].why
    assert copy.query("SELECT DISTINCT as_of FROM marts.customer_segments").to_pylist() == [
        {"as_of": dt.date(2031, 2, 3)}
    ]
    assert "core.fact_transactions" in unchanged("transactions")


def test_a_table_that_somebody_emptied_is_built_whole_and_an_empty_one_is_not(copy: Warehouse) -> None:
    before = content(copy)
    copy.execute("DELETE FROM marts.sales_daily")
    whole = {m.name: m.changes.why for m in transform.build().models if m.changes and m.changes.why}
    assert whole == {"sales_daily": "its table was emptied"}
    assert content(copy) == before
    copy.execute("DELETE FROM core.fact_transactions")
    assert content(copy) != before
    transform.build()
    assert content(copy) == before


def test_it_waits_for_the_file_heals_members_that_arrive_late_and_lets_go_of_the_file(
    copy: Warehouse, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = {"updated_at": "2017-06-01", "first_name": "Zoe"}
    land(copy, "customers", 9, {"customer_id": "zoe"} | entry, {"customer_id": "dee"} | entry)
    copy.execute("ALTER TABLE core.dim_store DROP COLUMN name")
    monkeypatch.setenv("WORKBENCH_REPORTING_CURRENCY", "EUR")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD.format(1), home / "warehouse.duckdb"], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout and holder.stdout.readline() == b"held\n"
        transform.build("customers", "products", "transactions")
    sold = "SELECT d.first_name, d.is_inferred FROM core.fact_transactions f JOIN core.dim_customer d USING (customer_key)"
    for transaction in ("unknown", "only deleted"):
        (row,) = copy.query(f"{sold} WHERE transaction_id = '{transaction}'").to_pylist()
        assert row == {"first_name": "Zoe", "is_inferred": False}
    (row,) = copy.query("SELECT count(*) AS n FROM core.dim_customer WHERE customer_id = 'zoe'").to_pylist()
    assert row == {"n": 1}
    (row,) = copy.query(
        "SELECT reporting_currency, exchange_rate::DOUBLE AS rate FROM core.fact_transactions "
        "WHERE transaction_id = 'a great sum'"
    ).to_pylist()
    assert row == {"reporting_currency": "EUR", "rate": 0.008}
    assert copy.query("SELECT name FROM core.dim_store WHERE store_id = 'S1'").to_pylist() == [
        {"name": "Main"}
    ]
    subprocess.run([sys.executable, "-c", HOLD.format(0), home / "warehouse.duckdb"], check=True, timeout=300)


def test_a_failing_check_is_named_and_what_depends_on_it_is_not_built(copy: Warehouse) -> None:
    copy.execute("UPDATE ops.batches SET rows_accepted = 9 WHERE batch_id = 'a'")
    with pytest.raises(WorkFailed, match=r"test accounted_for_data_quality_daily_rows_landed: Got 1 result"):
        transform.build("marts")


def test_a_failing_model_is_named_with_its_cause(copy: Warehouse) -> None:
    land(
        copy,
        "transactions",
        9,
        line("too much", quantity="99999999999999", unit_price="999999999999", store_id="new"),
    )
    before = copy.counts("core.dim_store", "core.fact_transactions")
    with pytest.raises(WorkFailed, match=r"model fact_transactions: .*(overflow|range|cast)"):
        transform.build("transactions")
    # Nothing of the build is there, not even of what could be filled.
    assert copy.counts("core.dim_store", "core.fact_transactions") == before


def test_facts_do_not_wait_for_stages_that_have_nothing_to_do(copy: Warehouse) -> None:
    land(
        copy, "transactions", 9, line("known", customer_id="ann"), line("unheard of", customer_id="newcomer")
    )
    before = copy.counts("core.fact_transactions")["core.fact_transactions"]
    transform.build("transactions")
    assert copy.counts("core.fact_transactions") == {"core.fact_transactions": before + 2}


def test_a_file_held_for_long_is_named_with_its_holder(
    warehouse: Warehouse, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_LOCK_TIMEOUT", "0.2")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD.format(600), home / "warehouse.duckdb"], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout and holder.stdout.readline() == b"held\n"
        with pytest.raises(WorkFailed, match=f"in use by process {holder.pid}"):
            transform.build("customers")
        holder.kill()


def test_an_unknown_tag_or_a_missing_warehouse_is_a_wrong_call(home: Path) -> None:
    with pytest.raises(UsageError, match="no warehouse at"):
        transform.build("customers")
    with pytest.raises(UsageError, match="unknown tag 'customer'; did you mean 'customers'"):
        transform.build("customer")


def test_killed_in_the_middle_it_gives_the_same_tables_when_run_again(
    copy: Warehouse, built: Built, home: Path
) -> None:
    filled = [table.full_name for table in transform.MODELS.values()]
    for name in filled:
        copy.execute(f"DELETE FROM {name}")
    environment = os.environ | {"PYTHONPATH": str(get_settings().root)}
    with subprocess.Popen([sys.executable, "-c", HALF], env=environment) as build:
        deadline = time.monotonic() + 300
        while not (home / "half").exists() and build.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        build.send_signal(signal.SIGKILL)
    assert build.returncode == -signal.SIGKILL
    assert set(copy.counts(*filled).values()) == {0}
    transform.build()
    assert content(copy) == content(built.warehouse)


def test_what_identifies_a_row_is_never_missing(copy: Warehouse) -> None:
    for table in transform.MODELS.values():
        assert table.key and not any(table.column(name).nullable for name in table.key), table.full_name
    for name in ("core.dim_customer", "core.fact_events", "marts.sales_daily"):
        column = TABLES[name].key[0]
        with pytest.raises(Exception, match=rf"(?s)NOT NULL.*{column}"):
            copy.execute(f"UPDATE {name} SET {column} = NULL")
