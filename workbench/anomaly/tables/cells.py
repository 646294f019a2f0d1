"""Forests that know which cell of a row is improbable given the others."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from workbench.anomaly.tables.surprise import Surprise

_LEAST_ROWS = 8
# With fewer, forests are busy with Python, which threads only take from one another.
_LEAST_SHARED = 500


@dataclass(frozen=True)
class Cell:
    """One improbable cell: its column, what it holds, what was expected, and how surprising that is."""

    column: int
    actual: float
    expected: float
    surprise: float


class CellForest(BaseEstimator):
    """Say of each cell how improbable it is, given the others of its row.

    For each column a random forest expects it from the others, and out-of-bag errors tell what error is usual: a
    column of few values is classified, any other is regressed, with the error held against the usual one of such rows.
    What comes of it is turned into a surprise, minus the logarithm of the share of training rows that are as odd.

    Args:
        trees: number of trees of each forest.
        max_rows: rows to learn from at most, drawn at random.
        max_values: distinct values up to which a column is classified.
        random_state: seed.
        n_jobs: columns to learn at once where that is quicker; one if None. What is learned is the same.

    Attributes:
        n_features_in_: number of columns.
        targets_: columns that the others can say something of; those of one value only are left out.
    """

    def __init__(
        self,
        trees: int = 50,
        max_rows: int = 3000,
        max_values: int = 12,
        random_state: int | None = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.trees = trees
        self.max_rows = max_rows
        self.max_values = max_values
        self.random_state = random_state
        self.n_jobs = n_jobs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: Any, y: Any = None) -> CellForest:
        """Learn what cells look like.

        Args:
            X: numbers, shape (rows, columns); NaN is a missing cell.
            y: ignored.

        Raises:
            ValueError: there are under two rows.
        """
        self._fit_cells(X)
        return self

    def _fit_cells(self, X: Any) -> tuple[np.ndarray, np.random.RandomState, int]:
        """Learn the cells; return the rows learned from, and what is to draw from and to seed with further."""
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
        experts = [_Expert(self.trees, self.max_values, int(seeds[column])) for column in self.targets_]
        jobs = self.n_jobs or 1 if len(X) >= _LEAST_SHARED else 1
        with warnings.catch_warnings(), ThreadPoolExecutor(jobs) as pool:
            # A row that no tree has left out is dealt with below.
            warnings.filterwarnings("ignore", "Some inputs do not have OOB scores")
            fitted = pool.map(lambda expert, column: expert.fit(X, column), experts, self.targets_)
            self._experts = dict(zip(self.targets_, fitted, strict=True))
        return X, random, int(seeds[-1])

    def cell_surprise(self, X: Any) -> np.ndarray:
        """Return how surprising each cell is given the others of its row, in nats; shape (rows, columns).

        A missing cell is as surprising as missing cells of its column were rare, and so is any other value in a column
        that had one only.
        """
        return self._judge(X)[1]

    def expected(self, X: Any, column: int) -> np.ndarray:
        """Return what is expected of one of :attr:`targets_`, given the other cells; shape (rows,)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        return self._experts[column].surprise(X)[1]

    def explain(self, X: Any, top_k: int = 3) -> list[list[Cell]]:
        """Return for each row its most surprising cells, the most first, with what was expected of them."""
        X, surprise, expected = self._judge(X)
        order = np.argsort(-surprise, axis=1, kind="stable")[:, :top_k]
        return [
            [
                Cell(int(column), float(X[row, column]), float(expected[row, column]), float(surprise[row, column]))
                for column in columns
            ]
            for row, columns in enumerate(order)
        ]  # fmt: skip

    def _judge(self, X: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the cells, how surprising each is, and what is expected of it; NaN where nothing is."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        surprise, expected = np.zeros(X.shape), np.full(X.shape, np.nan)
        for column, expert in self._experts.items():
            surprise[:, column], expected[:, column] = expert.surprise(X)
        for column, value in self._constants.items():
            surprise[:, column] = np.where(X[:, column] == value, 0.0, np.log(1 + self._rows))
        missing = -np.log((1 + self._missing_share * self._rows) / (1 + self._rows))
        return X, np.where(np.isnan(X), missing, surprise), expected


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
        with np.errstate(invalid="ignore"):
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
