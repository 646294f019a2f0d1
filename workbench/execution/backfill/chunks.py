"""A range of days, cut into chunks."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from workbench.errors import UsageError

_DAY = dt.timedelta(days=1)
_SIZE = re.compile(r"0*([1-9]\d{0,4})([dw])")


@dataclass(frozen=True, order=True)
class Chunk:
    """Consecutive days, both ends inclusive."""

    first: dt.date
    last: dt.date

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"


def read_day(text: str, name: str) -> dt.date:
    """Return the day that a text names, as 2024-01-31; ``name`` is what messages call it.

    Raises:
        UsageError: it names none.
    """
    try:
        return dt.datetime.strptime(text.strip(), "%Y-%m-%d").date()
    except ValueError:
        raise UsageError(f"{name} is a day such as 2024-01-31, not {text!r:.80}") from None


def split(first: dt.date, last: dt.date, size: str, today: dt.date | None = None) -> list[Chunk]:
    """Cut a range of days, both ends inclusive, into chunks in order of time.

    Args:
        first: the first day.
        last: the last day.
        size: ``month`` for those of the calendar, ``all`` for one of all days, or a number of days or weeks from the first day on: ``1d``, ``7d``,
            ``2w``. At either end of the range a chunk is cut off.
        today: the newest day there is; of UTC if None.

    Raises:
        UsageError: there is no such size, the range ends before it begins, or it ends in the future.
    """
    today = today or dt.datetime.now(dt.UTC).date()
    if last < first:
        raise UsageError(f"the range ends before it begins: {first} to {last}; the first day is named first")
    if last > today:
        raise UsageError(f"the range ends on {last}, which hasn't come yet; the last day there is is {today}")
    if size == "month":
        return list(_months(first, last))
    if size == "all":
        return [Chunk(first, last)]
    if not (found := _SIZE.fullmatch(size)):
        raise UsageError(
            f"a chunk is a month, all, or a number of days or weeks such as 1d, 7d, 2w, not {size!r:.80}"
        )
    days = int(found[1]) * (7 if found[2] == "w" else 1)
    count = -(-((last - first).days + 1) // days)
    return [
        Chunk(begin, min(begin + (days - 1) * _DAY, last))
        for begin in (first + number * days * _DAY for number in range(count))
    ]


def _months(first: dt.date, last: dt.date) -> list[Chunk]:
    found = []
    while first <= last:
        following = (first.replace(day=28) + 4 * _DAY).replace(day=1)
        found.append(Chunk(first, min(following - _DAY, last)))
        first = following
    return found
