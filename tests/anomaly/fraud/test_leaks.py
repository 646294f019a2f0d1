"""What the forest finds on simulated transactions it finds by what was known, and by nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from workbench.anomaly.fraud.behaviour.features import build_features
from workbench.anomaly.fraud.behaviour.known import DAY, Transactions, Verdicts
from workbench.anomaly.fraud.forest import FraudForest
from workbench.anomaly.fraud.simulator import STORE, Simulated, simulate


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    return simulate(customers=1_000, stores=2_000, days=110, seed=2, compromises=0.2)


def judged(
    simulated: Simulated, is_fraud: np.ndarray, told_of: np.ndarray | None = None
) -> tuple[float, float]:
    """Learn from three weeks, judge the second week after; return AUC and AP as a multiple of chance.

    ``told_of`` are the transactions that verdicts called fraud, if those aren't the frauds.
    """
    transactions = Transactions(simulated.time, simulated.customer, simulated.store, simulated.amount)
    rows = np.flatnonzero(is_fraud) if told_of is None else told_of
    told = Verdicts(rows, transactions.time[rows] + 7 * DAY, np.ones(len(rows), dtype=bool))
    features = build_features(transactions, told)
    train, test = (simulated.day >= 75) & (simulated.day < 96), simulated.day >= 103
    forest = FraudForest(50, random_state=0).fit(features[train], is_fraud[train])
    score, fraud = forest.score_samples(features[test]), is_fraud[test]
    return roc_auc_score(fraud, score), average_precision_score(fraud, score) / fraud.mean()


def test_frauds_are_found(simulated: Simulated) -> None:
    auc, ap = judged(simulated, simulated.is_fraud)
    assert auc > 0.8
    assert ap > 40


def test_shuffled_labels_are_found_by_chance_only(simulated: Simulated) -> None:
    auc, ap = judged(simulated, np.random.default_rng(0).permutation(simulated.is_fraud))
    assert abs(auc - 0.5) < 0.1
    assert ap < 3


@pytest.mark.soak
def test_shifted_labels_are_found_by_chance_only(simulated: Simulated) -> None:
    auc, ap = judged(simulated, np.roll(simulated.is_fraud, 501))
    assert abs(auc - 0.5) < 0.1
    assert ap < 3


def test_frauds_at_stores_are_found_by_the_verdicts_of_their_time_only(simulated: Simulated) -> None:
    """The amounts of a compromised store are as ever: with the verdicts at other times nothing is left to see."""
    at_store = simulated.scenario == STORE
    auc, ap = judged(simulated, at_store)
    assert auc > 0.8
    assert ap > 40
    elsewhere = np.random.default_rng(0).permutation(len(simulated))[: at_store.sum()]
    auc, ap = judged(simulated, at_store, np.sort(elsewhere))
    assert abs(auc - 0.5) < 0.1
    assert ap < 3
