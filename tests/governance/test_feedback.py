"""Verdicts on alerts stay, the newest of each alert counts, and each is noted with who gave it."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from workbench.errors import UsageError
from workbench.governance.alerts import Alert, put
from workbench.governance.alerts.recorded import named
from workbench.governance.feedback import Concerned, check_verdict, give, history, newest
from workbench.warehouse import Warehouse

FOUND = Alert(
    "sales_anomaly",
    "critical",
    "MEAT on 2024-03-12",
    "MEAT sold much",
    ("2024-03-12", "MEAT"),
    model="sales_daily/3",
)
OTHER = Alert("fraud", "warning", "receipt T1", "T1 is odd", ("T1",))
DAYS = Concerned(
    "MEAT", dt.date(2024, 3, 12), dt.date(2024, 3, 14), model_name="sales_daily", model_version="3"
)


def test_of_several_verdicts_the_newest_counts_and_the_others_stay(warehouse: Warehouse) -> None:
    warehouse.run(lambda session: put(session, [FOUND, OTHER], "run-1"))
    alert, other = named(warehouse, FOUND.alert_id), named(warehouse, OTHER.alert_id)
    assert alert.model == "sales_daily/3" and other.model is None
    first = give(warehouse, alert, DAYS, "real", "ann", "the freezer failed")
    assert named(warehouse, FOUND.alert_id).is_open
    second = give(warehouse, alert, DAYS, "false", "bob")
    assert first.given_at < second.given_at
    give(warehouse, other, Concerned(transaction_id="T1"), "real", "ann", "ü" * 2000)

    assert [(each.verdict, each.given_by, each.note) for each in history(warehouse, alert.alert_id)] == [
        ("false", "bob", ""), ("real", "ann", "the freezer failed"),
    ]  # fmt: skip
    assert history(warehouse, alert.alert_id)[1] == first
    assert [(each.subject, each.verdict) for each in newest(warehouse)] == [
        ("receipt T1", "real"), ("MEAT on 2024-03-12", "false"),
    ]  # fmt: skip
    (kept,) = newest(warehouse, "sales_anomaly")
    assert kept == second
    assert newest(warehouse, "fraud")[0].note == "ü" * 1024
    audited = warehouse.rows("SELECT actor, action, object, details FROM ops.audit_log ORDER BY happened_at")
    assert [(row["actor"], row["action"]) for row in audited] == [
        ("ann", "judge alert"), ("bob", "judge alert"), ("ann", "judge alert"),
    ]  # fmt: skip
    assert audited[0]["object"] == alert.alert_id
    assert json.loads(audited[0]["details"])["note"] == "the freezer failed"


@pytest.mark.parametrize(("verdict", "is_open"), [("real", True), ("false", False), ("expected", False)])
def test_what_leaves_nothing_to_do_closes_the_alert(
    warehouse: Warehouse, verdict: str, is_open: bool
) -> None:
    warehouse.run(lambda session: put(session, [FOUND]))
    give(warehouse, named(warehouse, FOUND.alert_id), DAYS, check_verdict(verdict), "ann")
    assert named(warehouse, FOUND.alert_id).is_open is is_open


def test_a_word_that_is_no_verdict_is_refused() -> None:
    with pytest.raises(UsageError, match="did you mean 'expected'"):
        check_verdict("expect")
