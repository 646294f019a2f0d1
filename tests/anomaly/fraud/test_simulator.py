"""Simulated transactions keep the rules they were invented by."""

from __future__ import annotations

import numpy as np

from workbench.anomaly.fraud.simulator import CUSTOMER, DAY, GENUINE, LARGE, STORE, simulate

SOME = simulate(customers=400, stores=2_000, days=90, seed=1)


def test_the_same_seed_invents_the_same_and_another_something_else() -> None:
    again, other = simulate(customers=400, stores=2_000, days=90, seed=1), simulate(customers=400, days=90)
    assert np.array_equal(SOME.amount, again.amount)
    assert np.array_equal(SOME.scenario, again.scenario)
    assert len(other) != len(SOME) or not np.array_equal(SOME.amount, other.amount)


def test_transactions_are_in_the_order_of_time_and_of_the_size_that_was_asked_for() -> None:
    assert (np.diff(SOME.time) >= 0).all()
    assert (SOME.time.min() // DAY, SOME.time.max() // DAY) == (0, 89)
    # Two a day on average, of which three in a hundred fall out of the day.
    assert abs(len(SOME) / (400 * 90) - 1.94) < 0.15
    assert SOME.amount.min() >= 0


def test_a_large_amount_is_fraud_and_a_genuine_one_never_large() -> None:
    assert SOME.amount[SOME.scenario == GENUINE].max() <= 220
    assert SOME.amount[SOME.scenario == LARGE].min() > 220
    assert {GENUINE, LARGE, STORE, CUSTOMER} == set(np.unique(SOME.scenario))


def test_all_that_a_compromised_store_sells_is_fraud_for_four_weeks() -> None:
    rows = np.flatnonzero(SOME.scenario == STORE)
    day = SOME.day
    for store in np.unique(SOME.store[rows])[:50]:
        here = SOME.store == store
        days = np.unique(day[here & (SOME.scenario == STORE)])
        assert not (SOME.scenario[here & np.isin(day, days)] == GENUINE).any()


def test_a_third_of_what_a_compromised_customer_pays_is_five_times_as_much() -> None:
    stolen = SOME.scenario == CUSTOMER
    assert 4 < (SOME.amount[stolen] / SOME.usual[stolen]).mean() < 6
    genuine = SOME.scenario == GENUINE
    assert 0.9 < (SOME.amount[genuine] / SOME.usual[genuine]).mean() < 1.1


def test_what_can_be_seen_is_fraud_and_less_of_it_the_later_labels_come() -> None:
    soon, late = SOME.visible(1), SOME.visible(14)
    assert not (soon & ~SOME.is_fraud).any()
    assert late.sum() < soon.sum() < SOME.is_fraud.sum()
    assert not (late & ~soon).any()


def test_a_frame_has_what_a_warehouse_has() -> None:
    frame = SOME.frame("2024-01-01", delay_days=2)
    assert len(frame) == len(SOME)
    assert frame["transaction_id"].is_unique
    assert str(frame["transaction_timestamp"].min().date()) == "2024-01-01"
    assert ((frame["labelled_at"] - frame["transaction_timestamp"]).dt.days == 2).all()
