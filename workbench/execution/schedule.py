"""Schedules by the clock: five fields of cron, checked before anybody relies on them."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from workbench.errors import UsageError
from workbench.execution.stages import Schedule

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)


def check_schedule(schedule: Schedule, where: str) -> None:
    """Check a schedule's cron expression and its time zone.

    Raises:
        UsageError: one is wrong; the message says which field, and what it may be.
    """
    try:
        ZoneInfo(schedule.timezone)
    except (KeyError, ValueError, OSError):
        raise UsageError(
            f"{where}: schedule.timezone: no time zone {schedule.timezone!r}; for example UTC or Europe/Berlin"
        ) from None
    if schedule.cron is None:
        return
    fields = schedule.cron.lower().split()
    if len(fields) != len(_FIELDS):
        raise UsageError(
            f"{where}: schedule.cron: {schedule.cron!r} has {len(fields)} fields, not five: "
            f"{', '.join(name for name, *_ in _FIELDS)}"
        )
    for text, (name, low, high, words) in zip(fields, _FIELDS, strict=True):
        if not all(_fits(item, low, high, words) for item in text.split(",")):
            raise UsageError(
                f"{where}: schedule.cron: {text!r} is no {name}; it is {low} to {high}, "
                "as in *, 5, 1-5, */15 or 1,15"
            )


def _fits(item: str, low: int, high: int, words: dict[str, int]) -> bool:
    """Return whether one item of a list is ``*``, a number or a range, with a step perhaps."""
    span, slash, step = item.partition("/")
    if slash and not (step.isdecimal() and step.isascii() and 1 <= int(step) <= high):
        return False
    if span == "*":
        return True
    ends = [
        words.get(end, int(end) if re.fullmatch(r"\d{1,2}", end, re.ASCII) else -1) for end in span.split("-")
    ]
    return len(ends) <= 2 and all(low <= end <= high for end in ends) and ends == sorted(ends)
