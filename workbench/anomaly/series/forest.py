"""A random forest that expects each day's value, and the range in which usual days fall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.anomaly.series.features import NUMERIC, FeatureSet
from workbench.execution import timed

COVERAGE = 0.99
"""Share of usual days that the expected range is meant to hold."""

CRITICAL = 1.5
"""Half-widths of the range from which a day is critical."""

LEAST_SPREAD = 0.01
"""Spread of a series that hardly varies, as a share of its level."""

_GROSS = 6.0
# Of a few hundred errors, the quantiles of a 99 % range are little more than the largest ones.
_FEW, _GROSS_OF_FEW = 1000, 3.5
# A day far beyond its level would teach the squared error of the forest more than all usual days together.
_LEARNABLE = (-1.0, 5.0)


@dataclass(frozen=True)
class Calibration:
    """How far usual days stray from the forest's expectation.

    Attributes:
        coverage: share of usual days that the range is meant to hold, 0 to 1.
        low: lower end of the range, in spreads (negative).
        high: upper end, in spreads.
        spread: for each series the robust spread of its errors, as a share of its level.
        not_negative: series that never were below zero; the range of those stops at zero.
    """

    coverage: float
    low: float
    high: float
    spread: dict[str, float]
    not_negative: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {**asdict(self), "not_negative": list(self.not_negative)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Calibration:
        """Read what :meth:`to_dict` wrote."""
        return cls(
            float(data["coverage"]), float(data["low"]), float(data["high"]),
            {str(name): float(value) for name, value in data["spread"].items()}, tuple(data["not_negative"]),
        )  # fmt: skip


@dataclass(frozen=True)
class Fitted:
    """A fitted model: the scikit-learn pipeline, its calibration, and for each training row its out-of-bag
    expectation (in levels): the mean of those trees that did not see the row."""

    pipeline: Any
    calibration: Calibration
    out_of_bag: pd.Series


def fit_forest(
    features: FeatureSet,
    *,
    trees: int = 100,
    seed: int = 0,
    coverage: float = COVERAGE,
    least_spread: float = LEAST_SPREAD,
) -> Fitted:
    """Fit the forest and calibrate its range on out-of-bag errors. The same input gives the same model.

    Args:
        features: the rows to learn from; at least a few dozen.
        trees: number of trees.
        seed: of the bootstrap and the feature draws.
        coverage: share of usual days that the range shall hold.
        least_spread: see `calibrate`.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder

    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    forest = RandomForestRegressor(
        trees,
        min_samples_leaf=8,
        max_features=0.5,
        max_samples=0.8,
        oob_score=True,
        n_jobs=2,
        random_state=seed,
    )
    columns = ColumnTransformer([("series", encoder, ["series"])], remainder="passthrough")
    pipeline = Pipeline([("columns", columns), ("forest", forest)])
    with timed("model"):
        pipeline.fit(features.inputs, features.target.clip(*_LEARNABLE))
    # Threads add the trees up in the order in which they finish: the last digit would differ from run to run.
    forest.set_params(n_jobs=1)
    out_of_bag = pd.Series(forest.oob_prediction_, features.inputs.index, name="out_of_bag")
    # The expectations travel beside the model, keyed by day and series; in it they would have no key.
    del forest.oob_prediction_
    return Fitted(pipeline, calibrate(features, out_of_bag, coverage, least_spread), out_of_bag)


def calibrate(
    features: FeatureSet, expected: pd.Series, coverage: float = COVERAGE, least_spread: float = LEAST_SPREAD
) -> Calibration:
    """Measure how far the days strayed from what was expected of them without knowing them.

    Errors are divided by their series' robust spread (1.4826 times the median absolute error) and pooled; the
    range takes their split-conformal quantiles. Errors beyond six spreads (3.5 when there are under 1,000
    errors) are the anomalies that the range is there to find, so they don't widen it. A spread is at least
    ``least_spread``, a share of the level.
    """
    error = features.target - expected
    names = features.inputs["series"]
    spread = 1.4826 * error.abs().groupby(names).median()
    usual = float(spread[spread > 0].median()) if (spread > 0).any() else 0.1
    spread = spread.clip(lower=max(0.1 * usual, least_spread))
    strayed = (error / names.map(spread)).to_numpy(dtype=float)
    gross = _GROSS if len(strayed) >= _FEW else _GROSS_OF_FEW
    strayed = np.sort(strayed[np.abs(strayed) <= gross])
    count, tail = len(strayed), (1 - coverage) / 2
    rank = min(int(np.ceil((count + 1) * (1 - tail))), count) - 1
    low, high = strayed[count - 1 - rank], strayed[rank]
    lowest = features.actual.groupby(names).min()
    return Calibration(
        coverage, min(float(low), -1.0), max(float(high), 1.0),
        {str(name): float(value) for name, value in spread.items()},
        tuple(sorted(str(name) for name in lowest[lowest >= 0].index)),
    )  # fmt: skip


