"""How surprising a number is among others: minus the logarithm of the share that is as large, beyond them too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_TAIL = 0.02


@dataclass(frozen=True)
class Surprise:
    """The numbers that were seen, and how fast their tail falls.

    Attributes:
        seen: numbers in ascending order; shape (n,).
        scale: mean excess of the largest 2 % over where they begin: what lies beyond the largest is as much more
            surprising as an exponential tail of that scale makes it.
    """

    seen: np.ndarray
    scale: float

    @classmethod
    def of(cls, seen: np.ndarray) -> Surprise:
        """Learn from numbers; NaN is left out.

        Raises:
            ValueError: there are none.
        """
        ordered = np.sort(seen[~np.isnan(seen)])
        if not len(ordered):
            raise ValueError("nothing to learn from")
        tail = ordered[-max(round(_TAIL * len(ordered)), 2) :]
        scale = float((tail - tail[0]).mean())
        spread = float(ordered[-1] - ordered[0]) or max(abs(float(ordered[-1])), 1.0)
        return cls(ordered, scale if scale > 0 else spread / 10)

    def __call__(self, numbers: np.ndarray) -> np.ndarray:
        """Return the surprise of each number, 0 for the smallest; NaN stays NaN."""
        count = len(self.seen)
        larger = count - np.searchsorted(self.seen, numbers, side="left")
        surprise = -np.log((1 + larger) / (1 + count))
        beyond = np.maximum(numbers - self.seen[-1], 0) / self.scale
        return np.where(np.isnan(numbers), np.nan, surprise + beyond)
