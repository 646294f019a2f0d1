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
    from scipy.stats import t

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
    reach = float(t.isf(chance / 2, len(values) - 1)) * np.sqrt(spread**2 * (1 + 1 / len(values)) + by_chance)
    lower, upper = _from_scale(np.array([middle - reach, middle + reach]), kind)
    return Bounds(float(lower), float(_from_scale(np.array([middle]), kind)[0]), float(upper))


def usual_before(sides: np.ndarray) -> np.ndarray:
    """Return which of the values before, in their order, others are held against.

    Those inside their bounds; and those outside from the fifth in a row on the same side on, with the four before it:
    what stays is the new usual, and what was before it isn't any more.

    Args:
        sides: of each value, as :meth:`Bounds.side` has it when it was judged.
    """
    kept = sides == 0
    run = 0
    for place, side in enumerate(sides):
        run = run + 1 if side and place and side == sides[place - 1] else int(bool(side))
        if run >= NEW_USUAL:
            kept[: place - run + 1] = False
            kept[place - run + 1 : place + 1] = True
    return kept


def _to_scale(values: np.ndarray, kind: Kind) -> np.ndarray:
    return np.asarray(
        np.log(np.maximum(values, 1)) if kind != "share" else np.arcsin(np.sqrt(np.clip(values, 0, 1)))
    )


def _from_scale(scaled: np.ndarray, kind: Kind) -> np.ndarray:
    if kind != "share":
        return np.asarray(np.exp(np.minimum(scaled, 60)))
    return np.asarray(np.sin(np.clip(scaled, 0, np.pi / 2)) ** 2)
