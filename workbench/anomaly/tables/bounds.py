"""Between which values a measure of a file lies, learnt from the files before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Kind = Literal["count", "variety", "share"]

LEAST_HISTORY = 8
"""Files before without which nothing is said."""

LONGEST_HISTORY = 60
"""Files before that are looked at, the newest."""

NEW_USUAL = 5
"""Values in a row outside their bounds, to the same side, that are the new usual: one at least was told."""

# Counts that vary less than that are as usual; shares, on the scale of their angle.
_LEAST_SPREAD = {"count": 0.05, "variety": 0.05, "share": 0.01}
# Of a file much smaller or larger than those before nobody knows how many values would differ.
_SIZES = 1.25


@dataclass(frozen=True)
class Bounds:
    """The ends of what is usual, in the unit of the measure, and what is usual in the middle."""

    lower: float
    usual: float
    upper: float

    def side(self, value: float) -> int:
        """Return 1 above the upper end, -1 below the lower, 0 between them."""
        return int(value > self.upper) - int(value < self.lower)


def learn_bounds(
    values: np.ndarray, rows: np.ndarray, kind: Kind, chance: float, size: float
) -> Bounds | None:
    """Return the bounds of the next value; None where too few are known.

    They are the middle of the values before and a robust spread of theirs, as wide as ``chance`` asks for by Student's
    distribution: the fewer values, the wider. What chance alone makes of few rows is added to the spread.

    Args:
        values: of the files before, the oldest first: counts above 0, or shares 0 to 1; the one that is tested isn't in it.
        rows: of those files, which shares and numbers of different values are of.
        kind: ``count`` of rows, ``variety`` (how many values differ, known for files of about these sizes), or ``share``.
        chance: that a usual value lies outside.
        size: rows of the file that is tested.
    """
    from scipy.special import stdtrit

    values, rows = values[-LONGEST_HISTORY:], rows[-LONGEST_HISTORY:]
    if len(values) < LEAST_HISTORY:
        return None
    if kind == "variety":
        small, large = np.quantile(rows, [0.1, 0.9])
        if not small / _SIZES <= size <= large * _SIZES:
            return None
    scaled = _to_scale(values, kind)
    middle = float(np.median(scaled))
    spread = max(1.4826 * float(np.median(np.abs(scaled - middle))), _LEAST_SPREAD[kind])
    by_chance = {
        "share": 0.25 / max(size, 1), "count": 1 / max(float(np.median(values)), 1), "variety": 0.0
    }[kind]  # fmt: skip
    reach = -float(stdtrit(len(values) - 1, chance / 2)) * np.sqrt(
        spread**2 * (1 + 1 / len(values)) + by_chance
    )
    lower, upper = _from_scale(np.array([middle - reach, middle + reach]), kind)
    return Bounds(float(lower), float(_from_scale(np.array([middle]), kind)[0]), float(upper))


class Usual:
    """Which of the values so far the next one is held against.

    Those inside their bounds; and those outside from the fifth in a row on the same side on, with the four before it:
    what stays is the new usual, and what was before it isn't any more.
    """

    def __init__(self) -> None:
        self._places: list[int] = []
        # Those outside, in a row on one side, and how many that are with those left out.
        self._row: list[int] = []
        self._length = self._side = self._count = 0

    @property
    def places(self) -> list[int]:
        """The places of the newest of them, in their order: as many as bounds are learnt from."""
        return self._places[-LONGEST_HISTORY:]

    def add(self, side: int, *, left_out: bool = False) -> None:
        """Take in the next value.

        Args:
            side: as :meth:`Bounds.side` has it when it was judged.
            left_out: whether nothing is held against it, whatever its side.
        """
        own = [] if left_out else [self._count]
        self._count += 1
        if not side or side != self._side:
            self._row, self._length = [], 0
        self._side = side
        self._length += bool(side)
        if not side or self._length > NEW_USUAL:
            self._places += own
            return
        self._row += own
        if self._length == NEW_USUAL:
            self._places = list(self._row)


def _to_scale(values: np.ndarray, kind: Kind) -> np.ndarray:
    return np.asarray(
        np.log(np.maximum(values, 1)) if kind != "share" else np.arcsin(np.sqrt(np.clip(values, 0, 1)))
    )


def _from_scale(scaled: np.ndarray, kind: Kind) -> np.ndarray:
    if kind != "share":
        return np.asarray(np.exp(np.minimum(scaled, 60)))
    return np.asarray(np.sin(np.clip(scaled, 0, np.pi / 2)) ** 2)
