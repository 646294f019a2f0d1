"""Days that are asked for are worked out from raw again, whatever became of their rows, and no others."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.transform.conftest import content
from workbench import transform
from workbench.errors import UsageError, WorkFailed
from workbench.warehouse import Warehouse

FIRST, LAST = dt.date(2017, 6, 9), dt.date(2017, 6, 17)
INSIDE = "transaction_timestamp >= TIMESTAMP '2017-06-09' AND transaction_timestamp < TIMESTAMP '2017-06-18'"
DAMAGE = (
    f"UPDATE core.fact_transactions SET quantity = 77, net_amount_reporting = 1 WHERE {INSIDE} AND currency = 'JPY'",
    f"DELETE FROM core.fact_transactions WHERE {INSIDE} AND currency = 'GBP'",
    "UPDATE marts.sales_daily SET lines = 99 WHERE sales_date = '2017-06-09'",
    "DELETE FROM marts.sales_weekly WHERE week_start = '2017-06-05'",
    "INSERT INTO marts.sales_daily SELECT DATE '2017-06-14', 'Nobody', 1, 1, 0, 1, 1, 1, 0, 0",
    "UPDATE marts.sales_monthly SET net_amount_reporting = 5 WHERE month_start = '2017-06-01'",
    "UPDATE staging.product_totals SET lines = 1000",
)


def damage(warehouse: Warehouse) -> None:
    for statement in DAMAGE:
        warehouse.execute(statement)


def heal(first: dt.date, last: dt.date) -> None:
    """Work days out anew as the stages do, one part of the project after another."""
    for tag in ("transactions", "events", "measurements", "marts"):
        transform.build(tag, first_day=first, last_day=last)


def check_healing(warehouse: Warehouse) -> None:
    """Damage rows of some days; work these out anew, and once more in parts; compare with what a whole build makes."""
    before = content(warehouse)
    damage(warehouse)
    # Nothing new landed, so nobody would look at these days again; the checks see that something is wrong.
    with pytest.raises(WorkFailed, match="same_sales"):
        transform.build()
    heal(FIRST, LAST)
    healed = content(warehouse)
    for first, last in ((FIRST, dt.date(2017, 6, 12)), (dt.date(2017, 6, 13), LAST)):
        heal(first, last)
    assert content(warehouse) == healed
    transform.build(full_refresh=True)
    assert healed == content(warehouse) == before


def test_damaged_days_come_out_as_a_whole_build_makes_them(copy: Warehouse) -> None:
    check_healing(copy)


def test_other_days_are_left_and_the_account_says_what_was_asked_for(copy: Warehouse) -> None:
    outside = (
        "transaction_timestamp >= TIMESTAMP '2017-06-18' AND transaction_timestamp < TIMESTAMP '2017-08-01'"
    )
    copy.execute(f"UPDATE core.fact_transactions SET quantity = 77 WHERE {outside}")
    copy.execute("DELETE FROM ops.builds")
    heal(FIRST, LAST)
    left = copy.query(f"SELECT count(*) AS n FROM core.fact_transactions WHERE {outside} AND quantity = 77")
    assert left.to_pylist()[0]["n"] > 0
    asked = copy.query("SELECT model, rows_offered, rows_unchanged, reason FROM ops.builds").to_pylist()
    facts = next(row for row in asked if row["model"] == "fact_transactions")
    assert facts["rows_offered"] == facts["rows_unchanged"] > 0
    assert {row["reason"] for row in asked if row["model"] in ("fact_transactions", "sales_daily")} == {
        "2017-06-09 to 2017-06-17 asked for"
    }


def test_events_and_readings_of_these_days_come_back(copy: Warehouse) -> None:
    before = content(copy)
    # One of each stays: a table that is empty is built whole.
    copy.execute("DELETE FROM core.fact_events WHERE event_id = 'E1'")
    copy.execute("DELETE FROM core.fact_measurements WHERE measurement_id = 'M2'")
    copy.execute("UPDATE core.event_sessions SET event_number = 9 WHERE event_id = 'E1'")
    copy.execute("UPDATE marts.sessions SET events = 9 WHERE session_date = '2017-06-01'")
    copy.execute("UPDATE marts.funnel_daily SET sessions = 9 WHERE session_date = '2017-06-01'")
    copy.execute("UPDATE marts.measurements_daily SET readings = 9 WHERE reading_date = '2017-04-01'")
    with pytest.raises(WorkFailed, match="each_event_once"):
        transform.build()
    assert content(copy) != before
    heal(dt.date(2017, 4, 1), dt.date(2017, 6, 1))
    assert content(copy) == before


def test_half_a_range_is_an_error() -> None:
    with pytest.raises(UsageError, match="a first and a last day are given together"):
        transform.build(first_day=FIRST)
