"""When a schedule is due, by the clock of its time zone."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from itertools import islice

import pytest

from workbench.execution.pipeline.schedule import latest_time, next_time, times
from workbench.execution.pipeline.stage import Schedule

START = datetime(2026, 3, 1, 1, 59, 30, tzinfo=UTC)


def due(cron: str, zone: str, after: str, count: int) -> list[str]:
    found = times(Schedule(cron=cron, timezone=zone), datetime.fromisoformat(after))
    return [f"{moment:%m-%d %H:%M}" for moment in islice(found, count)]


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T23:00Z", ["10-25 00:30", "10-26 01:30"]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30Z", ["10-26 01:30"]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10Z", ["10-26 01:30"]),
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T01:30Z", ["03-29 01:00", "03-30 00:30"]),
        ("0,30 2 * * *", "Europe/Berlin", "2026-03-28T01:30Z", ["03-29 01:00", "03-30 00:00"]),
        ("0 * * * *", "Europe/Berlin", "2026-10-24T23:30Z", ["10-25 00:00", "10-25 01:00", "10-25 02:00"]),
        ("0 * * * *", "Europe/Berlin", "2026-03-29T00:30Z", ["03-29 01:00", "03-29 02:00"]),
        ("30 1 * * *", "America/New_York", "2026-11-01T00:00Z", ["11-01 05:30", "11-02 06:30"]),
        ("0 0 * * *", "Asia/Kathmandu", "2026-11-01T00:00Z", ["11-01 18:15"]),
        ("0 2 29 2 *", "UTC", "2026-11-01T00:00Z", ["02-29 02:00"]),
        ("0 9 13 * fri", "UTC", "2026-11-01T00:00Z", ["11-06 09:00", "11-13 09:00"]),
        ("0 9 * * 7", "UTC", "2026-11-01T10:00Z", ["11-08 09:00"]),
    ],
)  # fmt: skip
def test_a_schedule_is_due_by_the_clock_of_its_zone(
    cron: str, zone: str, after: str, expected: list[str]
) -> None:
    assert due(cron, zone, after, len(expected)) == expected


def test_years_of_minutes_are_looked_through_at_once() -> None:
    begun = time.monotonic()
    schedule = Schedule(cron="* * * * *", timezone="Europe/Berlin")
    found = latest_time(schedule, datetime(1990, 1, 1, tzinfo=UTC), START)
    assert found == START.replace(second=0) and time.monotonic() - begun < 5
    leap = Schedule(cron="0 0 29 2 *")
    assert latest_time(leap, datetime(2021, 1, 1, tzinfo=UTC), START) == datetime(2024, 2, 29, tzinfo=UTC)
    assert next_time(Schedule(on=("landing",)), START) is None
