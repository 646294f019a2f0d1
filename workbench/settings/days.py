"""Days from which times are taken, for all datasets and for some alone."""

from __future__ import annotations

import datetime as dt


def days_by_name(text: str) -> dict[str, dt.date]:
    """Return days by the name before each; under the empty name that of all others.

    Raises:
        ValueError: a part is none of these, or one name has two days.
    """
    days: dict[str, dt.date] = {}
    for part in (part.strip() for part in text.split(",") if text.strip()):
        name, named, day = (word.strip() for word in part.rpartition("="))
        try:
            first = dt.date.fromisoformat(day)
        except ValueError:
            first = None
        if first is None or (named and not name):
            raise ValueError(f"{part!r} is neither a day such as 1900-01-01 nor DATASET=DAY")
        if days.setdefault(name, first) != first:
            raise ValueError(
                f"{name or 'what names no dataset'} has two days, {days[name]} and {first}; leave one"
            )
    return days
