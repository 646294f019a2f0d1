"""Times by the clock: five fields of cron in a time zone, checked before anybody relies on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from workbench.errors import UsageError

_FIELDS = {
    "minute": ("minute", "0 to 59"),
    "hour": ("hour", "0 to 23"),
    "day-of-month": ("day of month", "1 to 31"),
    "month": ("month", "1 to 12, or jan to dec"),
    "day-of-week": ("day of week", "0 to 7, or sun to sat"),
}
_WINDOWS = tuple(timedelta(hours=hours) for hours in (1, 25, 8 * 24, 32 * 24, 367 * 24))


def check_zone(timezone: str, where: str) -> None:
    """Check the name of a time zone.

    Raises:
        UsageError: there is none of that name.
    """
    try:
        ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        raise UsageError(
            f"{where}: schedule.timezone: no time zone {timezone!r}; for example UTC or Europe/Berlin"
        ) from None


def check_cron(cron: str, where: str) -> None:
    """Check a cron expression.

    Raises:
        UsageError: it is wrong; the message says which field, and what it may be.
    """
    fields = cron.split()
    if len(fields) != len(_FIELDS):
        raise UsageError(
            f"{where}: schedule.cron: {cron!r} has {len(fields)} fields, not five: "
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
        next(CronSim(cron, datetime(2000, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration):
        raise UsageError(f"{where}: schedule.cron: {cron!r} names a day that no month has") from None


def times(cron: str, timezone: str, after: datetime) -> Iterator[datetime]:
    """Yield the moments at which an expression is due, in UTC, later than ``after`` and in order.

    What has a fixed minute and hour is due once a day: at the end of the hour that is missing where clocks are put
    forward, the first time where an hour comes twice. What has ``*`` or ``*/15`` in either goes by the clock.
    """
    last = after.astimezone(UTC)
    # In the hour that comes twice, the reader of cron begins again at the first of the two.
    for timestamp in CronSim(cron, last.astimezone(ZoneInfo(timezone))):
        found = timestamp.astimezone(UTC)
        if found > last:
            last = found
            yield found


def latest_time(cron: str, timezone: str, after: datetime, until: datetime) -> datetime | None:
    """Return the last moment later than ``after`` and not later than ``until``, or None."""
    starts = [max(after, until - window) for window in _WINDOWS]
    for start in (*starts, after):
        latest = None
        for timestamp in times(cron, timezone, start):
            if timestamp > until:
                break
            latest = timestamp
        if latest is not None or start == after:
            return latest
    return None
