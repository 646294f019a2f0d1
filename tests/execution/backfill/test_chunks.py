"""A range of days is cut into chunks without a gap or an overlap."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import UsageError
from workbench.execution.backfill.chunks import read_day, split

TODAY = dt.date(2026, 3, 1)
DAY = dt.timedelta(days=1)
days = st.dates(dt.date(1999, 1, 1), TODAY)


def cut(first: str, last: str, size: str) -> list[str]:
    return [
        str(each) for each in split(dt.date.fromisoformat(first), dt.date.fromisoformat(last), size, TODAY)
    ]


def test_months_are_those_of_the_calendar() -> None:
    assert cut("2023-12-31", "2024-03-01", "month") == [
        "2023-12-31", "2024-01-01 to 2024-01-31", "2024-02-01 to 2024-02-29", "2024-03-01",
    ]  # fmt: skip


def test_days_and_weeks_count_from_the_first_day() -> None:
    assert cut("2024-02-27", "2024-03-01", "1d") == ["2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01"]
    assert cut("2024-01-01", "2024-01-16", "7d") == cut("2024-01-01", "2024-01-16", "1w") == [
        "2024-01-01 to 2024-01-07", "2024-01-08 to 2024-01-14", "2024-01-15 to 2024-01-16",
    ]  # fmt: skip


@given(days, days, st.sampled_from(["month", "1d", "3d", "2w", "400d", "all"]))
def test_every_day_is_in_one_chunk(one: dt.date, other: dt.date, size: str) -> None:
    first, last = sorted((one, other))
    chunks = split(first, last, size, TODAY)
    assert chunks[0].first == first and chunks[-1].last == last
    assert all(chunk.first <= chunk.last for chunk in chunks)
    assert all(after.first == before.last + DAY for before, after in pairwise(chunks))


@pytest.mark.parametrize(
    ("first", "last", "size", "message"),
    [
        ("2024-01-02", "2024-01-01", "1d", "ends before it begins: 2024-01-02 to 2024-01-01"),
        ("2024-01-02", "2026-03-02", "1d", "hasn't come yet; the last day there is is 2026-03-01"),
        ("2024-01-02", "2024-01-03", "0d", "a chunk is a month, all, or a number of days or weeks"),
        ("2024-01-02", "2024-01-03", "3 months", "not '3 months'"),
    ],
)
def test_what_is_no_range_or_no_size_is_said(first: str, last: str, size: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        cut(first, last, size)


@pytest.mark.parametrize("text", ["2024-02-30", "yesterday", "2024-1", "20240101", ""])
def test_what_is_no_day_is_said(text: str) -> None:
    with pytest.raises(UsageError, match="--start is a day such as 2024-01-31, not"):
        read_day(text, "--start")
