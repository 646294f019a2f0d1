"""A person's verdict on an alert is a label from then on; delivered ones outweigh it, and the model is watched by both."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from workbench.anomaly import check_models, give_verdict
from workbench.anomaly.fraud.behaviour.receipts import Receipts, date_of, read_receipts
from workbench.anomaly.fraud.inputs import WATCHED, summarize
from workbench.anomaly.fraud.monitoring import observe_fraud, precision
from workbench.anomaly.fraud.stored import MODEL
from workbench.anomaly.fraud.training import train_fraud
from workbench.anomaly.models.registry import find_model
from workbench.governance.alerts import Alert, put
from workbench.governance.alerts.recorded import now, recent
from workbench.tracking import mlflow_client
from workbench.warehouse import Warehouse

from ..data import of_table

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def sell(warehouse: Warehouse, times: dict[str, dt.datetime]) -> None:
    columns = {
        "transaction_id": list(times), "line_number": 1, "transaction_timestamp": list(times.values()),
        "customer_id": "C1", "store_id": "S1", "net_amount_reporting": 50.0,
    }  # fmt: skip
    warehouse.append("core.fact_transactions", of_table("core.fact_transactions", columns, len(times)))


def deliver(warehouse: Warehouse, labels: dict[str, tuple[bool, dt.datetime]]) -> None:
    columns = {
        "transaction_id": list(labels), "is_fraud": [fraud for fraud, _ in labels.values()],
        "labelled_at": [when for _, when in labels.values()],
    }  # fmt: skip
    warehouse.append("raw.fraud_labels", of_table("raw.fraud_labels", columns, len(labels)))


def judge(warehouse: Warehouse, name: str, verdict: str) -> dt.datetime:
    alert = Alert("fraud", "warning", f"receipt {name}", "odd", (name,), model=f"{MODEL}/1")
    warehouse.run(lambda session: put(session, [alert]))
    given = give_verdict(warehouse, alert.alert_id, verdict)
    assert given.concerned.transaction_id == name
    return given.given_at


def held(receipts: Receipts, moment: dt.datetime) -> set[str]:
    """Return the receipts that were held for fraud at a moment."""
    seconds = int((moment - dt.datetime(1970, 1, 5)).total_seconds())
    known = receipts.verdicts.as_of(seconds, len(receipts))
    return set(receipts.rows["transaction_id"][known])


def test_a_verdict_is_known_from_its_time_and_a_delivered_label_outweighs_it(either: Warehouse) -> None:
    moment = now()
    sold = {f"T{number}": moment - 5 * DAY + number * HOUR for number in range(7)}
    sell(either, {**sold, "LATER": moment + 3 * HOUR})
    deliver(either, {"T2": (True, moment - DAY), "T3": (False, moment + 2 * HOUR)})
    first = judge(either, "T1", "real")
    judge(either, "T2", "false")
    judge(either, "T3", "real")
    judge(either, "T4", "expected")
    judge(either, "T5", "real")
    last = judge(either, "T5", "false")

    receipts = read_receipts(either)
    assert held(receipts, first - HOUR) == {"T2"}
    assert held(receipts, last + HOUR) == {"T1", "T2", "T3"}
    assert held(receipts, last + 4 * HOUR) == {"T1", "T2"}
    features = receipts.features(0).set_index(receipts.rows["transaction_id"])
    assert features.loc["LATER", "store_frauds_7"] == 2
    assert features.loc["LATER", "customer_frauds_30"] == 2
    assert features.loc["T6", "store_frauds_7"] == 0
    # T1, T2 and T3 were called fraud by somebody, and so was T5 at first.
    assert train_fraud(either).summary == "No model was trained: 4 frauds are known, 20 are needed."


def scores(days: int, alerts: dict[int, int], level: float = 0.05, last: int | None = None) -> pd.DataFrame:
    """Ten scores a day, as a champion writes them; ``alerts`` tells how many of a day's are alerts."""
    random = np.random.default_rng(5)
    start = dt.datetime(2024, 1, 1, 12)
    frame = of_table(
        "marts.fraud_scores",
        {
            "transaction_id": [f"D{day:03}{number}" for day in range(days) for number in range(10)],
            "transaction_timestamp": [start + day * DAY for day in range(days) for _ in range(10)],
            "score": np.round(random.beta(2, 2 / level - 2, days * 10), 6), "amount": 50.0, "threshold": 0.3,
            "is_alert": [number < alerts.get(day, 0) for day in range(days) for number in range(10)],
            "model_name": MODEL, "model_version": "1", "store_id": "S1", "scored_at": start + days * DAY,
        },
        days * 10,
    )  # fmt: skip
    if last:
        moved = frame["transaction_timestamp"] >= start + (days - last) * DAY
        frame.loc[moved, "score"] = np.minimum(frame.loc[moved, "score"] * 3, 1)
    return frame


