"""Days are of the fiscal year, quarter, period and week that a declared calendar says, as published ones do."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from tests.transform.landing import land, line
from workbench import transform
from workbench.settings import Settings
from workbench.warehouse import Warehouse

# First day of each year of the National Retail Federation's 4-5-4 calendar: those of 2022 and 2023 as published, the others by its
# list of years of 53 weeks, of which there is none between 2023 and 2028.
NRF = {
    2022: date(2022, 1, 30), 2023: date(2023, 1, 29), 2024: date(2024, 2, 4), 2025: date(2025, 2, 2),
    2026: date(2026, 2, 1), 2027: date(2027, 1, 31),
}  # fmt: skip


def _days(warehouse: Warehouse) -> dict[date, tuple[int, int, int, int]]:
    rows: list[dict[str, Any]] = warehouse.rows(
        "SELECT calendar_date, fiscal_year, fiscal_quarter, fiscal_period, fiscal_week FROM core.dim_date"
    )
    return {
        row["calendar_date"]: (
            row["fiscal_year"], row["fiscal_quarter"], row["fiscal_period"], row["fiscal_week"]
        )
        for row in rows
    }  # fmt: skip


def _starts(days: dict[date, tuple[int, int, int, int]], year: int) -> list[date]:
    """First day of each period of a fiscal year."""
    return [
        min(day for day, of in days.items() if of[0] == year and of[2] == period) for period in range(1, 13)
    ]


def _build(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, calendar: str, *tags: str
) -> dict[date, tuple[int, int, int, int]]:
    """Build the calendar of 2022 to 2026."""
    monkeypatch.setenv("WORKBENCH_FISCAL_CALENDAR", calendar)
    ends = [
        line(name, at=f"{day} 12:00:00")
        for name, day in (("a", "2022-06-01"), ("b", "2026-06-01"), ("c", "2024-02-03"), ("d", "2024-02-04"))
    ]
    land(warehouse, "transactions", 1, *ends)
    transform.build("transactions", *tags)
    return _days(warehouse)


def _sold(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    """Lines by fiscal week."""
    names = "fiscal_year, fiscal_quarter, fiscal_period, fiscal_week, first_day"
    sql = f"SELECT {names}, CAST(sum(lines) AS BIGINT) AS lines FROM marts.sales_fiscal GROUP BY {names} ORDER BY first_day"
    return [tuple(row.values()) for row in warehouse.rows(sql)]


def test_days_have_their_place_in_the_calendar_of_american_retail(
    either: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    nrf = _build(either, monkeypatch, "4-5-4,february,sunday", "marts")
    assert len(nrf) == 5 * 365 + 1
    for day, (year, quarter, period, week) in nrf.items():
        begun = max((start, year) for year, start in {2021: date(2021, 1, 31), **NRF}.items() if start <= day)
        assert year == begun[1] and week == (day - begun[0]).days // 7 + 1 and quarter == (period + 2) // 3
    weeks = {year: max(of[3] for of in nrf.values() if of[0] == year) for year in (2022, 2023, 2024, 2025)}
    assert weeks == {2022: 52, 2023: 53, 2024: 52, 2025: 52}
    # The months of NRF's 2023, and its 53rd week, which is of January.
    lengths = [4, 5, 4, 4, 5, 4, 4, 5, 4, 4, 5]
    assert _starts(nrf, 2023) == [NRF[2023] + timedelta(weeks=sum(lengths[:number])) for number in range(12)]
    assert nrf[date(2024, 2, 3)] == (2023, 4, 12, 53) and nrf[date(2024, 2, 4)] == (2024, 1, 1, 1)
    assert _starts(nrf, 2024)[1:4] == [date(2024, 3, 3), date(2024, 4, 7), date(2024, 5, 5)]
    assert _sold(either) == [
        (2022, 2, 5, 18, date(2022, 5, 29), 1), (2023, 4, 12, 53, date(2024, 1, 28), 1),
        (2024, 1, 1, 1, date(2024, 2, 4), 1), (2026, 2, 5, 18, date(2026, 5, 31), 1),
    ]  # fmt: skip
    columns = "transactions, lines, return_lines, quantity, net_amount_reporting, unconverted_lines, cancelled_lines"
    sums = ", ".join(f"sum({name}) AS {name}" for name in columns.split(", "))
    fiscal, daily = (f"SELECT {sums} FROM marts.sales_{kind}" for kind in ("fiscal", "daily"))
    assert either.rows(fiscal) == either.rows(daily)


@pytest.mark.soak
def test_years_begin_where_they_are_declared_to(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Years that end on the last Saturday of September, named for the year they end in: as Apple's, 53 weeks in 2023.
    apple = _build(warehouse, monkeypatch, "5-4-4,october,sunday,last,ends")
    assert apple[date(2022, 9, 24)][0] == 2022 and apple[date(2022, 9, 25)] == (2023, 1, 1, 1)
    assert apple[date(2023, 9, 30)] == (2023, 4, 12, 53) and apple[date(2023, 10, 1)] == (2024, 1, 1, 1)
    assert apple[date(2024, 9, 28)][0] == 2024 and apple[date(2024, 9, 29)][0] == 2025
    # A year that begins in the calendar year before: the Monday nearest to the first of January 2025.
    early = _build(warehouse, monkeypatch, "4-4-5,january,monday")
    assert early[date(2024, 12, 29)][:1] == (2024,) and early[date(2024, 12, 30)] == (2025, 1, 1, 1)
    assert early[date(2025, 2, 24)][2:] == (3, 9)
    land(
        warehouse, "transactions", 2, line("e", at="2024-02-28 12:00:00"), line("f", at="2024-03-01 12:00:00")
    )
    july = _build(warehouse, monkeypatch, "months,july,ends", "marts")
    assert july[date(2024, 6, 30)] == (2024, 4, 12, 53) and july[date(2024, 7, 1)] == (2025, 1, 1, 1)
    # A week of a year of months may lie in two of them, and has a row for each.
    assert [row for row in _sold(warehouse) if row[3] == 35] == [
        (2024, 3, 8, 35, date(2024, 2, 24), 1), (2024, 3, 9, 35, date(2024, 3, 1), 1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("4-5-5,february,sunday", "did you mean 4-5-4"),
        ("4-5-4,febuary,sunday", "did you mean february"),
        ("4-5-4,february", "a word is missing"),
        ("months,july,begins,ends", "says more than"),
    ],
)
def test_a_calendar_that_is_none_is_refused_with_what_was_meant(said: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Settings(fiscal_calendar=said)
