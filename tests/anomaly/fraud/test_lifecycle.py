"""Training and detection on a warehouse: from receipts and verdicts to scores and alerts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.anomaly.fraud.detection import detect_fraud
from workbench.anomaly.fraud.inputs import read_inputs, spread_out
from workbench.anomaly.fraud.monitoring import judge_challenger, observe_fraud
from workbench.anomaly.fraud.simulator import Simulated
from workbench.anomaly.fraud.stored import MODEL, load_forest
from workbench.anomaly.fraud.training import FraudTraining, days_needed, lacking, train_fraud
from workbench.anomaly.models.gate import Verdict
from workbench.anomaly.models.lifecycle import install, promote
from workbench.anomaly.models.registry import ModelVersion, current_model, list_models
from workbench.anomaly.monitoring.drift import Finding
from workbench.anomaly.monitoring.health import check_models
from workbench.errors import UsageError
from workbench.tracking import mlflow_client
from workbench.warehouse import Warehouse, connect

from ..data import of_table
from .shop import BEFORE, FRAME, NEWEST, SHOP, TODAY, land, raised, scores


def test_a_forest_is_trained_measured_and_promoted(trained: FraudTraining) -> None:
    metrics = trained.metrics
    assert trained.promoted, trained.summary
    assert metrics["ap_low"] < metrics["ap"] < metrics["ap_high"]
    assert metrics["ap_lift"] > 10
    assert metrics["money_found"] > 0.3
    (version,) = list_models(MODEL)
    assert version.aliases == ("champion",)
    assert version.training_to == str((NEWEST - pd.Timedelta(days=8)).date())
    forest = load_forest(version)
    assert forest.forest_.n_estimators == 20


def test_new_receipts_are_scored_once_and_alerts_stay_within_the_budget(trained: FraudTraining) -> None:
    warehouse = connect()
    first = detect_fraud(warehouse, alerts_a_day=3)
    assert first.scored["transaction_timestamp"].min() > pd.Timestamp(
        str(trained.training[1])
    ) + pd.Timedelta(days=1)  # type: ignore[index]
    assert first.alerts == len(first.alerted) > 0
    by_day = first.alerted["transaction_timestamp"].dt.date.value_counts()
    assert by_day.max() <= 3
    truth = FRAME.set_index("transaction_id")["is_fraud"]
    assert truth[first.alerted["transaction_id"]].mean() > 0.5
    assert first.alerted["explanation"].str.len().min() > 10

    shares = first.shares.groupby("transaction_id", sort=False)
    assert list(shares.groups) == list(first.alerted["transaction_id"][:5])
    assert (shares.size() == 6).all() and (shares["share"].sum() > 0).all()

    beside = first.alike
    assert beside["transaction_id"].tolist() == first.alerted["transaction_id"].tolist()[: len(beside)]
    assert len(beside) == min(5, len(first.alerted))
    assert all(said.count(" at store S") == 3 for said in beside["genuine"])

    again = detect_fraud(warehouse, alerts_a_day=3)
    assert (len(again.scored), again.alerts) == (0, 0)

    land(warehouse, TODAY, NEWEST)
    today = detect_fraud(warehouse, alerts_a_day=3)
    assert set(today.scored["transaction_id"]) == set(TODAY["transaction_id"])
    rows = warehouse.rows("SELECT COUNT(*) AS n, COUNT(DISTINCT transaction_id) AS m FROM marts.fraud_scores")
    assert rows[0]["n"] == rows[0]["m"] == len(first.scored) + len(today.scored)
    noted = read_inputs(warehouse, list_models(MODEL)[0])
    assert noted["rows_seen"].sum() == rows[0]["n"] and noted["day"].is_unique
    amount = warehouse.frame("SELECT amount FROM marts.fraud_scores")["amount"]
    assert np.median(spread_out(noted)["amount"]) == pytest.approx(amount.median(), rel=0.1)
    raised = warehouse.rows("SELECT COUNT(*) AS n FROM ops.alerts WHERE kind = 'fraud'")
    assert raised[0]["n"] == len(first.alerted) + len(today.alerted)


def test_late_receipts_of_a_day_get_what_is_left_of_its_budget(trained: FraudTraining) -> None:
    warehouse = connect()
    land(warehouse, TODAY.iloc[::2], NEWEST)
    detect_fraud(warehouse, alerts_a_day=1, least_score=0.0)
    land(warehouse, TODAY.iloc[1::2], NEWEST)
    assert len(detect_fraud(warehouse, alerts_a_day=1, least_score=0.0).alerted) == 0
    days = warehouse.rows(
        "SELECT CAST(transaction_timestamp AS DATE) AS day, COUNT(*) AS n FROM marts.fraud_scores "
        "WHERE is_alert GROUP BY 1"
    )
    assert {row["n"] for row in days} == {1}


def scramble(warehouse: Warehouse, sold: pd.DataFrame) -> None:
    """Put verdicts on sales drawn at random, which teach nothing, in the place of those there are."""
    drawn = sold.sample(min(2_000, len(sold) // 2), random_state=0)
    warehouse.execute("DELETE FROM raw.fraud_labels")
    warehouse.append(
        "raw.fraud_labels",
        of_table(
            "raw.fraud_labels",
            {
                "transaction_id": drawn["transaction_id"].to_numpy(), "is_fraud": True,
                "labelled_at": drawn["labelled_at"].to_numpy(),
            },
            len(drawn),
        ),
    )  # fmt: skip


@pytest.mark.soak
def test_a_worse_model_is_refused(trained: FraudTraining) -> None:
    warehouse = connect()
    scramble(warehouse, BEFORE)
    worse = train_fraud(warehouse, train_days=40, trees=20)
    assert worse.trained
    assert not worse.promoted
    assert any("ap_lift" in reason for reason in worse.verdict.reasons)
    champion = current_model(MODEL)
    assert champion is not None
    assert champion.version == trained.version
    assert current_model(MODEL, "challenger").version == worse.version  # type: ignore[union-attr]


@pytest.mark.soak
def test_where_the_champion_learned_from_the_days_its_recipe_is_held_against(trained: FraudTraining) -> None:
    warehouse = connect()
    hasty = train_fraud(warehouse, train_days=4, trees=10)
    assert hasty.metrics["ap_ratio_to_champion"] < 0.95
    assert not hasty.promoted and any("ap_ratio_to_champion" in reason for reason in hasty.verdict.reasons)
    assert current_model(MODEL).version == trained.version  # type: ignore[union-attr]
    # The other way round it takes as many days for theirs as they had, more than its own.
    promote(warehouse, MODEL, hasty.version, "ann")
    again = train_fraud(warehouse, train_days=40, trees=20)
    assert again.promoted and again.metrics["ap_ratio_to_champion"] > 1
    alike = train_fraud(warehouse, train_days=40, trees=20)
    assert alike.promoted and "ap_ratio_to_champion" not in alike.metrics


def test_too_few_verdicts_are_said_and_nothing_is_trained() -> None:
    warehouse = connect(create=True)
    result = train_fraud(warehouse)
    assert not result.trained
    assert result.summary == "No model was trained: 0 frauds are known, 20 are needed."
    assert list_models() == ()
    found = detect_fraud(warehouse)
    assert not found.detected
    reason = "there is no champion of fraud_transactions, and none can be trained"
    assert found.summary == f"Nothing was judged: {reason}: 0 frauds are known, 20 are needed."
    assert found.warnings == []
    assert warehouse.counts("marts.fraud_scores") == {"marts.fraud_scores": 0}


def test_where_verdicts_are_given_a_person_is_told_that_nothing_is_judged() -> None:
    warehouse = connect(create=True)
    land(warehouse, BEFORE.tail(2000), BEFORE["transaction_timestamp"].iloc[-2000])
    told = warehouse.counts("raw.fraud_labels")["raw.fraud_labels"]
    assert told > 20
    found, days = detect_fraud(warehouse), days_needed()
    assert train_fraud(warehouse).reason == lacking(warehouse)
    assert lacking(warehouse).endswith(f"days of sales, {days} are needed")
    assert found.warnings == [
        "Receipts were not judged: there is no champion of fraud_transactions, and none can be trained: "
        f"{lacking(warehouse)}."
    ]


def test_who_was_refused_is_named_with_the_reason(trained: FraudTraining) -> None:
    warehouse, why = connect(), "ap_lift is 2, at least 3 needed"
    with mlflow_client() as client:
        client.delete_registered_model_alias(MODEL, "champion")
        client.set_model_version_tag(MODEL, trained.version, "gate_reasons", why)
    install(warehouse, MODEL, trained.version, Verdict(False, (why,)), {})
    assert detect_fraud(warehouse).warnings == [
        f"Receipts were not judged: there is no champion of {MODEL}: the gate refused version 1 ({why}); "
        f"workbench models promote {MODEL} 1 makes it champion all the same, and the next run judges by it."
    ]
    promote(warehouse, MODEL, trained.version, "ann")
    found = detect_fraud(warehouse)
    assert found.detected and found.warnings == []


def test_bad_numbers_are_refused() -> None:
    warehouse = connect(create=True)
    with pytest.raises(UsageError, match="trees is 5"):
        train_fraud(warehouse, trees=5)
    with pytest.raises(UsageError, match="least_score"):
        detect_fraud(warehouse, least_score=2)


def test_the_shop_of_these_tests_has_frauds() -> None:
    assert isinstance(SHOP, Simulated)
    assert SHOP.is_fraud.sum() > 200


@pytest.mark.soak
def test_the_same_is_found_on_redshift_however_many_look(
    trained: FraudTraining, redshift_warehouse: Warehouse, home: Path
) -> None:
    here = connect(f"duckdb:///{home / 'warehouse.duckdb'}")
    detect_fraud(here)
    land(redshift_warehouse, BEFORE, NEWEST)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: detect_fraud(connect(redshift_warehouse.url)), range(3)))
    assert scores(redshift_warehouse) == scores(here)
    assert raised(redshift_warehouse) == raised(here) != []
    assert sum(len(each.scored) for each in found) == len(scores(here))
    assert sum(each.alerts for each in found) == len(raised(here))


def test_a_fresher_model_is_held_against_the_champion_on_days_that_neither_saw() -> None:
    warehouse = connect(create=True)
    early = NEWEST - pd.Timedelta(days=28)
    land(warehouse, FRAME[FRAME["transaction_timestamp"] < early], early)
    first = train_fraud(warehouse, train_days=30, trees=12)
    assert first.promoted and "ap_ratio_to_champion" not in first.metrics
    land(warehouse, BEFORE[BEFORE["transaction_timestamp"] >= early], NEWEST)
    second = train_fraud(warehouse, train_days=30, trees=12)
    assert second.training is not None and second.training[1] > first.training[1]  # type: ignore[index]
    assert 0.5 < second.metrics["ap_ratio_to_champion"] < 2
    assert 0 < second.metrics["worst_amount_ratio"] < 2
    assert second.metrics["rows_a_second"] > 5_000


@pytest.mark.soak
def test_a_challenger_scores_in_the_shadow_and_is_held_against_the_champion() -> None:
    warehouse = connect(create=True)
    early = NEWEST - pd.Timedelta(days=28)
    land(warehouse, FRAME[FRAME["transaction_timestamp"] < early], early)
    good = train_fraud(warehouse, train_days=30, trees=12)
    told = warehouse.frame("SELECT * FROM raw.fraud_labels")
    scramble(warehouse, FRAME[FRAME["transaction_timestamp"] < early])
    poor = train_fraud(warehouse, train_days=30, trees=12)
    assert good.promoted and not poor.promoted
    warehouse.execute("DELETE FROM raw.fraud_labels")
    warehouse.append("raw.fraud_labels", told)
    land(warehouse, BEFORE[BEFORE["transaction_timestamp"] >= early], NEWEST)

    def pair() -> tuple[ModelVersion, ModelVersion]:
        champion, challenger = current_model(MODEL), current_model(MODEL, "challenger")
        assert champion is not None and challenger is not None
        return champion, challenger

    def shadowed(budget: int) -> Finding:
        warehouse.execute("DELETE FROM marts.fraud_scores")
        found = detect_fraud(warehouse, alerts_a_day=budget)
        assert f"scored {len(found.scored):,} of them in the shadow" in found.summary
        assert not np.allclose(found.scored["score"], found.scored["shadow_score"])
        (health,) = check_models(warehouse, [observe_fraud])
        (finding,) = [each for each in health.findings if each.measure == "challenger"]
        return finding

    assert "too few judged frauds" in judge_challenger(warehouse, *pair()).message
    behind = shadowed(2)
    assert behind.status == "ok" and behind.effect < 1
    promote(warehouse, MODEL, poor.version, "ann")
    install(warehouse, MODEL, good.version, Verdict(False, ("for the test",)), {})
    ahead = shadowed(0)
    assert ahead.status == "drifted" and ahead.effect == pytest.approx(1 / behind.effect)
    assert f"{MODEL} version {good.version}" in ahead.message

    # A challenger knows what it learned from, so that these receipts say nothing of it; one that can't be read stops nothing.
    with mlflow_client() as client:
        client.set_model_version_tag(MODEL, good.version, "training_to", str(NEWEST.date()))
        land(warehouse, TODAY, NEWEST)
        assert detect_fraud(warehouse).scored["shadow_score"].isna().all()
        lost = client.create_model_version(MODEL, source="file:///nowhere")
        client.set_registered_model_alias(MODEL, "challenger", lost.version)
    warehouse.execute("DELETE FROM marts.fraud_scores")
    found = detect_fraud(warehouse)
    assert len(found.scored) and found.scored["shadow_score"].isna().all()
    assert "can't score beside it" in found.summary
