"""Days of the year on which shops are known to sell otherwise: a person asks 'what was on that day?' first."""

from __future__ import annotations

import datetime as dt

_FIXED = {
    (1, 1): "New Year's Day", (2, 14): "Valentine's Day", (7, 4): "Independence Day", (10, 31): "Halloween",
    (11, 11): "Veterans Day", (12, 24): "Christmas Eve", (12, 25): "Christmas Day", (12, 26): "the day after Christmas",
    (12, 31): "New Year's Eve",
}  # fmt: skip


def known_day(day: dt.date) -> str | None:
    """Return what a day is known for in the United States, by the rules of its calendar; None for most days."""
    fixed = _FIXED.get((day.month, day.day))
    return fixed or _moving(day.year).get(day)


def _moving(year: int) -> dict[dt.date, str]:
    easter = _easter(year)
    thanksgiving = _nth(year, 11, 3, 4)
    one = dt.timedelta(days=1)
    last_of_may = _nth(year, 5, 0, 5) if _nth(year, 5, 0, 5).month == 5 else _nth(year, 5, 0, 4)
    return {
        easter: "Easter Sunday", easter - one: "the day before Easter", easter - 2 * one: "Good Friday",
        _nth(year, 5, 6, 2): "Mother's Day", _nth(year, 6, 6, 3): "Father's Day",
        last_of_may: "Memorial Day", _nth(year, 9, 0, 1): "Labor Day",
        thanksgiving: "Thanksgiving", thanksgiving - one: "the day before Thanksgiving",
        thanksgiving + one: "the day after Thanksgiving",
    }  # fmt: skip


def _nth(year: int, month: int, weekday: int, number: int) -> dt.date:
    """Return the ``number``-th of that weekday (Monday is 0) of a month."""
    first = dt.date(year, month, 1)
    return first + dt.timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))


def _easter(year: int) -> dt.date:
    """Return Easter Sunday, by the Gregorian computus."""
    golden, century, rest = year % 19, year // 100, year % 100
    epact = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return dt.date(year, month, day + 1)
