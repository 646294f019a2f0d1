"""Windows over the past of groups, as numbers of positions in sorted arrays."""

from __future__ import annotations

import numpy as np

_LOW = np.int64(0xFFFF)


def order_of(codes: np.ndarray) -> np.ndarray:
    """Return the order that sorts numbers from 0 up, equal ones as they come; numpy sorts 16 bits by radix."""
    codes = codes.astype(np.int64, copy=False)
    order = np.argsort((codes & _LOW).astype(np.uint16), kind="stable")
    if len(codes) and codes.max() > _LOW:
        order = order[np.argsort((codes[order] >> 16).astype(np.uint16), kind="stable")]
    return order


class Timeline:
    """Events of many groups, sorted by group, then time.

    A window ends before a moment and is asked for as positions, so that sums over it are differences of two running
    totals. Groups are numbers from 0 below 2**31, times are whole seconds.
    """

    def __init__(self, group: np.ndarray, time: np.ndarray) -> None:
        in_time = len(time) < 2 or bool((time[1:] >= time[:-1]).all())
        by_time = None if in_time else np.argsort(time, kind="stable")
        order = order_of(group if by_time is None else group[by_time])
        self.order = order if by_time is None else by_time[order]
        """The event at each position."""
        self.time = time[self.order]
        self._base = int(time.min()) - 1 if len(time) else 0
        self._span = int(time.max()) - self._base + 2 if len(time) else 2
        self._key = self._keys(group[self.order], self.time)

    def _keys(self, group: np.ndarray, time: np.ndarray) -> np.ndarray:
        # Whatever lies before all events or after them stays within its group.
        return group.astype(np.int64) * self._span + np.clip(time - self._base, 0, self._span - 1)

    def __len__(self) -> int:
        return len(self._key)

    def before(self, group: np.ndarray, time: np.ndarray, *, at: bool = False) -> np.ndarray:
        """Return for each group and moment the position after the last event before it (or ``at`` it)."""
        return np.searchsorted(self._key, self._keys(group, time), side="right" if at else "left")

    def begin(self, group: np.ndarray) -> np.ndarray:
        """Return the position of the first event of each group."""
        return np.searchsorted(self._key, group.astype(np.int64) * self._span)

    def totals(self, values: np.ndarray) -> np.ndarray:
        """Return running totals of values of events (as they were given), with a zero before the first position."""
        totals = np.zeros(len(self) + 1)
        np.cumsum(values[self.order], out=totals[1:])
        return totals
