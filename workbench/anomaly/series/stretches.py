"""The stretches of time in which anything happened: what stands far apart from them is no history to learn from."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

LONGEST_GAP = 90
"""Days without anything that still belong to one stretch."""

LEAST_ACTIVE = 28
"""Days with anything that make a stretch worth to learn from."""


@dataclass(frozen=True)
class Stretches:
    """Which days belong together.

    Attributes:
        kept: for each observation, whether its day belongs to a stretch that counts; shape (rows,).
        gaps: first and last day of each gap between two stretches that count.
        apart: days that belong to none of them, a few and far away from the others.
    """

    kept: np.ndarray
    gaps: tuple[tuple[dt.date, dt.date], ...]
    apart: tuple[dt.date, ...]


def find_stretches(days: pd.Series) -> Stretches:
    """Find the stretches in which observations follow each other by 90 days at most.

    A stretch counts if it has observations on 28 days; where none has, the one with the most days counts, of two
    with as many the later. So a single line of another century, or of next year, moves nothing.

    Args:
        days: the day of each observation that tells of anything, a date or timestamp.
    """
    present = pd.to_datetime(days).to_numpy().astype("datetime64[D]")
    distinct, place = np.unique(present, return_inverse=True)
    if not len(distinct):
        return Stretches(np.zeros(0, dtype=bool), (), ())
    number = np.concatenate(([0], np.cumsum(np.diff(distinct).astype(int) > LONGEST_GAP + 1)))
    active = np.bincount(number)
    counts = active >= LEAST_ACTIVE
    if not counts.any():
        counts[len(active) - 1 - int(np.argmax(active[::-1]))] = True
    taken = counts[number]
    ends = [distinct[number == each][[0, -1]] for each in np.flatnonzero(counts)]
    gaps = tuple((_date(before[1] + 1), _date(after[0] - 1)) for before, after in pairwise(ends))
    return Stretches(taken[place], gaps, tuple(_date(day) for day in distinct[~taken]))


def _date(day: np.datetime64) -> dt.date:
    found: dt.date = day.astype(dt.date)
    return found
