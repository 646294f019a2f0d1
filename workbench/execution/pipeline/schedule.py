"""When pipelines are due: their schedules, as far as those go by the clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from workbench.errors import UsageError
from workbench.execution.pipeline.stage import Schedule
from workbench.times import cron

COUNTED = 1000


def check_schedule(schedule: Schedule, where: str) -> None:
    """Check a schedule's cron expression and its time zone.

    Raises:
        UsageError: one is wrong; the message says which field, and what it may be.
    """
    cron.check_zone(schedule.timezone, where)
    if schedule.cron is not None:
        cron.check_cron(schedule.cron, where)
    elif not schedule.on:
        raise UsageError(f"{where}: schedule: it needs cron, or on with the names it follows")


def times(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """Yield the moments at which a schedule is due, in UTC, later than ``after`` and in order; none without a clock."""
    if schedule.cron is not None:
        yield from cron.times(schedule.cron, schedule.timezone, after)


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
    if schedule.cron is None:
        return None
    return cron.latest_time(schedule.cron, schedule.timezone, after, until)
