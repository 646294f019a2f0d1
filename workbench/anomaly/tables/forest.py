"""Forests that know which cell of a row is improbable given the others."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from workbench.anomaly.tables.surprise import Surprise

NEIGHBOURS = 5
_LEAST_ROWS = 8
_NEIGHBOUR_ROWS = 2000


@dataclass(frozen=True)
class Cell:
    """One improbable cell: its column, what it holds, what was expected, and how surprising that is."""

    column: int
    actual: float
    expected: float
    surprise: float


class TableForest(OutlierMixin, BaseEstimator):
    """Rank rows by how improbable they are, and say which of their cells makes them so.

    For each column a random forest expects it from the others, and out-of-bag errors tell what error is usual: a
    column of few values is classified, any other is regressed, with the error held against the usual one of such rows.
    An isolation forest and the distance to the fifth neighbour judge rows as wholes. Each judgement is turned into a
    surprise, minus the logarithm of the share of training rows that are as odd, and a row's is the mean of the three.

    Args:
        trees: number of trees of each forest.
        max_rows: rows to learn from at most, drawn at random.
        max_values: distinct values up to which a column is classified.
        budget: share of rows like those of training that `predict` may call odd, 0 to 1.
        random_state: seed.

    Attributes:
        n_features_in_: number of columns.
        targets_: columns that the others can say something of; those of one value only are left out.
        offset_: score below which `predict` calls a row odd.
    """

    def __init__(
        self,
        trees: int = 50,
        max_rows: int = 3000,
        max_values: int = 12,
        budget: float = 0.001,
        random_state: int | None = 0,
    ) -> None:
        self.trees = trees
        self.max_rows = max_rows
        self.max_values = max_values
        self.budget = budget
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: Any, y: Any = None) -> TableForest:
        """Learn what rows look like.

        Args:
            X: numbers, shape (rows, columns); NaN is a missing cell.
            y: ignored.

        Raises:
            ValueError: the budget isn't between 0 and 1, or there are under two rows.
        """
        if not 0 < self.budget < 1:
            raise ValueError(f"budget is {self.budget}; a share between 0 and 1 is needed")
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=2)
        random = check_random_state(self.random_state)
        if len(X) > self.max_rows:
            X = X[np.sort(random.choice(len(X), self.max_rows, replace=False))]
        self._missing_share = np.isnan(X).mean(axis=0)
        self._rows = len(X)
        seeds = random.randint(np.iinfo(np.int32).max, size=X.shape[1] + 2)
        self.targets_ = [column for column in range(X.shape[1]) if _can_be_expected(X, column)]
        self._constants = {
            column: known[0]
            for column in set(range(X.shape[1])) - set(self.targets_)
            if len(known := np.unique(X[~np.isnan(X[:, column]), column])) == 1
        }
        self._experts = {
            column: _Expert(self.trees, self.max_values, int(seeds[column])).fit(X, column)
            for column in self.targets_
        }
        self._fill = SimpleImputer(strategy="median", keep_empty_features=True).fit(X)
        filled = self._fill.transform(X)
        self._isolation = IsolationForest(n_estimators=100, random_state=int(seeds[-1])).fit(filled)
        near = filled
        if len(near) > _NEIGHBOUR_ROWS:
            near = near[np.sort(random.choice(len(near), _NEIGHBOUR_ROWS, replace=False))]
        self._scale = make_pipeline(StandardScaler()).fit(near)
        self._neighbours = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(near) - 1)).fit(
            self._scale.transform(near)
        )
        self._isolated = Surprise.of(-self._isolation.score_samples(filled))
        # A row is no neighbour of its own.
        self._distant = Surprise.of(self._neighbours.kneighbors()[0][:, -1])
        cells = np.column_stack(
            [self._experts[column].out_of_bag for column in self.targets_] or [np.zeros(len(X))]
        )
        self._unlikely = Surprise.of(cells.mean(axis=1))
        own = (
            self._unlikely(cells.mean(axis=1)) + self._isolated(-self._isolation.score_samples(filled))
            + self._distant(self._distances(filled))
        ) / 3  # fmt: skip
        self.offset_ = -float(np.quantile(own, 1 - self.budget))
        return self

    def cell_surprise(self, X: Any) -> np.ndarray:
        """Return how surprising each cell is given the others of its row, in nats; shape (rows, columns).

        A missing cell is as surprising as missing cells of its column were rare, and so is any other value in a column
        that had one only.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        surprise = np.zeros(X.shape)
        for column, expert in self._experts.items():
            surprise[:, column] = expert.surprise(X)[0]
        for column, value in self._constants.items():
            surprise[:, column] = np.where(X[:, column] == value, 0.0, np.log(1 + self._rows))
        missing = -np.log((1 + self._missing_share * self._rows) / (1 + self._rows))
        return np.where(np.isnan(X), missing, surprise)

    def score_samples(self, X: Any) -> np.ndarray:
        """Return how usual each row is, at most 0: minus the mean of its three surprises; shape (rows,)."""
        cells = self.cell_surprise(X)
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        filled = self._fill.transform(X)
        judged = cells[:, self.targets_].mean(axis=1) if self.targets_ else np.zeros(len(X))
        isolated = self._isolated(-self._isolation.score_samples(filled))
        scores: np.ndarray = -(self._unlikely(judged) + isolated + self._distant(self._distances(filled))) / 3
        return scores

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the score above the threshold; negative is odd. Shape (rows,)."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """Return 1 for a usual row and -1 for an odd one; shape (rows,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def explain(self, X: Any, top_k: int = 3) -> list[list[Cell]]:
        """Return for each row its most surprising cells, the most first, with what was expected of them."""
        surprise = self.cell_surprise(X)
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        expected = np.full(X.shape, np.nan)
        for column, expert in self._experts.items():
            expected[:, column] = expert.surprise(X)[1]
        order = np.argsort(-surprise, axis=1, kind="stable")[:, :top_k]
        return [
            [
                Cell(int(column), float(X[row, column]), float(expected[row, column]), float(surprise[row, column]))
                for column in columns
            ]
            for row, columns in enumerate(order)
        ]  # fmt: skip

    def _distances(self, filled: np.ndarray) -> np.ndarray:
        distances: np.ndarray = self._neighbours.kneighbors(self._scale.transform(filled))[0][:, -1]
        return distances


class _Expert:
    """Expects one column from the others; ``out_of_bag`` has the surprise of each training row, shape (rows,)."""

    def __init__(self, trees: int, max_values: int, seed: int) -> None:
        self._trees, self._max_values, self._seed = trees, max_values, seed

    def fit(self, X: np.ndarray, column: int) -> _Expert:
        self._column = column
        known = ~np.isnan(X[:, column])
        others, target = np.delete(X, column, axis=1)[known], X[known, column]
        values = np.unique(target)
        options: dict[str, Any] = {
            "n_estimators": self._trees, "max_features": 0.5, "oob_score": True, "random_state": self._seed,
        }  # fmt: skip
        self._values = values if len(values) <= self._max_values else None
        with np.errstate(invalid="ignore"), warnings.catch_warnings():
            # A row that no tree has left out is dealt with below.
            warnings.filterwarnings("ignore", "Some inputs do not have OOB scores")
            if self._values is not None:
                self._forest: Any = RandomForestClassifier(min_samples_leaf=2, **options)
                self._forest.fit(others, np.searchsorted(values, target))
                chances = np.nan_to_num(self._forest.oob_decision_function_, nan=1 / len(values))
                oddness = _rarity(self._values, chances, target)
                self._forest.oob_decision_function_ = None
            else:
                self._forest = RandomForestRegressor(min_samples_leaf=5, **options).fit(others, target)
                drawn = self._forest.oob_prediction_
                # No tree has left out a row that all have drawn; the median stands in.
                error = np.abs(target - np.where(drawn == 0, np.median(target), drawn))
                self._usual_error = RandomForestRegressor(
                    min_samples_leaf=20,
                    max_depth=8,
                    **{**options, "n_estimators": max(self._trees // 2, 10), "oob_score": False},
                ).fit(others, error)
                self._least = max(float(np.median(error)) / 2, 1e-9 * (1 + float(np.abs(target).max())))
                oddness = error / np.maximum(self._usual_error.predict(others), self._least)
                self._forest.oob_prediction_ = None
        self._surprise = Surprise.of(oddness)
        self.out_of_bag = np.zeros(len(X))
        self.out_of_bag[known] = self._surprise(oddness)
        return self

    def surprise(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how surprising the column's cells are, 0 where missing, and what was expected of them."""
        others, target = np.delete(X, self._column, axis=1), X[:, self._column]
        if self._values is not None:
            chances = self._forest.predict_proba(others)
            expected = self._values[chances.argmax(axis=1)]
            oddness = _rarity(self._values, chances, target)
        else:
            expected = self._forest.predict(others)
            usual = np.maximum(self._usual_error.predict(others), self._least)
            oddness = np.abs(target - expected) / usual
        return np.nan_to_num(self._surprise(oddness)), expected


def _rarity(values: np.ndarray, chances: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return minus the logarithm of the chance that a forest gave to what each cell holds."""
    place = np.searchsorted(values, target).clip(0, len(values) - 1)
    is_known = values[place] == target
    chance = np.where(is_known, chances[np.arange(len(target)), place], 0.0)
    return np.where(np.isnan(target), np.nan, -np.log(chance + 1e-3) + np.where(is_known, 0.0, 3.0))


def _can_be_expected(X: np.ndarray, column: int) -> bool:
    known = X[~np.isnan(X[:, column]), column]
    return X.shape[1] > 1 and len(known) >= _LEAST_ROWS and len(np.unique(known)) > 1
