"""Days of the year on which shops are known to sell otherwise: a person asks 'what was on that day?' first."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

from workbench.warehouse import Warehouse

DEFAULT = "US"
"""The country whose days are known where no store says where it is."""

_LEAST_SHARE = 0.1

# Days of shops that are no public holidays anywhere or not everywhere.
_FIXED = {
    (1, 1): "New Year's Day", (2, 14): "Valentine's Day", (10, 31): "Halloween", (12, 24): "Christmas Eve",
    (12, 25): "Christmas Day", (12, 26): "the day after Christmas", (12, 31): "New Year's Eve",
}  # fmt: skip
_SPRING_MOTHERS, _MAY_MOTHERS = {"GB", "IE", "IM", "JE", "GG"}, {"FR", "SE", "DZ", "MA", "TN", "HT"}


def countries_of(warehouse: Warehouse) -> tuple[str, ...]:
    """Return the countries of a tenth of the stores or more, as ISO 3166 codes, those of most stores first."""
    rows = warehouse.rows(
        "SELECT UPPER(country) AS country, COUNT(*) AS stores FROM core.dim_store "
        "WHERE is_current AND country IS NOT NULL GROUP BY UPPER(country) ORDER BY COUNT(*) DESC, UPPER(country)"
    )
    total = sum(row["stores"] for row in rows)
    found = (
        str(row["country"])
        for row in rows
        if row["stores"] >= _LEAST_SHARE * total and _holidays(str(row["country"]), 2024) is not None
    )
    return tuple(found) or (DEFAULT,)


def known_day(day: dt.date, countries: tuple[str, ...] = (DEFAULT,)) -> str | None:
    """Return what a day is known for in some countries; None for most days.

    Public holidays are those of the package ``holidays``, in English where it has them so; days before and after, and days
    on which shops sell more without being closed, come beside them. What a day is only in a further country names it.
    """
    for place, country in enumerate(countries):
        name = _named(day.year, country).get(day)
        if name:
            return name if place == 0 else f"{name} ({country})"
    return None


@lru_cache(maxsize=256)
def _named(year: int, country: str) -> dict[dt.date, str]:
    """Return the known days of a year in a country; what is said first stays."""
    named = {dt.date(year, month, day): name for (month, day), name in _FIXED.items()}
    public = _holidays(country, year) or {}
    easter, one = _easter(year), dt.timedelta(days=1)
    moving = {
        easter: "Easter Sunday",
        easter - one: "the day before Easter",
        easter - 2 * one: "Good Friday",
        _mothers_day(year, country): "Mother's Day",
        easter + 39 * one if country == "DE" else _nth(year, 6, 6, 3): "Father's Day",
    }
    for day, name in public.items():
        if "Thanksgiving" in name:
            moving |= {
                day: "Thanksgiving",
                day - one: "the day before Thanksgiving",
                day + one: "the day after Thanksgiving",
            }
    return {**public, **moving, **named}


@lru_cache(maxsize=256)
def _holidays(country: str, year: int) -> dict[dt.date, str] | None:
    """Return the public holidays of a country; None where they aren't known."""
    import holidays

    try:
        found = holidays.country_holidays(country, years=year, language="en_US")
    except (NotImplementedError, ValueError):
        return None
    return {day: name for day, name in found.items() if day.year == year}


def _mothers_day(year: int, country: str) -> dt.date:
    if country in _SPRING_MOTHERS:
        return _easter(year) - dt.timedelta(days=21)
    if country in _MAY_MOTHERS:
        last = dt.date(year, 5, 31)
        last -= dt.timedelta(days=(last.weekday() - 6) % 7)
        # Where it would fall on Pentecost it is a week later.
        return last + dt.timedelta(days=7 if last == _easter(year) + dt.timedelta(days=49) else 0)
    return _nth(year, 5, 6, 2)


def _nth(year: int, month: int, weekday: int, number: int) -> dt.date:
    """Return the ``number``-th of that weekday (Monday is 0) of a month."""
    first = dt.date(year, month, 1)
    return first + dt.timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))


def _easter(year: int) -> dt.date:
    """Return Easter Sunday, by the Gregorian calendar."""
    from dateutil.easter import easter  # type: ignore[import-untyped]

    found: dt.date = easter(year)
    return found