def expect(pipeline: Any, features: FeatureSet) -> pd.Series:
    """Return the forest's expectation for each row, in levels."""
    return pd.Series(pipeline.predict(features.inputs), features.inputs.index)


def score(features: FeatureSet, expected: pd.Series, calibration: Calibration) -> pd.DataFrame:
    """Place each day in its expected range.

    Args:
        features: the rows to judge; series that the calibration doesn't know are left out.
        expected: what was expected of each, in levels.
        calibration: of the model that expected it.

    Returns:
        One row a day and series, by day, then series: ``day``, ``series``, ``actual``, ``expected``,
        ``lower``, ``upper`` (in the series' unit), ``score`` (distance from the expectation in half-widths
        of the range; above 1 is outside), ``direction`` (above or below), ``severity`` (empty inside the
        range).
    """
    names = features.inputs["series"]
    known = names.isin(calibration.spread).to_numpy()
    rows, names, ratio = features.where(known), names[known], expected[known]
    spread = names.map(calibration.spread).astype(float)
    middle = (ratio * rows.level).to_numpy()
    lower = ((ratio + calibration.low * spread) * rows.level).to_numpy()
    upper = ((ratio + calibration.high * spread) * rows.level).to_numpy()
    floored = names.isin(calibration.not_negative).to_numpy()
    lower, middle = (
        np.where(floored, np.maximum(lower, 0), lower),
        np.where(floored, np.maximum(middle, 0), middle),
    )
    return judge(
        pd.DataFrame({"day": rows.days, "series": names.to_numpy(), "actual": rows.actual.to_numpy()}),
        middle, lower, upper,
    )  # fmt: skip


def judge(frame: pd.DataFrame, expected: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> pd.DataFrame:
    """Add the range, score, direction and severity to rows with an ``actual``; numbers rounded to 4 digits.

    A day outside its range is a warning; critical from 1.5 half-widths on, and when it fell to nothing.
    """
    actual = frame["actual"].to_numpy(dtype=float)
    above = actual >= expected
    width = np.where(above, upper - expected, expected - lower)
    distance = np.abs(actual - expected)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.where(width > 0, distance / width, np.where(distance > 0, np.inf, 0.0))
    outside = (actual > upper) | (actual < lower)
    # A range that ends at zero has no width below an expectation of zero.
    scores = np.where(outside, np.clip(scores, 1.0, 1e6), np.minimum(scores, 1.0))
    critical = outside & ((scores >= CRITICAL) | (~above & (actual <= 0)))
    return frame.assign(
        actual=_rounded(actual), expected=_rounded(expected), lower=_rounded(lower), upper=_rounded(upper),
        score=scores.round(4), direction=np.where(above, "above", "below"),
        severity=np.where(critical, "critical", np.where(outside, "warning", "")),
    )  # fmt: skip


def _rounded(numbers: np.ndarray) -> np.ndarray:
    """Round to 4 digits; numbers that have no such digits would overflow as they are rounded."""
    near = np.abs(numbers) < 1e15
    return np.where(near, np.where(near, numbers, 0).round(4), numbers)


def importances(pipeline: Any) -> pd.DataFrame:
    """Return ``feature`` and ``importance`` (its share in lowering the forest's error), the most first."""
    frame = pd.DataFrame(
        {"feature": ["series", *NUMERIC], "importance": pipeline.named_steps["forest"].feature_importances_}
    )
    return frame.sort_values(["importance", "feature"], ascending=[False, True], ignore_index=True)
