"""Schedules by the clock: five fields of cron in a time zone, checked before anybody relies on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from workbench.errors import UsageError
from workbench.execution.pipeline.stage import Schedule

_FIELDS = {
    "minute": ("minute", "0 to 59"),
    "hour": ("hour", "0 to 23"),
    "day-of-month": ("day of month", "1 to 31"),
    "month": ("month", "1 to 12, or jan to dec"),
    "day-of-week": ("day of week", "0 to 7, or sun to sat"),
}
_WINDOWS = tuple(timedelta(hours=hours) for hours in (1, 25, 8 * 24, 32 * 24, 367 * 24))
COUNTED = 1000


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
        if not schedule.on:
            raise UsageError(f"{where}: schedule: it needs cron, or on with the names it follows")
        return
    fields = schedule.cron.split()
    if len(fields) != len(_FIELDS):
        raise UsageError(
            f"{where}: schedule.cron: {schedule.cron!r} has {len(fields)} fields, not five: "
            f"{', '.join(name for name, _ in _FIELDS.values())}"
        )
    for place, text in enumerate(fields):
        alone = ["*"] * len(fields)
        alone[place] = text
        name, allowed = list(_FIELDS.values())[place]
        high = int(allowed.split()[2].strip(","))
        steps = re.findall(r"/([0-9]+)", text)
        try:
            CronSim(" ".join(alone), datetime(2000, 1, 1, tzinfo=UTC))
        except CronSimError:
            steps = ["0"]
        if any(not 1 <= int(step) <= high for step in steps):
            raise UsageError(
                f"{where}: schedule.cron: {text!r} is no {name}; it is {allowed}, as in *, 5, 1-5, */15 or 1,15"
            )
    try:
        next(CronSim(schedule.cron, datetime(2000, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration):
        raise UsageError(f"{where}: schedule.cron: {schedule.cron!r} names a day that no month has") from None


def times(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """Yield the moments at which a schedule is due, in UTC, later than ``after`` and in order.

    What has a fixed minute and hour is due once a day: at the end of the hour that is missing where clocks are put
    forward, the first time where an hour comes twice. What has ``*`` or ``*/15`` in either goes by the clock.
    """
    if schedule.cron is None:
        return
    last = after.astimezone(UTC)
    # In the hour that comes twice, the reader of cron begins again at the first of the two.
    for timestamp in CronSim(schedule.cron, last.astimezone(ZoneInfo(schedule.timezone))):
        found = timestamp.astimezone(UTC)
        if found > last:
            last = found
            yield found


def next_time(schedule: Schedule, after: datetime) -> datetime | None:
    """Return the first moment later than ``after`` at which a schedule is due, or None if it has no clock."""
    return next(times(schedule, after), None)


def due_times(schedule: Schedule, after: datetime, until: datetime, limit: int = COUNTED) -> list[datetime]:
    """Return the moments later than ``after`` and not later than ``until``, the first ``limit`` of them."""
    found: list[datetime] = []
    for timestamp in islice(times(schedule, after), limit):
        if timestamp > until:
            break
        found.append(timestamp)
    return found


def latest_time(schedule: Schedule, after: datetime, until: datetime) -> datetime | None:
    """Return the last moment later than ``after`` and not later than ``until``, or None."""
    starts = [max(after, until - window) for window in _WINDOWS]
    for start in (*starts, after):
        latest = None
        for timestamp in times(schedule, start):
            if timestamp > until:
                break
            latest = timestamp
        if latest is not None or start == after:
            return latest
    return None
