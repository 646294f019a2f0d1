"""A part of a week is never read as a fall or a rise."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from workbench.times.periods import by_period

LONG_AFTER = dt.date(2100, 1, 1)


def days(first: str, last: str, rows: int = 100, closed: tuple[int, ...] = ()) -> pd.DataFrame:
    every = [day.date() for day in pd.date_range(first, last) if day.day_of_week not in closed]
    return pd.DataFrame({"day": every, "amount": 10.0, "rows": rows})


def whole(daily: pd.DataFrame, length: str, today: dt.date = LONG_AFTER) -> list[bool]:
    return by_period(daily, length, today).table["is_whole"].tolist()  # type: ignore[arg-type]


def test_weeks_that_begin_or_end_amid_the_data_are_parts() -> None:
    periods = by_period(days("2024-01-03", "2024-03-26"), today=LONG_AFTER)  # Wednesday to Tuesday
    assert periods.length == "week"
    assert periods.table["is_whole"].tolist() == [False, *[True] * 11, False]
    assert periods.whole["amount"].unique().tolist() == [70.0]
    assert (periods.table["start"].iloc[0], periods.table["end"].iloc[0]) == (
        dt.date(2024, 1, 1),
        dt.date(2024, 1, 7),
    )


@pytest.mark.parametrize(
    ("length", "first", "last", "expected"),
    [
        ("month", "2024-01-01", "2024-02-29", [True, True]),
        ("month", "2024-01-02", "2024-02-28", [False, False]),
        ("year", "2023-01-01", "2024-06-30", [True, False]),
        ("day", "2024-01-01", "2024-01-02", [True, True]),
        ("week", "2024-01-01", "2024-01-07", [True]),
        ("week", "2024-01-01", "2024-01-01", [False]),
    ],
)
def test_months_and_years_too(length: str, first: str, last: str, expected: list[bool]) -> None:
    assert whole(days(first, last), length) == expected


def test_a_shop_that_is_closed_on_sundays_has_whole_weeks() -> None:
    assert whole(days("2024-01-01", "2024-02-10", closed=(6,)), "week") == [True] * 6
    assert whole(days("2024-01-01", "2024-02-09", closed=(6,)), "week") == [*[True] * 5, False]
    assert whole(days("2024-01-02", "2024-02-10", closed=(0, 6)), "week") == [True] * 6


def test_today_and_a_day_that_is_still_filling_up_are_no_whole_days() -> None:
    daily = days("2024-01-01", "2024-03-31")
    assert by_period(daily, "week", LONG_AFTER).filling == ()
    live = by_period(daily, "week", dt.date(2024, 3, 31))
    assert live.filling == (dt.date(2024, 3, 31),) and live.table["is_whole"].tolist()[-2:] == [True, False]
    daily.loc[len(daily) - 1, "rows"] = 40
    assert by_period(daily, "week", LONG_AFTER).filling == (dt.date(2024, 3, 31),)
    daily.loc[0, "rows"] = 40
    both = by_period(daily, "week", LONG_AFTER)
    assert both.filling == (dt.date(2024, 1, 1), dt.date(2024, 3, 31)) and not both.table["is_whole"].iloc[0]


def test_a_period_without_sales_amid_the_data_is_zero_and_whole() -> None:
    daily = pd.concat([days("2024-01-01", "2024-01-31"), days("2024-03-01", "2024-03-31")])
    table = by_period(daily, "month", LONG_AFTER).table
    assert table["amount"].tolist() == [310.0, 0.0, 310.0] and table["is_whole"].all()


def test_the_length_suits_what_the_data_spans() -> None:
    spans = {
        "2024-01-01": "day",
        "2024-01-21": "day",
        "2024-02-28": "week",
        "2029-01-01": "month",
        "2090-01-01": "year",
    }
    assert {last: by_period(days("2024-01-01", last)).length for last in spans} == spans


def test_nothing_and_one_odd_day_are_taken() -> None:
    nothing = by_period(days("2024-01-01", "2024-01-01").head(0))
    assert nothing.table.empty and nothing.whole.empty
    for year in (1017, 1900, 9998):
        odd = pd.DataFrame({"day": [dt.date(year, 1, 1)], "amount": [1.0], "rows": [1]})
        assert by_period(odd, "week").table["amount"].tolist() == [1.0]
