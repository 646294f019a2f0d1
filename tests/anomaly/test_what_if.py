"""What another threshold would have raised is told from stored scores, and nothing is written."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from workbench.anomaly import detect_sales, give_verdict
from workbench.anomaly.sales.hierarchy import TOTAL
from workbench.anomaly.what_if import what_if
from workbench.errors import UsageError, WorkFailed
from workbench.governance.alerts import Alert, put
from workbench.governance.alerts.recorded import recent
from workbench.warehouse import Warehouse, connect

from .data import DAYS, LEVELS, START, of_table
from .sales.test_incidents import multiply

LAST = START + dt.timedelta(days=DAYS - 1)
FACTORS = {"DAIRY": 1.6, "GROCERY": 1.8, "MEAT": 3.0, "PRODUCE": 6.0}


@pytest.fixture
def scored(trained: object) -> Warehouse:
    """Four departments on four days, each further off than the one before; what is odd and what is unusual by itself."""
    for number, (department, factor) in enumerate(FACTORS.items()):
        multiply(department, [LAST - dt.timedelta(days=3 * number + 1)], factor)
    warehouse = connect()
    detect_sales(warehouse)
    return warehouse


def test_the_threshold_in_force_is_what_was_found(scored: Warehouse) -> None:
    found = what_if(scored, 1.5)
    assert found.in_force == found.asked
    assert (found.first_day, found.last_day) == (LAST - dt.timedelta(days=27), LAST)
    raised = {each.subject for each in recent(scored, 50)}
    assert found.in_force.alerts == len(raised)
    assert found.in_force.alerts_a_day == pytest.approx(len(raised) / 28, abs=1e-4)
    stake = {
        f"{row['department']} on {row['sales_date']}": row["money_at_stake"]
        for row in scored.rows("SELECT department, sales_date, money_at_stake FROM marts.sales_anomalies")
    }
    assert found.in_force.money_at_stake == pytest.approx(sum(stake[name] for name in raised), abs=0.01)


@pytest.mark.usefixtures("trained")
def test_what_all_departments_do_is_one_incident_here_too() -> None:
    for department in LEVELS:
        multiply(department, [LAST - dt.timedelta(days=9)], 0.4)
    warehouse = connect()
    detect_sales(warehouse)
    found = what_if(warehouse, 1.5)
    assert f"{TOTAL} on {LAST - dt.timedelta(days=9)}" in {each.subject for each in recent(warehouse, 50)}
    assert found.in_force == found.asked
    assert found.in_force.alerts == len(recent(warehouse, 50))


def test_a_higher_threshold_has_fewer_alerts_and_says_which_verdicts_are_lost(scored: Warehouse) -> None:
    verdicts = {"DAIRY": "false", "GROCERY": "expected", "MEAT": "real", "PRODUCE": "real"}
    alerts = {each.subject.partition(" on ")[0]: each for each in recent(scored, 50)}
    given = {name: verdict for name, verdict in verdicts.items() if name in alerts}
    for name, verdict in given.items():
        give_verdict(scored, alerts[name].alert_id, verdict)
    scores = scored.frame(
        "SELECT department, max(score) AS score FROM marts.sales_anomalies WHERE sales_date > ? GROUP BY 1",
        [LAST - dt.timedelta(days=14)],
    ).set_index("department")["score"]
    limit = float(scores["MEAT"]) + 0.01
    before = scored.counts()
    found = what_if(scored, limit)
    assert scored.counts() == before
    assert 0 < found.asked.alerts < found.in_force.alerts
    assert found.asked.money_at_stake < found.in_force.money_at_stake
    assert {each.subject.partition(" on ")[0] for each in found.lost} == {
        name for name in given if scores[name] < limit
    }
    assert "MEAT" in found.summary() and "(real)" in found.summary()
    assert (found.in_force.kept("real"), found.asked.kept("real")) == ("2 of 2", "1 of 2")
    assert found.to_dict()["asked"]["threshold"] == limit


def test_a_lower_threshold_has_more_incidents_and_alerts_stay_within_the_budget(scored: Warehouse) -> None:
    low, usual = what_if(scored, 1.0), what_if(scored, 1.5)
    assert low.asked.incidents >= usual.asked.incidents
    few = what_if(scored, 1.0, budget=2)
    assert (few.asked.alerts, few.in_force.alerts) == (2, 2)
    assert few.asked.incidents == low.asked.incidents
    # Of twice as many days there may be twice as many.
    assert what_if(scored, 1.0, budget=1, days=56).asked.alerts == 2
    everything = what_if(scored, 1e9)
    assert everything.asked.alerts <= everything.in_force.alerts


def test_what_cannot_be_said_is_said(warehouse: Warehouse) -> None:
    with pytest.raises(WorkFailed, match=r"no day of sales is scored: .* there are no daily sales"):
        what_if(warehouse, 2.0)
    with pytest.raises(WorkFailed, match=r"no receipt is scored: .* 0 frauds are known, 20 are needed"):
        what_if(warehouse, 0.5, kind="fraud")
    for threshold, kind, message in (
        (0.5, "sales_anomaly", "stored from 1 on"), (float("nan"), "sales_anomaly", "stored from 1 on"),
        (1.5, "fraud", "a probability"), (1.5, "frauds", "did you mean 'fraud'"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=message):
            what_if(warehouse, threshold, kind=kind)
    with pytest.raises(UsageError, match="days is at least 1"):
        what_if(warehouse, 2.0, days=0)


def test_scores_of_an_earlier_version_are_to_be_made_again(scored: Warehouse) -> None:
    scored.execute("UPDATE marts.sales_anomalies SET threshold = NULL")
    with pytest.raises(WorkFailed, match="--only detect_sales"):
        what_if(scored, 2.0)


def test_receipts_are_weighed_by_the_budget_of_each_day(either: Warehouse) -> None:
    random = np.random.default_rng(3)
    days = pd.date_range("2024-01-01", periods=40, freq="D")
    frame = of_table(
        "marts.fraud_scores",
        {
            "transaction_id": [f"T{number:04}" for number in range(400)],
            "transaction_timestamp": np.repeat(days.to_numpy(), 10) + pd.Timedelta(hours=9),
            "score": np.tile(np.linspace(0.05, 0.95, 10), 40), "amount": random.integers(1, 500, 400).astype(float),
            "threshold": 0.5, "model_name": "fraud_transactions", "model_version": "1", "store_id": "S1",
            "scored_at": dt.datetime(2024, 3, 1),
        },
        400,
    )  # fmt: skip
    frame["is_alert"] = frame["score"] >= 0.5
    either.append("marts.fraud_scores", frame)
    found = what_if(either, 0.8, kind="fraud", days=10)
    assert (found.first_day, found.last_day) == (dt.date(2024, 1, 31), dt.date(2024, 2, 9))
    assert (found.in_force.threshold, found.in_force.incidents, found.in_force.alerts) == (0.5, 50, 50)
    assert (found.asked.incidents, found.asked.alerts, found.asked.alerts_a_day) == (20, 20, 2.0)
    window = frame[frame["transaction_timestamp"] >= pd.Timestamp("2024-01-31")]
    stake = (window["score"] * window["amount"])[window["score"] >= 0.8].sum()
    assert found.asked.money_at_stake == pytest.approx(stake, abs=0.01)
    assert what_if(either, 0.1, kind="fraud", days=10, budget=3).asked.alerts == 30
    # There are forty days with scores.
    longer = what_if(either, 0.8, kind="fraud", days=100)
    assert (longer.first_day, longer.asked.alerts_a_day) == (dt.date(2024, 1, 1), 2.0)

    # One that would be lost, one that would be kept, and one of long ago.
    alerts = [
        Alert("fraud", "warning", f"receipt {name}", "odd", (name,)) for name in ("T0395", "T0399", "T0009")
    ]
    either.run(lambda session: put(session, alerts))
    for alert in alerts:
        give_verdict(either, alert.alert_id, "real")
    judged = what_if(either, 0.8, kind="fraud", days=10)
    assert [each.subject for each in judged.lost] == ["receipt T0395"]
    assert (judged.in_force.kept("real"), judged.asked.kept("real")) == ("2 of 2", "1 of 2")
