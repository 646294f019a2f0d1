"""The table forest is a scikit-learn estimator that points at the cell that is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from workbench.anomaly.tables.cells import CellForest
from workbench.anomaly.tables.forest import TableForest
from workbench.anomaly.tables.surprise import Surprise

from ..estimators import checks_of


@pytest.mark.parametrize(
    ("estimator", "check"), [*checks_of(TableForest(trees=10, budget=0.1)), *checks_of(CellForest(trees=10))]
)
@pytest.mark.soak
def test_it_keeps_to_the_contract_of_scikit_learn(estimator: CellForest, check: object) -> None:
    check(estimator)  # type: ignore[operator]


def lines(rows: int, seed: int = 3) -> np.ndarray:
    """Quantity, price, discount, amount and channel, of which the amount follows from the others."""
    random = np.random.default_rng(seed)
    quantity = random.integers(1, 9, rows).astype(float)
    channel = random.integers(0, 2, rows).astype(float)
    price = np.round(random.lognormal(1.5 + channel, 0.4, rows), 2)
    discount = np.where(random.random(rows) < 0.3, 0.1, 0.0)
    return np.column_stack([quantity, price, discount, quantity * price * (1 - discount), channel])


@pytest.fixture(scope="module")
def fitted() -> TableForest:
    return TableForest(trees=40).fit(lines(3000))


@pytest.mark.parametrize(
    ("column", "spoil"),
    [(1, lambda price: price * 100), (3, lambda amount: -amount), (4, lambda channel: channel + 5)],
)
def test_the_spoilt_cell_is_named(fitted: TableForest, column: int, spoil: object) -> None:
    rows = lines(200, seed=9)
    spoilt = rows.copy()
    spoilt[:50, column] = spoil(rows[:50, column])  # type: ignore[operator]
    surprise = fitted.cell_surprise(spoilt)
    assert roc_auc_score(np.arange(200) < 50, surprise[:, column]) > 0.98
    assert roc_auc_score(np.arange(200) < 50, -fitted.score_samples(spoilt)) > 0.95
    first = [cells[0] for cells in fitted.explain(spoilt, top_k=1)[:50]]
    # A price that is wrong makes the amount look wrong as well.
    assert np.mean([cell.column in ((1, 3) if column in (1, 3) else (column,)) for cell in first]) > 0.9
    assert first[0].actual == spoilt[0, first[0].column]


def test_a_missing_cell_is_as_surprising_as_it_is_rare(fitted: TableForest) -> None:
    rows = lines(10)
    rows[0, 2] = np.nan
    assert fitted.cell_surprise(rows)[0, 2] == pytest.approx(np.log(3001))
    often = lines(3000)
    often[::2, 2] = np.nan
    assert TableForest(trees=10).fit(often).cell_surprise(rows)[0, 2] == pytest.approx(np.log(2), abs=0.01)


def test_rows_like_those_of_training_keep_to_the_budget() -> None:
    forest = TableForest(trees=40, budget=0.01).fit(lines(3000))
    assert (forest.predict(lines(3000, seed=11)) == -1).mean() < 0.03


def test_the_same_rows_and_seed_give_the_same_scores(fitted: TableForest) -> None:
    at_once = CellForest(trees=40, n_jobs=2).fit(lines(3000))
    assert np.array_equal(at_once.cell_surprise(lines(200, 9)), fitted.cell_surprise(lines(200, 9)))
    rows = lines(100, seed=5)
    assert np.array_equal(clone(fitted).fit(lines(3000)).score_samples(rows), fitted.score_samples(rows))


def test_without_an_order_of_rows_and_cells_the_skill_is_gone() -> None:
    """Labels of cells that were drawn, not spoilt, are told no better than chance."""
    random = np.random.default_rng(2)
    rows = lines(2000)
    for column in range(rows.shape[1]):
        random.shuffle(rows[:, column])
    forest = TableForest(trees=20).fit(rows)
    fresh = rows[random.permutation(len(rows))[:400]]
    assert 0.4 < roc_auc_score(random.random(400) < 0.25, -forest.score_samples(fresh)) < 0.6


@pytest.mark.parametrize("name", ["cancer", "wine"])
def test_it_ranks_rows_about_as_well_as_the_best_of_two_baselines(name: str) -> None:
    data = load_breast_cancer() if name == "cancer" else load_wine()
    usual = data.target == 1
    random = np.random.default_rng(0)
    odd = random.choice(np.flatnonzero(~usual), 12, replace=False)
    X, y = np.r_[data.data[usual], data.data[odd]], np.r_[np.zeros(usual.sum()), np.ones(12)]
    ours = roc_auc_score(y, -TableForest(trees=30).fit(X).score_samples(X))
    isolation = roc_auc_score(y, -IsolationForest(random_state=0).fit(X).score_samples(X))
    scaled = StandardScaler().fit_transform(X)
    distance = NearestNeighbors(n_neighbors=5).fit(scaled).kneighbors()[0][:, -1]
    assert ours > max(isolation, roc_auc_score(y, distance)) - 0.02


def test_a_budget_that_is_no_share_is_refused() -> None:
    with pytest.raises(ValueError, match=r"budget is 1\.5"):
        TableForest(budget=1.5).fit(lines(20))


def test_surprise_goes_on_beyond_what_was_seen() -> None:
    surprise = Surprise.of(np.random.default_rng(1).exponential(size=1000))
    largest = surprise.seen[-1]
    values = surprise(np.array([0.0, largest, largest + 1, largest + 5, np.nan]))
    assert values[0] == pytest.approx(0)
    assert (np.diff(values[:4]) > 0).all()
    assert np.isnan(values[4])
    assert Surprise.of(np.zeros(5))(np.array([0.0]))[0] == pytest.approx(0)
