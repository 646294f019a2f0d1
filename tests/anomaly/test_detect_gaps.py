"""What is missing, infinite or out of all time costs itself only, on both engines, and the answer says so."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from workbench.anomaly import detect
from workbench.anomaly.found import Findings
from workbench.warehouse import Warehouse

FIRST = dt.date(2024, 1, 1)
Days = Callable[[int], bool]


def make(
    warehouse: Warehouse,
    rows: list[tuple[object, ...]],
    columns: str = "day DATE, amount DOUBLE PRECISION, shop VARCHAR(40)",
) -> None:
    """Make marts.readings of these rows, on whichever engine."""
    names = [part.split()[0] for part in re.split(r", (?![0-9])", columns)]
    kinds = [part.split(None, 1)[1] for part in re.split(r", (?![0-9])", columns)]
    warehouse.execute("DROP TABLE IF EXISTS marts.readings")
    warehouse.execute(f"CREATE TABLE marts.readings ({columns})")
    for start in range(0, len(rows), 200):
        values = ", ".join(
            "(" + ", ".join(f"CAST({_literal(v)} AS {k})" for v, k in zip(row, kinds, strict=True)) + ")"
            for row in rows[start : start + 200]
        )
        warehouse.execute(f"INSERT INTO marts.readings ({', '.join(names)}) VALUES {values}")


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, bool | int) else "'" + str(value).replace("'", "''") + "'"


def daily(
    days: int, value: float = 100.0, *, without: Days = lambda n: False, shop: str | None = "a"
) -> list[tuple[object, ...]]:
    random = np.random.default_rng(3)
    noise = random.normal(1, 0.05, days)
    return [
        (FIRST + dt.timedelta(n), round(value * float(noise[n]), 2), shop)
        for n in range(days)
        if not without(n)
    ]


def day(number: int) -> dt.date:
    return FIRST + dt.timedelta(number)


def found_days(found: Findings) -> set[dt.date]:
    return set(found.anomalies["day"])


def said(found: Findings, *words: str) -> bool:
    return any(all(word in note for word in words) for note in found.notes)


@pytest.mark.parametrize("length", [60, 200])
def test_a_hole_of_a_measure_is_told_and_judges_nothing(either: Warehouse, length: int) -> None:
    hole = range(length // 2, length // 2 + 20)
    rows = daily(length, without=lambda n: n in hole)
    make(either, [*rows[:-3], (rows[-3][0], 900.0, "a"), *rows[-2:]])
    found = detect(either, "readings", "day", measure="amount")
    assert day(length - 3) in found_days(found)
    assert len(found.anomalies) <= 3
    assert not found_days(found) & {day(n) for n in hole}
    assert said(found, f"{day(hole[0])} to {day(hole[-1])} (20 days)")
    assert said(found, "amount is unknown on 20 days of a series")
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_hole_of_rows_is_told_and_days_after_it_are_as_before_it(either: Warehouse) -> None:
    make(either, daily(220, without=lambda n: 100 <= n < 140))
    found = detect(either, "readings", "day")
    assert said(found, f"{day(100)} to {day(139)} (40 days)")
    assert day(101) in found_days(found)
    assert not {each for each in found_days(found) if not day(100) <= each < day(140)}


def test_single_missing_days_are_0_rows_and_an_unknown_measure(either: Warehouse) -> None:
    make(either, daily(150, without=lambda n: n == 120))
    assert found_days(detect(either, "readings", "day")) == {day(120)}
    found = detect(either, "readings", "day", measure="amount")
    assert day(120) not in set(found.scored["day"])
    assert said(found, "No series has rows on 2024-04-30")


@pytest.mark.parametrize("value", ["Infinity", "-Infinity"])
def test_an_infinite_value_costs_its_day(either: Warehouse, value: str) -> None:
    make(either, [*daily(150), (day(70), value, "a")])
    found = detect(either, "readings", "day", measure="amount")
    assert said(found, f"amount is infinite on {day(70)}")
    assert day(70) not in set(found.scored["day"])
    assert len(found.scored) == 121 and len(found.anomalies) <= 3


def test_nan_and_null_add_nothing(either: Warehouse) -> None:
    rows = daily(100)
    make(either, [*rows, *((each[0], "NaN", "a") for each in rows), (day(3), None, "a")])
    found = detect(either, "readings", "day", measure="amount")
    assert said(found, "101 rows without amount")
    assert len(found.scored) == 72


@pytest.mark.parametrize("value", [1e45, -1e200, 1e307])
def test_a_monstrous_value_is_an_anomaly(either: Warehouse, value: float) -> None:
    rows = daily(150)
    rows[100] = (day(100), value, "a")
    make(either, rows)
    found = detect(either, "readings", "day", measure="amount")
    assert day(100) in found_days(found)
    assert len(found.anomalies) <= 8
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    "dates", [["1900-01-01"], ["9999-12-31"], ["0001-01-01", "1970-01-01", "2200-01-01", None]]
)
def test_dates_that_stand_for_none_cost_their_own_rows(either: Warehouse, dates: list[str | None]) -> None:
    make(either, [*daily(150), *((each, 5.0, "a") for each in dates for _ in range(400))])
    found = detect(either, "readings", "day", measure="amount")
    assert len(found.scored) == 122
    for each in dates:
        if each is None:
            assert said(found, "400 rows have no day")
        elif each in ("0001-01-01", "9999-12-31"):
            assert said(found, "beyond all calendars")
        else:
            assert said(found, each, "left out")


def test_days_to_come_are_left_out_unless_most_are(either: Warehouse) -> None:
    today = dt.datetime.now(dt.UTC).date()
    make(either, [(today + dt.timedelta(n), 5.0, "a") for n in range(-59, 11)])
    found = detect(either, "readings", "day")
    assert said(found, "9 rows with a day in the future")
    make(either, [(today + dt.timedelta(n), 5.0, "a") for n in range(2, 70)])
    assert len(detect(either, "readings", "day").scored) == 68


@pytest.mark.parametrize(("every", "count"), [(7, 40), (30, 30)])
def test_days_far_apart_are_judged_by_each_other(either: Warehouse, every: int, count: int) -> None:
    rows = [(day(n * every), 900.0 if n == 20 else 100.0 + n % 3, "a") for n in range(count)]
    make(either, rows)
    found = detect(either, "readings", "day", measure="amount")
    assert (found.method, found_days(found)) == ("weekday median", {day(20 * every)})
    make(either, rows[:6])
    few = detect(either, "readings", "day", measure="amount")
    assert few.method == "none" and few.notes


@pytest.mark.parametrize("value", [0.0, -50.0])
def test_values_that_are_not_above_zero_are_judged_too(either: Warehouse, value: float) -> None:
    rows = [(day(n), value - (n % 5) * 0.1 - (500 if n == 80 else 0), "low") for n in range(150)]
    make(either, [*rows, *daily(150, shop="high")])
    found = detect(either, "readings", "day", measure="amount", by="shop")
    assert day(80) in found_days(found)
    assert said(found, "low: judged by weekday median")


def test_a_constant_series_has_no_anomaly(either: Warehouse) -> None:
    make(either, [(day(n), 7.0, "a") for n in range(120)])
    assert detect(either, "readings", "day", measure="amount").anomalies.empty
    assert detect(either, "readings", "day").anomalies.empty


@pytest.mark.parametrize(
    "rows", [[], [(FIRST, None, "a")], [(FIRST, 1.0, None)], [(day(n), None, "a") for n in range(30)]]
)
def test_what_cannot_be_judged_says_so(either: Warehouse, rows: list[tuple[object, ...]]) -> None:
    make(either, rows)
    found = detect(either, "readings", "day", measure="amount", by="shop")
    assert (found.method, len(found.scored)) == ("none", 0)
    assert found.notes


@pytest.mark.parametrize(
    ("kind", "values", "names"),
    [
        ("BOOLEAN", (True, False, None), {"true", "false", "(none)"}),
        ("VARCHAR(400)", ("x" * 300 + "1", "x" * 300 + "2", "it's \"q\" [b]"), {"x" * 300 + "1", "x" * 300 + "2", "it's \"q\" [b]"}),
        ("INTEGER", (1, 2, None), {"1", "2", "(none)"}),
        ("DATE", ("2024-01-01", None), {"2024-01-01", "(none)"}),
        ("DECIMAL(6, 2)", ("1.50", "2.00"), {"1.50", "2.00"}),
    ],
)  # fmt: skip
def test_any_column_tells_series_apart(
    either: Warehouse, kind: str, values: tuple[object, ...], names: set[str]
) -> None:
    rows = [(day(n), 5, each) for n in range(30) for each in values]
    make(either, rows, f"day DATE, amount INTEGER, shop {kind}")
    found = detect(either, "readings", "day", measure="amount", by="shop")
    assert set(found.scored["series"]) == names


def test_times_with_a_zone_are_days_of_utc(either: Warehouse) -> None:
    rows = [(f"{day(n)} 23:30:00-02", 1) for n in range(30)]
    make(either, rows, '"at" TIMESTAMPTZ, amount BIGINT')
    found = detect(either, "readings", "at")
    assert (min(found.scored["day"]), max(found.scored["day"])) == (day(1), day(30))


def test_reserved_words_and_quotes_are_names(either: Warehouse) -> None:
    rows = [(day(n), 2, "x") for n in range(30)]
    make(either, rows, '"order" DATE, "sum" BIGINT, "series" VARCHAR(10)')
    found = detect(either, "READINGS", "order", measure="sum", by="series")
    assert len(found.scored) == 30


def test_very_many_series_without_a_date_come_as_one_number(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        connection.execute(
            "CREATE TABLE marts.readings AS SELECT NULL::DATE AS day, r AS shop FROM range(300000) t(r) "
            "UNION ALL SELECT DATE '2024-01-01' + (r % 20)::INTEGER, r % 3 FROM range(300) t(r)"
        )
    found = detect(warehouse, "readings", "day", by="shop")
    assert "300,000 rows have no day." in found.notes
    assert found.scored["series"].nunique() == 3
    assert isinstance(warehouse.query("SELECT 1"), pa.Table)
