"""Forests that rank rows by how improbable they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import OutlierMixin
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import validate_data

from workbench.anomaly.tables.cells import CellForest
from workbench.anomaly.tables.surprise import Surprise

NEIGHBOURS = 5
_NEIGHBOUR_ROWS = 2000


class TableForest(OutlierMixin, CellForest):
    """Rank rows by how improbable they are, and say which of their cells makes them so.

    Beside the surprise of its cells (:class:`CellForest`), an isolation forest and the distance to the fifth neighbour judge
    a row as a whole. Both are turned into a surprise, too, and a row's is the mean of the three.

    Args:
        trees: number of trees of each forest.
        max_rows: rows to learn from at most, drawn at random.
        max_values: distinct values up to which a column is classified.
        budget: share of rows like those of training that `predict` may call odd, 0 to 1.
        random_state: seed.
        n_jobs: columns to learn at once; one if None. What is learned is the same.

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
        n_jobs: int | None = None,
    ) -> None:
        super().__init__(trees, max_rows, max_values, random_state, n_jobs)
        self.budget = budget

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
        X, random, seed = self._fit_cells(X)
        self._fill = SimpleImputer(strategy="median", keep_empty_features=True).fit(X)
        filled = self._fill.transform(X)
        self._isolation = IsolationForest(n_estimators=100, random_state=seed).fit(filled)
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

    def _distances(self, filled: np.ndarray) -> np.ndarray:
        distances: np.ndarray = self._neighbours.kneighbors(self._scale.transform(filled))[0][:, -1]
        return distances
