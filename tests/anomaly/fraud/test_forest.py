"""The forest keeps scikit-learn's contract, its probabilities come true, and its explanations add up."""

from __future__ import annotations

import itertools
import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from workbench.anomaly.fraud.forest import FraudForest, is_worth_a_look, threshold_for_budget

from ..estimators import checks_of


@pytest.mark.parametrize(("estimator", "check"), checks_of(FraudForest(n_estimators=20, random_state=0)))
def test_it_keeps_the_contract_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def rare_frauds(count: int = 30_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, whether each is fraud, and how likely that was."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(count, 6))
    likely = 1 / (1 + np.exp(4.5 - 1.5 * X[:, 0] - 1.5 * X[:, 1] * (X[:, 2] > 0)))
    X[rng.random(X.shape) < 0.02] = np.nan
    return X, rng.random(count) < likely, likely


X, FRAUD, _ = rare_frauds()
LATER, LATER_FRAUD, LATER_LIKELY = rare_frauds(seed=1)


@cache
def learned() -> FraudForest:
    """The forest that most tests look at."""
    return FraudForest(alert_share=0.01, random_state=3).fit(X, FRAUD)


def test_it_ranks_frauds_first_nearly_as_well_as_who_knows_how_likely_they_are() -> None:
    ours = average_precision_score(LATER_FRAUD, learned().score_samples(LATER))
    assert ours > 0.8 * average_precision_score(LATER_FRAUD, LATER_LIKELY)


def test_probabilities_come_true_though_genuine_rows_are_sampled() -> None:
    said = learned().predict_proba(LATER)[:, 1]
    assert abs(said.mean() / LATER_FRAUD.mean() - 1) < 0.15
    for low, high in ((0.0, 0.05), (0.05, 0.3), (0.3, 1.0)):
        within = (said >= low) & (said < high)
        assert abs(said[within].mean() - LATER_FRAUD[within].mean()) < 0.08
    assert ((said - LATER_FRAUD) ** 2).mean() < 0.9 * LATER_FRAUD.var()


def test_of_many_rows_it_grows_on_as_many_as_it_is_told_all_frauds_among_them() -> None:
    few = FraudForest(most_rows=4_000, random_state=3).fit(X, FRAUD)
    assert abs(few.n_drawn_ / 4_000 - 1) < 0.05 < learned().n_drawn_ / 4_000 - 1
    assert few.forest_.estimators_[0].tree_.n_node_samples[0] < few.n_drawn_
    said = few.predict_proba(LATER)[:, 1]
    assert abs(said.mean() / LATER_FRAUD.mean() - 1) < 0.15
    ours, all_rows = (
        average_precision_score(LATER_FRAUD, each.score_samples(LATER)) for each in (few, learned())
    )
    assert ours > 0.85 * all_rows
    # As many genuine rows as frauds are the least, however few are asked for.
    least = FraudForest(most_rows=1, random_state=3).fit(X, FRAUD)
    assert abs(least.n_drawn_ / (2 * FRAUD.sum()) - 1) < 0.1
    with pytest.raises(ValueError, match="most_rows is 0"):
        FraudForest(most_rows=0).fit(X, FRAUD)


def test_it_alerts_about_as_much_as_it_was_told() -> None:
    assert 0.005 < learned().predict(LATER).mean() < 0.02
    assert 0 < FraudForest(random_state=3).fit(X, FRAUD).predict(LATER).mean() < 0.1


def test_contributions_add_up_to_what_the_trees_say() -> None:
    explained = learned().explain(LATER[:500], top_k=2)
    share = np.mean(
        [
            tree.predict_proba(np.nan_to_num(LATER[:500].astype(np.float32), nan=-1e6))[:, 1]
            for tree in learned().forest_.estimators_
        ],
        axis=0,
    )
    assert np.abs(explained.share - share).max() < 1e-9
    assert np.abs(explained.baseline + explained.contributions.sum(axis=1) - share).max() < 1e-9
    assert explained.top.shape == (500, 2)
    suspicious = np.argsort(-learned().score_samples(LATER))[:50]
    # What frauds are made of is what is named; the other three are noise.
    assert np.isin(learned().explain(LATER[suspicious]).top[:, 0], [0, 1, 2]).mean() > 0.95


def test_shapley_values_are_those_of_their_definition() -> None:
    small = FraudForest(n_estimators=5, min_samples_leaf=5, random_state=1).fit(X[:1500, :4], FRAUD[:1500])
    rows = np.where(np.arange(12).reshape(3, 4) == 5, np.nan, X[:3, :4])
    filled = np.nan_to_num(rows, nan=-1e6).astype(np.float32)
    given = small.shapley(rows)

    def says(tree: object, row: np.ndarray, known: frozenset[int], node: int = 0) -> float:
        if tree.children_left[node] < 0:
            return float(tree.value[node, 0, 1] / tree.value[node, 0].sum())
        ways = (tree.children_left[node], tree.children_right[node])
        if tree.feature[node] in known:
            return says(tree, row, known, ways[int(row[tree.feature[node]] > tree.threshold[node])])
        cover = tree.weighted_n_node_samples
        return sum(float(cover[way] / cover[node]) * says(tree, row, known, way) for way in ways)

    def mean(row: np.ndarray, known: frozenset[int]) -> float:
        return float(np.mean([says(each.tree_, row, known) for each in small.forest_.estimators_]))

    for place, row in enumerate(filled):
        for column in range(4):
            others = [other for other in range(4) if other != column]
            fair = sum(
                math.factorial(size) * math.factorial(3 - size) / math.factorial(4)
                * (mean(row, frozenset({*chosen, column})) - mean(row, frozenset(chosen)))
                for size in range(4)
                for chosen in itertools.combinations(others, size)
            )  # fmt: skip
            assert given.contributions[place, column] == pytest.approx(fair, abs=1e-12)
    assert np.abs(given.share - small.explain(rows).share).max() < 1e-12
    stump = FraudForest(n_estimators=3, min_samples_leaf=len(X), random_state=1).fit(X, FRAUD)
    assert (stump.shapley(X[:2]).contributions == 0).all()


def test_the_same_seed_gives_the_same_forest() -> None:
    again = FraudForest(alert_share=0.01, random_state=3).fit(X, FRAUD)
    assert np.array_equal(again.score_samples(LATER), learned().score_samples(LATER))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"genuine_share": 0}, "genuine_share is 0"), ({"calibration_share": 1}, "calibration")],
)
def test_a_parameter_out_of_range_is_refused(wrong: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        FraudForest(**wrong).fit(X, FRAUD)


@pytest.mark.parametrize("budget", [0.0, 0.5, 3, 100, 1e6])
def test_a_budget_is_never_exceeded(budget: float) -> None:
    rng = np.random.default_rng(0)
    # Many scores are equal, also where the budget ends.
    scores, days = rng.integers(0, 40, 5_000) / 40, rng.integers(0, 10, 5_000)
    threshold = threshold_for_budget(scores, days, budget)
    reached = (scores >= threshold).sum()
    assert reached <= budget * 10
    next_lower = scores[scores < threshold]
    if len(next_lower):
        assert (scores >= next_lower.max()).sum() > budget * 10
    assert threshold_for_budget(scores[:0], days[:0], budget) == float("inf")


def test_a_look_is_worth_it_where_more_is_likely_lost() -> None:
    worth = is_worth_a_look(np.array([0.5, 0.5, 0.01]), np.array([100.0, 10.0, 2_000.0]), 15.0)
    assert worth.tolist() == [True, False, True]


def test_rows_are_alike_where_trees_put_them_into_one_leaf() -> None:
    rows, others = LATER[:3], LATER[:50]
    alike = learned().alike(rows, others)
    assert alike.shape == (3, 50)
    assert alike[[0, 1, 2], [0, 1, 2]].tolist() == [1.0, 1.0, 1.0]
    leaves = learned().forest_.apply(np.nan_to_num(others.astype(np.float32), nan=-1e6))
    assert alike[0, 7] == np.mean(leaves[0] == leaves[7])
