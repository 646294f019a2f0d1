"""The times of a map, five fields of cron, as EventBridge Scheduler writes them: six, and other numbers of weekdays."""

from __future__ import annotations

import re

_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def scheduler_cron(cron: str) -> str:
    """Return ``cron(…)`` of EventBridge Scheduler.

    Raises:
        ValueError: it has other than five fields, or names both a day of the month and one of the week: cron runs
            on either then, which can't be said here.
    """
    fields = cron.split()
    if len(fields) != 5:
        raise ValueError(f"{cron!r} isn't minute, hour, day of the month, month and day of the week")
    minute, hour, day, month, weekday = fields
    if day != "*" and weekday != "*":
        raise ValueError(f"{cron!r} names a day of the month and one of the week; make it two schedules")
    week = "?" if weekday == "*" else _weekdays(weekday)
    days = "?" if week != "?" else _steps(day, 1)
    return f"cron({_steps(minute, 0)} {_steps(hour, 0)} {days} {_steps(month, 1)} {week} *)"


def _steps(field: str, first: int) -> str:
    """Return a field whose steps over everything begin at the first value there is: ``*/5`` is ``0/5`` there."""
    return ",".join(
        f"{first}{part[1:]}" if part.startswith("*/") else part for part in field.upper().split(",")
    )


def _weekdays(field: str) -> str:
    """Return weekdays by their names: 0 and 7 are Sunday in cron, 1 is there."""
    found: list[int] = []
    for part in field.upper().split(","):
        span, _, step = part.partition("/")
        first, _, last = ("0-6" if span == "*" else span).partition("-")
        start, end = _weekday(first), _weekday(last or first)
        # Up to Saturday where only a step was said; a span that goes over Sunday ends behind it.
        end = 6 if step and not last else end
        end = 7 if end == 0 and start > 0 else end
        found += range(start, end + 1, int(step or 1))
    return ",".join(_DAYS[day] for day in sorted({day % 7 for day in found}))


def _weekday(text: str) -> int:
    if re.fullmatch(r"[0-7]", text):
        return int(text) if text != "7" else 0
    if text[:3] in _DAYS:
        return _DAYS.index(text[:3])
    raise ValueError(f"{text!r} is no day of the week")
