"""Which days, weeks and months of some sales are whole, so that a part of one isn't read as a fall or a rise."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

import pandas as pd

Length = Literal["day", "week", "month", "year"]
LENGTHS: dict[Length, str] = {"day": "D", "week": "W-SUN", "month": "M", "year": "Y"}
_LEAST_ROWS = 20
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Periods:
    """Sales by period, from the first day of sales to the last.

    Attributes:
        length: of a period.
        table: one row a period, without gaps: ``start``, ``end`` (days, inclusive), ``amount`` (0 where nothing
            was sold) and ``is_whole``, False where days at an end of the data are missing or not whole.
        filling: the days at either end that aren't whole themselves: under half of what that weekday usually
            has, or today and after.
    """

    length: Length
    table: pd.DataFrame
    filling: tuple[dt.date, ...] = ()

    @property
    def whole(self) -> pd.DataFrame:
        """The periods that are whole: those that may be compared."""
        return self.table[self.table["is_whole"]]


def by_period(daily: pd.DataFrame, length: Length | None = None, today: dt.date | None = None) -> Periods:
    """Add days up to periods of a length, and tell which of them are whole.

    Args:
        daily: one row a day of sales: ``day`` (date), ``amount`` and ``rows`` (lines behind it).
        length: of a period; what suits the time the sales span if None.
        today: it and the days after it aren't over; UTC's if None.

    Weekdays that usually have no sales are not missed at either end.
    """
    if daily.empty:
        nothing = pd.DataFrame(columns=["start", "end", "amount", "is_whole"]).astype({"is_whole": bool})
        return Periods(length or "day", nothing)
    days = pd.PeriodIndex(pd.to_datetime(daily["day"]), freq="D")
    every = pd.period_range(days.min(), days.max(), freq="D")
    amount = pd.Series(daily["amount"].to_numpy(dtype=float), days).groupby(level=0).sum()
    rows = pd.Series(daily["rows"].to_numpy(dtype=float), days).groupby(level=0).sum()
    amount, rows = amount.reindex(every, fill_value=0.0), rows.reindex(every, fill_value=0.0)
    length = length or _suiting(len(every))
    filling, first, last = _ends(rows, today or dt.datetime.now(dt.UTC).date())
    closed = _closed_weekdays(rows)
    sums = amount.groupby(every.asfreq(LENGTHS[length])).sum()
    periods = pd.PeriodIndex(sums.index)
    starts, ends = list(periods.start_time.date), list(periods.end_time.date)
    whole = [
        first <= last
        and _are_closed(start, min(first, end + _DAY), closed)
        and _are_closed(max(last + _DAY, start), end + _DAY, closed)
        for start, end in zip(starts, ends, strict=True)
    ]
    table = pd.DataFrame({"start": starts, "end": ends, "amount": sums.to_numpy(), "is_whole": whole})
    return Periods(length, table, filling)


def still_filling(rows: pd.Series) -> bool:
    """Tell if the newest of some days has under half the rows that its weekday had over the last eight weeks.

    Args:
        rows: number of rows of each day, without gaps, the newest last.
    """
    same_weekday = rows.iloc[-8::-7].head(8)
    same_weekday = same_weekday[same_weekday > 0]
    if len(same_weekday) < 4:
        return False
    usual = float(same_weekday.median())
    return usual >= _LEAST_ROWS and float(rows.iloc[-1]) < usual / 2


def _ends(rows: pd.Series, today: dt.date) -> tuple[tuple[dt.date, ...], dt.date, dt.date]:
    """Return the days at either end that aren't whole, and the first and the last that are."""
    days = [period.start_time.date() for period in pd.PeriodIndex(rows.index)]
    begin, end = 0, len(days)
    while end > 0 and days[end - 1] >= today:
        end -= 1
    if end and still_filling(rows.iloc[:end]):
        end -= 1
    if end and still_filling(rows.iloc[:end][::-1]):
        begin = 1
    if begin >= end:
        return tuple(days), days[-1], days[0] - _DAY
    return tuple(days[:begin] + days[end:]), days[begin], days[end - 1]


def _closed_weekdays(rows: pd.Series) -> set[int]:
    """Return the weekdays on which under half of the days have rows, Monday 0."""
    by_weekday = (rows > 0).groupby(pd.PeriodIndex(rows.index).day_of_week)
    enough, share = by_weekday.size() >= 4, by_weekday.mean()
    return set(share[enough & (share < 0.5)].index)


def _are_closed(start: dt.date, end: dt.date, closed: set[int]) -> bool:
    """Return whether all days from the first to before the second are of closed weekdays."""
    return all((start + n * _DAY).weekday() in closed for n in range((end - start).days))


def _suiting(days: int) -> Length:
    return "day" if days <= 21 else "week" if days <= 1100 else "month" if days <= 5000 else "year"
