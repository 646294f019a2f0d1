"""The times of a map, five fields of cron, as EventBridge Scheduler writes them: six, and other numbers of weekdays."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from cronsim import CronSim

_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def scheduler_cron(cron: str) -> str:
    """Return ``cron(…)`` of EventBridge Scheduler, which says what the program's own clock makes of the fields.

    Raises:
        ValueError: it has other than five fields, or names both a day of the month and one of the week: cron runs
            on either then, which can't be said here.
    """
    fields = cron.split()
    if len(fields) != 5:
        raise ValueError(f"{cron!r} isn't minute, hour, day of the month, month and day of the week")
    if fields[2] != "*" and fields[4] != "*":
        raise ValueError(f"{cron!r} names a day of the month and one of the week; make it two schedules")
    times = CronSim(cron, datetime(2000, 1, 1, tzinfo=UTC))
    week = (
        "?" if fields[4] == "*" else ",".join(dict.fromkeys(map(_weekday, sorted(times.weekdays, key=str))))
    )
    days = "?" if week != "?" else _listed(times.days, 1, 31)
    return f"cron({_listed(times.minutes, 0, 59)} {_listed(times.hours, 0, 23)} {days} {_listed(times.months, 1, 12)} {week} *)"


def _listed(values: Iterable[object], first: int, last: int) -> str:
    found = sorted(int(str(value)) for value in values)
    if found == list(range(first, last + 1)):
        return "*"
    special = {CronSim.LAST: "L", CronSim.LAST_WEEKDAY: "LW"}
    return ",".join(special.get(value, str(value)) for value in found)


def _weekday(value: object) -> str:
    """Return a day of the week: 0 and 7 are Sunday in cron, and 1 is there; of a pair the second says which of a month's."""
    if isinstance(value, tuple):
        day, place = value
        return f"{day % 7 + 1}L" if place == CronSim.LAST else f"{day % 7 + 1}#{place}"
    return _DAYS[int(str(value)) % 7]
