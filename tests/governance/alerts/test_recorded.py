"""The same finding is one alert, whatever it says and however often it is found."""

from __future__ import annotations

from dataclasses import replace

from workbench.governance import alerts
from workbench.governance.alerts import Alert
from workbench.warehouse import Warehouse

LATE = Alert("late", "warning", "sales of Monday", "Sales of Monday are two days late", ("sales", "Monday"))


def put(warehouse: Warehouse, *found: Alert, run_id: str | None = None) -> int:
    """Put alerts in a transaction of their own."""
    return warehouse.run(lambda session: alerts.put(session, found, run_id))


def test_a_finding_is_one_alert_and_keeps_its_first_words(warehouse: Warehouse) -> None:
    assert put(warehouse, LATE, LATE, run_id="one") == 1
    assert put(warehouse, replace(LATE, message="Sales of Monday are three days late"), run_id="two") == 0
    (row,) = warehouse.query("SELECT * FROM ops.alerts").to_pylist()
    del row["raised_at"]
    assert row == {
        "alert_id": LATE.alert_id, "run_id": "one", "kind": "late", "severity": "warning",
        "subject": "sales of Monday", "message": "Sales of Monday are two days late", "is_open": True,
        "link": None, "model": None, "owner": None,
    }  # fmt: skip


def test_an_alert_that_somebody_closed_stays_closed(warehouse: Warehouse) -> None:
    put(warehouse, LATE)
    warehouse.execute("UPDATE ops.alerts SET is_open = false")
    assert put(warehouse, LATE) == 0
    assert warehouse.query("SELECT is_open FROM ops.alerts").to_pylist() == [{"is_open": False}]


def test_another_kind_or_finding_is_another_alert(warehouse: Warehouse) -> None:
    others = [
        replace(LATE, kind="missing"),
        replace(LATE, finding=("sales", "Tuesday")),
        replace(LATE, finding=("salesM", "onday")),
    ]
    assert put(warehouse, LATE, others[0]) == 2
    assert put(warehouse, *others, LATE) == 2
    assert warehouse.counts("ops.alerts") == {"ops.alerts": 4}


def test_long_texts_are_cut_and_nothing_found_is_nothing_done(warehouse: Warehouse) -> None:
    assert put(warehouse) == 0
    put(warehouse, replace(LATE, subject="ü" * 300, message="ü" * 3000))
    (row,) = warehouse.query("SELECT subject, message FROM ops.alerts").to_pylist()
    assert (row["subject"], row["message"]) == ("ü" * 128, "ü" * 1024)
