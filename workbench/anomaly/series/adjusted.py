"""Take off a day what it has in common: its series' level, the group's movement of that day, its weekday.

All that is taken off comes from days before (and, for the movement of the group, from the other series' same day), so
that a day is never part of what it is held against.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

POWER = 0.4
"""Power of ratios to the level: sums of many small sales vary about as their square root, trends as their logarithm."""

LAG = 3
"""Newest days that aren't in the level yet, so that a shift isn't taken for the new level at once."""

_LEVEL_DAYS, _CENTRE_DAYS, _SPREAD_DAYS, _LEAST = 112, 56, 84, 14
_WEEKS, _SHRINK = 16, 8


@dataclass(frozen=True)
class Adjusted:
    """A panel (days x series) as what is left when the usual is taken off, NaN where there is no past.

    Attributes:
        values: the panel.
        level: usual daily value before the day, in the series' unit.
        common: what the group did that day, one column, in powers of ratios.
        usual: what weekday and recent past add to it.
        spread: robust spread of what was left on earlier days.
        left: what is left, in spreads.
    """

    values: np.ndarray
    level: np.ndarray
    common: np.ndarray
    usual: np.ndarray
    spread: np.ndarray
    left: np.ndarray

    def in_units(self, left: np.ndarray) -> np.ndarray:
        """Return the values of days on which that many spreads would be left."""
        ratio = from_power(self.common + self.usual + left * self.spread)
        return np.asarray(ratio * self.level)


def to_power(ratio: np.ndarray) -> np.ndarray:
    """Return ratios to the level on the scale on which all days vary about alike; 1 becomes 0."""
    return np.asarray((np.sign(ratio) * np.abs(ratio) ** POWER - 1) / POWER)


def from_power(scaled: np.ndarray) -> np.ndarray:
    """Undo :func:`to_power`."""
    root = 1 + POWER * scaled
    return np.asarray(np.sign(root) * np.abs(root) ** (1 / POWER))


def adjust(values: np.ndarray, least_spread: np.ndarray | None = None) -> Adjusted:
    """Take the usual off a panel.

    Args:
        values: days x series, a row each day, NaN where unknown or not begun.
        least_spread: least spread of each series; a third of the median spread of all if None.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        frame = pd.DataFrame(values)
        before = frame.shift(1 + LAG).rolling(_LEVEL_DAYS, min_periods=_LEAST)
        level = np.maximum(before.median().to_numpy(), before.mean().to_numpy() / 2)
        level = np.where(level > 0, level, np.nan)
        scaled = to_power(values / level)
        common = np.nan_to_num(np.nanmedian(scaled, axis=1, keepdims=True)) if values.size else scaled[:, :1]
        if values.shape[1] < 3:
            # Of one or two series the median is the tested day itself.
            common = np.zeros((len(values), 1))
        rest = scaled - common
        usual = _of_weekday(rest)
        centre = pd.DataFrame(rest - usual).shift(1 + LAG).rolling(_CENTRE_DAYS, min_periods=_LEAST).median()
        usual = usual + np.nan_to_num(centre.to_numpy())
        rest = rest - usual
        spread = (
            1.4826 * pd.DataFrame(np.abs(rest)).shift(1).rolling(_SPREAD_DAYS, min_periods=_LEAST).median()
        )
        if least_spread is None:
            least_spread = least_of(spread.to_numpy())
        spread = np.maximum(spread.to_numpy(), least_spread)
        return Adjusted(values, level, common, usual, spread, rest / spread)


def least_of(spread: np.ndarray) -> np.ndarray:
    """Return the least spread that is believed, one number a series."""
    known = spread[np.isfinite(spread)]
    return np.full(spread.shape[1], max(0.3 * float(np.median(known)) if len(known) else 0.1, 0.01))


def _of_weekday(rest: np.ndarray) -> np.ndarray:
    """Return the mean of the same weekday over the weeks before, strays drawn in, shrunk to 0 where they are few."""
    frame = pd.DataFrame(rest)
    first = 1 + LAG // 7
    weeks = np.stack([frame.shift(7 * week).to_numpy() for week in range(first, first + _WEEKS)])
    middle = np.nanmedian(weeks, axis=0)
    reach = 1.5 * (1.4826 * np.nanmedian(np.abs(weeks - middle), axis=0) + 0.05)
    mean = np.nanmean(np.clip(weeks, middle - reach, middle + reach), axis=0)
    count = np.isfinite(weeks).sum(axis=0)
    return np.asarray(np.nan_to_num(mean) * count / (count + _SHRINK))
