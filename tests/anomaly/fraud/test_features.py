"""Features against their definition, and what must not show in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.anomaly.fraud.reference import Reference
from workbench.anomaly.fraud.behaviour.features import CLASSIC, FEATURES, build_features
from workbench.anomaly.fraud.behaviour.known import DAY, HISTORY_DAYS, Transactions, Verdicts
from workbench.anomaly.fraud.simulator import simulate
from workbench.errors import UsageError


def shop(seed: int = 0, days: int = 100, customers: int = 40, stores: int = 300) -> Transactions:
    simulated = simulate(customers=customers, stores=stores, days=days, seed=seed, compromises=1)
    return Transactions(simulated.time, simulated.customer, simulated.store % 25, simulated.amount)


def verdicts(transactions: Transactions, seed: int = 0, share: float = 0.2) -> Verdicts:
    """Verdicts at any time, before the transaction too, some judged again, some by people who disagree."""
    rng = np.random.default_rng(seed)
    row = rng.choice(len(transactions), size=int(share * len(transactions)))
    known_at = transactions.time[row] + rng.choice([-1, 0, 1, 3, 7, 7, 7, 9, 20, 31, 45], len(row)) * DAY
    return Verdicts(row, known_at, rng.random(len(row)) < 0.8)


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    for name, mine, theirs in zip(FEATURES, found.T, expected.T, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-6, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("delay", [7.0, 0.0, 2.5, 30.0])
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.soak)])
def test_features_are_what_their_definition_says(seed: int, delay: float) -> None:
    transactions = shop(seed)
    # Times that are equal, to the second, and customers nobody knows.
    time = np.sort(transactions.time // 1800 * 1800)
    customer = np.where(np.arange(len(time)) % 11 == 0, -1, transactions.customer)
    transactions = replace(transactions, time=time, customer=customer)
    told = verdicts(transactions, seed)
    reference = Reference(transactions, told, delay)
    rows = np.random.default_rng(seed).choice(len(time), 400, replace=False)
    assert_same(
        build_features(transactions, told, delay_days=delay)[rows],
        np.array([reference.row(int(row)) for row in rows]),
    )


def test_new_transactions_need_no_more_than_the_history_before_them() -> None:
    transactions = shop(3)
    told = verdicts(transactions, 3)
    day = transactions.time // DAY
    rows = np.flatnonzero(day == day.max())
    whole = build_features(transactions, told)[rows]
    assert np.array_equal(whole, build_features(transactions, told, rows=rows), equal_nan=True)
    kept = np.flatnonzero(transactions.time >= transactions.time[rows].min() - HISTORY_DAYS * DAY)
    assert 0 < len(kept) < len(transactions)
    place = np.full(len(transactions), -1)
    place[kept] = np.arange(len(kept))
    some = place[told.row] >= 0
    part = build_features(
        Transactions(
            *(getattr(transactions, name)[kept] for name in ("time", "customer", "store", "amount"))
        ),
        Verdicts(place[told.row][some], told.known_at[some], told.is_fraud[some]),
        rows=place[rows],
    )
    assert np.array_equal(whole, part, equal_nan=True)


def test_nothing_that_comes_later_shows() -> None:
    transactions = shop(5)
    told = verdicts(transactions, 5)
    before = build_features(transactions, told)
    moment = transactions.time[len(transactions) // 2]
    later = transactions.time > moment
    rng = np.random.default_rng(0)
    other = replace(
        transactions,
        amount=np.where(later, rng.permutation(transactions.amount) * 9, transactions.amount),
        store=np.where(later, rng.permutation(transactions.store), transactions.store),
        customer=np.where(later, rng.permutation(transactions.customer), transactions.customer),
    )
    unknown_then = told.known_at > moment
    # What people will say of earlier transactions, too.
    lies = replace(told, is_fraud=np.where(unknown_then, ~told.is_fraud, told.is_fraud))
    after = build_features(other, lies)
    assert np.array_equal(before[~later], after[~later], equal_nan=True)
    assert not np.array_equal(before[later], after[later], equal_nan=True)


def test_a_verdict_counts_from_its_second_on() -> None:
    time = np.array([0, 5 * DAY - 1, 5 * DAY])
    transactions = Transactions(time, np.array([0, 1, 2]), np.zeros(3, int), np.array([10.0, 10.0, 10.0]))
    told = Verdicts(np.array([0]), np.array([5 * DAY]), np.array([True]))
    frauds = build_features(transactions, told)[:, FEATURES.index("store_frauds_30")]
    assert frauds.tolist() == [0, 0, 1]


def test_a_verdict_that_is_taken_back_counts_no_more() -> None:
    time = np.array([0, 2 * DAY, 4 * DAY])
    transactions = Transactions(time, np.array([0, 1, 2]), np.zeros(3, int), np.array([10.0, 10.0, 10.0]))
    told = Verdicts(np.array([0, 0]), np.array([DAY, 3 * DAY]), np.array([True, False]))
    frauds = build_features(transactions, told)[:, FEATURES.index("store_frauds_30")]
    assert frauds.tolist() == [0, 1, 0]


def test_nothing_and_one_transaction_are_enough() -> None:
    nothing = np.array([], dtype=np.int64)
    none = Verdicts(nothing, nothing, nothing.astype(bool))
    empty = Transactions(nothing, nothing, nothing, nothing.astype(float))
    assert build_features(empty, none).shape == (0, len(FEATURES))
    one = Transactions(np.array([7]), np.array([-1]), np.array([0]), np.array([3.0]))
    found = dict(zip(FEATURES, build_features(one, none)[0], strict=True))
    assert found["customer_count_30"] == 1
    assert found["store_risk_30"] == 0
    assert np.isnan(found["customer_ratio_to_median"])


def test_the_delay_must_lie_within_the_history() -> None:
    transactions = shop()
    with pytest.raises(UsageError, match="31 days; it must be from 0 to 30"):
        build_features(transactions, verdicts(transactions), delay_days=31)


def test_there_are_fifteen_classic_features() -> None:
    assert len(CLASSIC) == 15
    assert set(CLASSIC) < set(FEATURES)
    assert len(set(FEATURES)) == len(FEATURES)