def test_precision_counts_what_has_a_verdict_or_should_have_one(either: Warehouse) -> None:
    assert precision(either).cases == 0
    either.append("marts.fraud_scores", scores(40, {0: 2, 30: 3, 39: 2}))
    # Nothing is delivered: only what people say counts.
    judge(either, "D0390", "real")
    assert (precision(either).right, precision(either).cases) == (1, 1)
    start = dt.datetime(2024, 1, 1)
    deliver(either, {"D0300": (True, start + 34 * DAY), "D0301": (True, start + 38 * DAY)})
    # Of day 0 there would be verdicts by now, and of day 30; of day 39 only the one is known.
    assert (precision(either).right, precision(either).cases) == (3, 6)
    assert (precision(either, days=20).right, precision(either, days=20).cases) == (3, 4)


@pytest.fixture
def champion(store: object, either: Warehouse) -> Warehouse:
    """An empty warehouse and a registry in which version 1 of the fraud model is champion."""
    with mlflow_client() as client:
        client.create_registered_model(MODEL)
        version = client.create_model_version(MODEL, source="file:///nowhere")
        client.set_registered_model_alias(MODEL, "champion", version.version)
    return either


def test_scores_like_those_before_raise_nothing(champion: Warehouse) -> None:
    assert check_models(champion, [observe_fraud]) == []
    champion.append("marts.fraud_scores", scores(70, dict.fromkeys(range(0, 70, 3), 1)))
    (health,) = check_models(champion, [observe_fraud])
    assert health.wrong == []
    assert health.days == (dt.date(2024, 2, 12), dt.date(2024, 3, 10))
    status = {each.measure: each.status for each in health.findings}
    assert status == {"score": "ok", "alert_rate": "ok", "precision": "too_few"}
    assert "on the days before" in health.findings[0].message
    assert recent(champion, 10, kind="model_drift") == []


def test_scores_that_move_more_alerts_and_false_ones_are_told(champion: Warehouse) -> None:
    rows = scores(70, dict.fromkeys(range(42, 70), 1), last=28)
    champion.append("marts.fraud_scores", rows)
    for day in range(42, 54):
        judge(champion, f"D{day:03}0", "real" if day == 42 else "false")
    (health,) = check_models(champion, [observe_fraud], "run-2")
    assert {each.measure for each in health.wrong} == {"score", "alert_rate", "precision"}
    (kept,) = champion.rows("SELECT * FROM ops.model_health WHERE measure = 'precision'")
    assert (kept["cases"], kept["status"]) == (12, "drifted")
    assert kept["precision_share"] == pytest.approx(1 / 12)
    assert kept["precision_low"] < 1 / 12 < kept["precision_high"] < 0.5
    (alert,) = recent(champion, 10, kind="model_drift")
    assert alert.subject == MODEL and "1 of 12 judged alerts were right" in alert.message


def test_an_input_that_moves_is_named(champion: Warehouse) -> None:
    champion.append("marts.fraud_scores", scores(70, {}))
    random = np.random.default_rng(2)
    features = pd.DataFrame({name: random.gamma(2, 10, 700) for name in WATCHED})
    features.loc[420:, "amount"] *= 3
    features.loc[:9, "hour"] = np.nan
    day = (dt.date(2024, 1, 1) - date_of(0)).days + np.arange(700) // 10
    champion.append("ops.model_inputs", summarize(features, day, find_model(MODEL, 1), None))
    (health,) = check_models(champion, [observe_fraud])
    assert [(each.measure, each.feature) for each in health.wrong] == [("input", "amount")]
    assert {each.feature for each in health.findings if each.measure == "input"} == set(WATCHED)


def test_days_of_one_version_only_are_too_few_to_tell(champion: Warehouse) -> None:
    champion.append("marts.fraud_scores", scores(30, {}))
    (health,) = check_models(champion, [observe_fraud])
    assert {each.status for each in health.findings} == {"too_few"}


def test_of_a_champion_that_has_scored_nothing_the_precision_of_those_before_is_known(
    champion: Warehouse,
) -> None:
    champion.append("marts.fraud_scores", scores(30, {29: 2}).assign(model_version="0"))
    judge(champion, "D0290", "real")
    (health,) = check_models(champion, [observe_fraud])
    assert health.days[1] == dt.date(2024, 1, 30)
    assert {each.measure: each.status for each in health.findings} == dict.fromkeys(
        ("score", "alert_rate", "precision"), "too_few"
    )
    assert "1 of 1 judged alerts were right" in health.findings[-1].message
