"""How a retailer counts its year: the words that declare a fiscal calendar, and what is wrong with them."""

from __future__ import annotations

import calendar
from difflib import get_close_matches

CALENDAR_YEAR = "months,january,begins"
"""The fiscal calendar of those who declare none."""

PATTERNS = ("months", "4-4-5", "4-5-4", "5-4-4")
_MONTHS = tuple(name.lower() for name in calendar.month_name[1:])
_DAYS = tuple(name.lower() for name in calendar.day_name)
_PLACES = ("nearest", "first", "last")
_NAMED = ("begins", "ends")
_EXAMPLE = "months,july or 4-5-4,february,sunday,nearest,begins"


def canonical(text: str) -> str:
    """Return a declared fiscal calendar with every word said: ``months,MONTH,NAMED`` or ``PATTERN,MONTH,DAY,PLACE,NAMED``.

    Raises:
        ValueError: a word is missing, unknown or one too many.
    """
    words = [word.strip().lower() for word in text.split(",")]
    if words == [""]:
        words = CALENDAR_YEAR.split(",")
    by_weeks = words[0] != "months"
    kinds = [PATTERNS, _MONTHS, *([_DAYS, _PLACES] if by_weeks else []), _NAMED]
    defaults = ["", "", *(["", "nearest"] if by_weeks else []), "begins"]
    if len(words) > len(kinds):
        raise ValueError(f"{text!r} says more than a fiscal calendar does; write it as {_EXAMPLE}")
    words += defaults[len(words) :]
    for word, choices in zip(words, kinds, strict=True):
        if word not in choices:
            near = get_close_matches(word, choices, 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            said = f"{word!r} is none of {', '.join(choices)}{meant}"
            raise ValueError(f"{said if word else 'a word is missing'}; write it as {_EXAMPLE}")
    return ",".join(words)
