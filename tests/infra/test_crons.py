"""A schedule of a map runs at the same times on EventBridge."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from infra.crons import scheduler_cron

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


def values(field: str, low: int, high: int) -> set[str]:
    """What a field of EventBridge names: everything there is, or a list."""
    return {str(n) for n in range(low, high + 1)} if field == "*" else set(field.split(","))


def field(low: int, high: int, names: Sequence[str] = ()) -> st.SearchStrategy[str]:
    """A field of cron: everything, numbers, spans, steps, names, lists of them."""
    number = st.integers(low, high)
    span = st.tuples(number, number).map(sorted).map(lambda ends: f"{ends[0]}-{ends[1]}")
    step = st.integers(1, high)
    parts = [
        number.map(str), span, st.tuples(span, step).map(lambda s: f"{s[0]}/{s[1]}"), step.map("*/{}".format),
    ]  # fmt: skip
    if names:
        parts.append(st.sampled_from(names).flatmap(lambda name: st.sampled_from([name, name.lower()])))
    return st.just("*") | st.lists(st.one_of(parts), min_size=1, max_size=3).map(",".join)


@given(
    minute=field(0, 59), hour=field(0, 23), month=field(1, 12, MONTHS),
    day=st.tuples(field(1, 28), st.just("*")) | st.tuples(st.just("*"), field(0, 7, DAYS)),
)  # fmt: skip
def test_it_runs_at_the_minutes_that_cron_names(
    minute: str, hour: str, month: str, day: tuple[str, str]
) -> None:
    cron = f"{minute} {hour} {day[0]} {month} {day[1]}"
    found = re.fullmatch(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) \*\)", scheduler_cron(cron))
    assert found, cron
    # One of the two has to be open.
    assert (found[3], found[5]).count("?") == 1
    minutes, hours, months = values(found[1], 0, 59), values(found[2], 0, 23), values(found[4], 1, 12)
    for at in islice(CronSim(cron, datetime(2024, 1, 1, tzinfo=UTC)), 50):
        assert {str(at.minute)} <= minutes and {str(at.hour)} <= hours and {str(at.month)} <= months
        named = (
            {str(at.day)} <= values(found[3], 1, 31)
            if found[5] == "?"
            else at.strftime("%a").upper() in found[5]
        )
        assert named, at
    # And at no others: the first minute, and the first hour, of those that are named.
    first = next(CronSim(cron, datetime(2023, 12, 31, 23, 59, tzinfo=UTC)))
    assert (first.minute, first.hour) == (min(map(int, minutes)), min(map(int, hours)))


@pytest.mark.parametrize(
    ("cron", "wanted"),
    [
        ("*/15 6 * * *", "cron(0,15,30,45 6 * * ? *)"),
        ("0 5 * * 0-7", "cron(0 5 ? * SUN,MON,TUE,WED,THU,FRI,SAT *)"),
        ("0 5 * jan-mar sun", "cron(0 5 ? 1,2,3 SUN *)"),
        ("30 4 1-10/3 * *", "cron(30 4 1,4,7,10 * ? *)"),
        ("0 5 L * *", "cron(0 5 L * ? *)"),
        ("0 5 * * 5L", "cron(0 5 ? * 6L *)"),
        ("0 5 * * mon#2", "cron(0 5 ? * 2#2 *)"),
    ],
)
def test_fields_are_written_out(cron: str, wanted: str) -> None:
    assert scheduler_cron(cron) == wanted


@pytest.mark.parametrize(
    ("cron", "message"),
    [
        ("* * * *", "isn't minute, hour"),
        ("0 5 1 * mon", "make it two schedules"),
    ],
)
def test_what_cannot_be_said_is_told(cron: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scheduler_cron(cron)
