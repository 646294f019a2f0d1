"""Plain detectors that a forest has to beat: distance from the same weekdays, and from the nearest windows."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

_WEEKS, _DAYS, _LEAST = 8, 56, 14


def weekday_z(values: np.ndarray) -> np.ndarray:
    """Return for each day and series its distance from the median of the eight same weekdays before, in spreads.

    Args:
        values: days x series, a row each day, NaN where unknown.

    Returns:
        Of the same shape, NaN where there is no past.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        frame = pd.DataFrame(values)
        same = np.stack([frame.shift(7 * week).to_numpy() for week in range(1, _WEEKS + 1)])
        usual = np.nanmedian(same, axis=0)
        distance = np.abs(values - usual)
        spread = 1.4826 * pd.DataFrame(distance).shift(1).rolling(_DAYS, min_periods=_LEAST).median()
        return np.asarray(distance / np.maximum(spread.to_numpy(), 0.01 * np.abs(usual) + 1e-9))


def window_distance(values: np.ndarray, *, width: int = 7, neighbours: int = 5) -> np.ndarray:
    """Return the distance of the week up to each day from the nearest earlier weeks that begin on the same weekday.

    Weeks are divided by the median of the 28 days before them. A window needs ``neighbours`` earlier ones.

    Args:
        values: days x series, a row each day, NaN where unknown.
        width: days of a window.
        neighbours: how many of the nearest count, by their mean.

    Returns:
        Of the same shape, NaN where there is no past.
    """
    days, series = values.shape
    found = np.full((days, series), np.nan)
    level = pd.DataFrame(values).shift(width).rolling(28, min_periods=_LEAST).median().to_numpy()
    level = np.where(level > 0, level, np.nan)
    for place in range(series):
        if days < width:
            break
        windows = np.lib.stride_tricks.sliding_window_view(values[:, place], width)
        windows = windows / level[width - 1 :, place, None]
        for weekday in range(7):
            some = windows[weekday::7]
            apart = np.sqrt(((some[:, None, :] - some[None, :, :]) ** 2).mean(axis=2))
            earlier = np.tril(np.ones(apart.shape, dtype=bool), -1) & np.isfinite(apart)
            nearest = np.sort(np.where(earlier, apart, np.inf), axis=1)[:, :neighbours]
            enough = np.isfinite(nearest).sum(axis=1) == neighbours
            means = np.where(enough, np.where(np.isfinite(nearest), nearest, 0).mean(axis=1), np.nan)
            found[width - 1 + weekday :: 7, place] = means
    return found
