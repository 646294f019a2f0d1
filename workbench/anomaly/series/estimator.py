"""A forest that says how strange each day of many series is, by what the others do on it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestRegressor
from sklearn.utils.validation import check_is_fitted, validate_data

from workbench.anomaly.series.adjusted import Adjusted, adjust, least_of
from workbench.anomaly.series.injected import DAYS_A_MONTH

INPUTS = (
    "weekday", "peers_mean", "peers_median", "lag_1", "lag_7", "same_weekday", "mean_7", "mean_28", "spread",
    "log_level", "likeness",
)  # fmt: skip
"""What the forest is told of a day: its weekday, its peers, its series' past, and how much it can vary."""

_PEERS, _REACH, _LEAST_ROWS = 10, 4.0, 100
_SHIFT_DAYS, _SHIFT_REACH, _SHIFT_WEIGHT = 5, 2.5, 0.5


class SeriesForest(BaseEstimator):
    """Random forest on daily series that move together.

    Each day loses its series' level, the median movement of all series on that day (holidays, closures) and its
    weekday; a forest then expects what is left from the series' own past and from the series most like it. A day's
    score is the mean of what is left with and without the forest, in robust spreads, less on days on which all stray,
    more where the days before strayed the same way. What is a day's own is in nothing that it is held against: days
    that it was fitted on are told by their dates, and judged by the trees that did not see them.

    ``X`` is days x series throughout, a row for every day in the order of time, NaN where unknown; a
    :class:`~pandas.DataFrame` by date has weekdays, of an array each seventh row is one. A day needs five weeks before it,
    and is NaN without.

    Args:
        n_estimators: number of trees.
        min_samples_leaf: days that a leaf has at least.
        max_features: share of the inputs that each split looks at.
        alerts_a_month: how many days of a series and month ``predict`` may point at.
        random_state: seed.
        n_jobs: processors to fit with.

    Attributes:
        forest_: the fitted forest, or None where there were too few days for one.
        peers_: columns of the series most like each, series x peers, the most alike first.
        likeness_: mean correlation of each series with its peers.
        least_spread_: least spread of each series that is believed.
        error_spread_: of each series, the robust spread of the forest's out-of-bag errors.
        limit_: spreads within which 99 % of the days are on which nothing is gross.
        threshold_: score from which ``predict`` points at a day.
        days_: days that it was fitted on, in days since 1970; empty if they had no dates.
        oob_prediction_: what trees that did not see the days expected, days x series.
    """

    def __init__(
        self,
        n_estimators: int = 60,
        *,
        min_samples_leaf: int = 10,
        max_features: float = 0.5,
        alerts_a_month: float = 1.0,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.min_samples_leaf = min_samples_leaf
        self.max_features = max_features
        self.alerts_a_month = alerts_a_month
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None) -> SeriesForest:
        """Learn from all days of ``X``; ``y`` isn't looked at.

        Raises:
            ValueError: a parameter is out of range.
        """
        if not self.alerts_a_month > 0:
            raise ValueError(f"alerts_a_month is {self.alerts_a_month}; it must be above 0")
        values, days = self._rows(X, fit=True)
        self.days_ = np.zeros(0, dtype=np.int64) if days is None else days
        self.least_spread_ = least_of(adjust(values).spread)
        adjusted = adjust(values, self.least_spread_)
        self._find_peers(adjusted.left)
        known = np.isfinite(adjusted.left)
        self.oob_prediction_ = np.where(known, 0.0, np.nan)
        self.forest_ = None
        if known.sum() >= _LEAST_ROWS:
            inputs = self._inputs(adjusted, days)[known]
            self.forest_ = RandomForestRegressor(
                self.n_estimators, min_samples_leaf=self.min_samples_leaf, max_features=self.max_features,
                max_samples=0.6, oob_score=True, n_jobs=self.n_jobs, random_state=self.random_state,
            ).fit(inputs, np.clip(adjusted.left[known], -_REACH, _REACH))  # fmt: skip
            # Threads add the trees up in the order in which they finish: the last digit would differ.
            self.forest_.set_params(n_jobs=1)
            self.oob_prediction_[known] = self.forest_.oob_prediction_
            del self.forest_.oob_prediction_
        error = adjusted.left - self.oob_prediction_
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            spread = 1.4826 * np.nanmedian(np.abs(error), axis=0)
        self.error_spread_ = np.clip(np.nan_to_num(spread, nan=1.0), 0.3, None)
        signed = self._blend(adjusted, self.oob_prediction_)
        usual = np.abs(signed[np.isfinite(signed)])
        self.limit_ = float(np.quantile(usual[usual <= 6], 0.99)) if (usual <= 6).any() else 3.0
        scores = _with_shift(signed)
        judged = scores[np.isfinite(scores)]
        share = min(1.0, self.alerts_a_month / DAYS_A_MONTH)
        self.threshold_ = float(np.quantile(judged, 1 - share)) if len(judged) else float("inf")
        return self

    def score_samples(self, X: Any) -> np.ndarray:
        """Return how strange each day of each series is, days x series: 0 is usual, 3 and more is not."""
        adjusted, expected = self._expect(X)
        return _with_shift(self._blend(adjusted, expected))

    def predict(self, X: Any) -> np.ndarray:
        """Return 1 for the days to look at and 0 for all others, days x series.

        They score above ``threshold_``; and of any 30 rows from the first on, no more than ``alerts_a_month`` of each
        series on average, the highest scores first.
        """
        scores = self.score_samples(X)
        chosen = np.zeros(scores.shape, dtype=np.int64)
        for begin in range(0, len(scores), 30):
            block = scores[begin : begin + 30]
            budget = int(self.alerts_a_month * scores.shape[1] * len(block) / 30)
            ranked = np.argsort(-np.nan_to_num(block, nan=-1).ravel(), kind="stable")[:budget]
            above = ranked[np.nan_to_num(block, nan=-1).ravel()[ranked] > self.threshold_]
            chosen[begin : begin + 30].ravel()[above] = 1
        return chosen

    def expected_range(self, X: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what was expected, and both ends of the range in which usual days lie, in the series' unit."""
        adjusted, expected = self._expect(X)
        reach = self.limit_ * _day_spread(self._raw(adjusted, expected))
        # The score is the mean of both distances, so half of what the forest expects moves the middle.
        scale = 0.5 + 0.5 / self.error_spread_
        middle = 0.5 * expected / self.error_spread_ / scale
        ends = (middle, middle - reach / scale, middle + reach / scale)
        found, low, high = (adjusted.in_units(end) for end in ends)
        return found, low, high

    def explain(self, X: Any, top_k: int = 10) -> pd.DataFrame:
        """Say of the ``top_k`` highest scores what was expected, and what made it so.

        Returns:
            One row a day and series, the highest score first: ``row``, ``series`` (its place or name), ``actual``,
            ``expected``, ``lower``, ``upper``, ``score``, and as factors on the series' ``level``: ``all_series`` (what
            the group did that day), ``usual`` (weekday and recent past), ``likeness`` (what the forest adds).
        """
        adjusted, prediction = self._expect(X)
        scores = _with_shift(self._blend(adjusted, prediction))
        expected, lower, upper = self.expected_range(X)
        order = np.argsort(-np.nan_to_num(scores, nan=-1).ravel(), kind="stable")[:top_k]
        rows, columns = np.unravel_index(order, scores.shape)
        judged = np.isfinite(scores[rows, columns])
        rows, columns = rows[judged], columns[judged]
        at = (rows, columns)
        everyone = adjusted.in_units(-adjusted.usual / adjusted.spread)[at]
        by_past = adjusted.in_units(np.zeros_like(scores))[at]
        names = getattr(self, "feature_names_in_", np.arange(scores.shape[1]))
        with np.errstate(divide="ignore", invalid="ignore"):
            return pd.DataFrame(
                {
                    "row": rows, "series": names[columns], "actual": adjusted.values[at],
                    "expected": expected[at], "lower": lower[at], "upper": upper[at], "score": scores[at],
                    "level": adjusted.level[at], "all_series": everyone / adjusted.level[at],
                    "usual": by_past / everyone, "likeness": expected[at] / by_past,
                }
            )  # fmt: skip

    def check_stored(self) -> None:
        """Check that the parts of a forest that was read from a file go together.

        Raises:
            ValueError: they don't.
        """
        series = getattr(self, "n_features_in_", 0)
        arrays = (
            self.peers_,
            self.likeness_,
            self.least_spread_,
            self.error_spread_,
            self.days_,
            self.oob_prediction_,
        )
        fits = (
            all(isinstance(each, np.ndarray) for each in arrays)
            and self.peers_.shape == (series, min(_PEERS, series - 1))
            and np.issubdtype(self.peers_.dtype, np.integer)
            and ((self.peers_ >= 0) & (self.peers_ < series)).all()
            and all(each.shape == (series,) for each in arrays[1:4])
            and self.oob_prediction_.shape[1] == series
            and len(self.days_) in (0, len(self.oob_prediction_))
            and (np.diff(self.days_) == 1).all()
            and (self.forest_ is None or type(self.forest_) is RandomForestRegressor)
            and (self.forest_ is None or self.forest_.n_features_in_ == len(INPUTS))
        )
        if not fits:
            raise ValueError("the parts of the forest of series don't go together")

    def _rows(self, X: Any, *, fit: bool = False) -> tuple[np.ndarray, np.ndarray | None]:
        index = getattr(X, "index", None)
        values = validate_data(
            self,
            X,
            dtype=np.float64,
            ensure_all_finite="allow-nan",
            reset=fit,
            ensure_min_samples=2 if fit else 1,
        )
        if not isinstance(index, pd.DatetimeIndex):
            return np.asarray(values), None
        days = np.asarray(index.values.astype("datetime64[D]").astype(np.int64))
        if (np.diff(days) != 1).any():
            raise ValueError("the days are not one after the other; lay them out by day, NaN where unknown")
        return np.asarray(values), days

    def _find_peers(self, left: np.ndarray) -> None:
        series = left.shape[1]
        alike = pd.DataFrame(np.clip(left, -3, 3)).corr(min_periods=60).to_numpy(copy=True)
        alike = np.nan_to_num(alike, nan=-1.0)
        np.fill_diagonal(alike, -2.0)
        self.peers_ = np.argsort(-alike, axis=1, kind="stable")[:, : min(_PEERS, series - 1)]
        rows = np.arange(series)[:, None]
        self.likeness_ = alike[rows, self.peers_].mean(axis=1) if series > 1 else np.zeros(series)

    def _inputs(self, adjusted: Adjusted, days: np.ndarray | None) -> np.ndarray:
        """Return ``INPUTS`` of each day and series, days x series x inputs."""
        left = np.clip(adjusted.left, -_REACH, _REACH)
        frame = pd.DataFrame(left)
        number = np.arange(len(left)) if days is None else days + 3
        weeks = np.stack([frame.shift(7 * week).to_numpy() for week in range(1, 9)])
        before = frame.shift(1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            peers = left[:, self.peers_]
            columns = (
                np.broadcast_to((number % 7)[:, None], left.shape),
                np.nanmean(peers, axis=2) if peers.shape[2] else np.zeros_like(left),
                np.nanmedian(peers, axis=2) if peers.shape[2] else np.zeros_like(left),
                before.to_numpy(), frame.shift(7).to_numpy(), np.nanmean(weeks, axis=0),
                before.rolling(7, min_periods=3).mean().to_numpy(),
                before.rolling(28, min_periods=10).mean().to_numpy(),
                adjusted.spread, np.log1p(adjusted.level), np.broadcast_to(self.likeness_, left.shape),
            )  # fmt: skip
        return np.nan_to_num(np.stack(columns, axis=-1)).astype(np.float32)

    def _expect(self, X: Any) -> tuple[Adjusted, np.ndarray]:
        check_is_fitted(self)
        values, days = self._rows(X)
        adjusted = adjust(values, self.least_spread_)
        known = np.isfinite(adjusted.left)
        expected = np.where(known, 0.0, np.nan)
        if self.forest_ is not None and known.any():
            expected[known] = self.forest_.predict(self._inputs(adjusted, days)[known])
        if days is not None and len(self.days_):
            seen = np.isin(days, self.days_)
            place = np.searchsorted(self.days_, days[seen])
            unseen_by_some = self.oob_prediction_[place]
            expected[seen] = np.where(
                known[seen] & np.isfinite(unseen_by_some), unseen_by_some, expected[seen]
            )
        return adjusted, expected

    def _raw(self, adjusted: Adjusted, expected: np.ndarray) -> np.ndarray:
        return np.asarray((adjusted.left + (adjusted.left - expected) / self.error_spread_) / 2)

    def _blend(self, adjusted: Adjusted, expected: np.ndarray) -> np.ndarray:
        raw = self._raw(adjusted, expected)
        return np.asarray(raw / _day_spread(raw))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _day_spread(raw: np.ndarray) -> np.ndarray:
    """Return by how much more than usual all series stray on each day, at least 1; one column."""
    if raw.shape[1] < 3:
        return np.ones((len(raw), 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        stray = np.sqrt(np.nanmean(np.clip(np.abs(raw), 0, _REACH) ** 2, axis=1, keepdims=True))
    return np.asarray(np.fmax(1.0, stray))


def _with_shift(signed: np.ndarray) -> np.ndarray:
    """Return sizes, or half of that of the mean of the last five days where that says more: a level that moved."""
    recent = pd.DataFrame(np.clip(signed, -_SHIFT_REACH, _SHIFT_REACH)).rolling(_SHIFT_DAYS).mean().to_numpy()
    recent = np.where(np.sign(recent) == np.sign(signed), np.abs(recent), 0.0) * np.sqrt(_SHIFT_DAYS)
    return np.asarray(np.fmax(np.abs(signed), np.where(np.isfinite(signed), _SHIFT_WEIGHT * recent, np.nan)))
