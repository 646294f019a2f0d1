"""Any table can be searched for anomalous days, and what can't be judged is said."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from workbench.anomaly import detect
from workbench.errors import UsageError
from workbench.warehouse import Warehouse

FIRST = dt.date(2024, 1, 1)


def make_events(
    warehouse: Warehouse,
    days: int,
    a_day: int = 40,
    *,
    special: dict[int, int] | None = None,
    groups: int = 1,
) -> None:
    """Make marts.visits: a day has the rows ``special`` says, else about ``a_day``, more on Saturdays."""
    random = np.random.default_rng(11)
    rows = []
    for position in range(days):
        day = FIRST + dt.timedelta(days=position)
        for group in range(groups):
            usual = random.poisson(a_day * (1.5 if day.weekday() == 5 else 1.0))
            count = (special or {}).get(position, usual) if group == 0 else usual
            rows += [(day, f"shop {group}", 2.5)] * count
    frame = pd.DataFrame(rows, columns=["day", "shop", "spent"])
    with warehouse.transaction() as connection:
        connection.register("frame", frame)
        connection.execute(
            "CREATE TABLE marts.visits AS "
            'SELECT CAST(day AS DATE) AS day, day AS "at", shop, shop AS "odd "" name", '
            "CAST(spent AS DECIMAL(18, 4)) AS spent FROM frame"
        )


def days_found(findings: object) -> set[dt.date]:
    return set(findings.anomalies["day"])  # type: ignore[attr-defined]


def position(number: int) -> dt.date:
    return FIRST + dt.timedelta(days=number)


def test_a_short_series_is_judged_by_its_weekdays(warehouse: Warehouse) -> None:
    make_events(warehouse, 60, a_day=8, special={20: 45, 41: 0})
    found = detect(warehouse, "visits", "day")
    assert found.method == "weekday median"
    assert position(20) in days_found(found)
    assert len(found.anomalies) <= 3
    assert found.anomalies.loc[0, "day"] == position(20)
    assert len(found.scored) == 60


def test_a_long_series_is_judged_by_a_forest(warehouse: Warehouse) -> None:
    make_events(warehouse, 200, special={100: 160, 150: 0})
    found = detect(warehouse, "marts.visits", "day")
    assert found.method == "random forest"
    assert {position(100), position(150)} <= days_found(found)
    assert len(found.anomalies) <= 6
    assert len(found.scored) == 172
    assert any("first 28 days" in note for note in found.notes)
    assert "2024-01-29 to" in found.summary


def test_the_same_table_gives_the_same_findings(warehouse: Warehouse) -> None:
    make_events(warehouse, 120, special={100: 160})
    assert detect(warehouse, "visits", "day").to_dict() == detect(warehouse, "visits", "day").to_dict()


def test_a_measure_is_summed_and_series_are_told_apart(warehouse: Warehouse) -> None:
    make_events(warehouse, 60, special={30: 200}, groups=3)
    found = detect(warehouse, "visits", "day", measure="spent", by="shop")
    top = found.anomalies.iloc[0]
    assert (top["day"], top["series"], top["actual"]) == (position(30), "shop 0", 500.0)
    assert set(found.scored["series"]) == {"shop 0", "shop 1", "shop 2"}
    assert found.summary.startswith("marts.visits: sum of spent a day by shop: ")


def test_names_are_quoted_and_found_in_any_case(warehouse: Warehouse) -> None:
    make_events(warehouse, 30)
    found = detect(warehouse, "visits", "AT", by='odd " name')
    assert (found.date_column, found.by) == ("at", 'odd " name')
    assert len(found.scored) == 30


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ({"table": "visit"}, "unknown table 'visit'; did you mean 'visits'"),
        ({"table": "marts.vissits"}, "unknown table 'marts.vissits'; did you mean 'marts.visits'"),
        (
            {"table": "Measurements"},
            "table 'Measurements' is neither in marts nor in core; there is: raw.measurements",
        ),
        ({"table": "visits; DROP TABLE marts.visits"}, "unknown table"),
        ({"date_column": "dai"}, "unknown date column 'dai'; did you mean 'day'"),
        (
            {"date_column": "shop"},
            "date column shop is VARCHAR; fitting: day, at; a text can be cast in a view",
        ),
        ({"measure": "spend"}, "unknown measure 'spend'; did you mean 'spent'"),
        ({"measure": "day"}, "measure day is DATE; fitting: spent"),
        ({"by": "shopp"}, "unknown column 'shopp'; did you mean 'shop'"),
    ],
)
def test_a_wrong_name_is_told_with_the_right_one(
    warehouse: Warehouse, call: dict[str, str], says: str
) -> None:
    make_events(warehouse, 2)
    arguments = {"table": "visits", "date_column": "day", **call}
    with pytest.raises(UsageError) as caught:
        detect(warehouse, **arguments)
    assert says in str(caught.value)


@pytest.mark.parametrize("days", [1, 5, 13])
def test_too_short_a_series_is_not_judged(warehouse: Warehouse, days: int) -> None:
    make_events(warehouse, days)
    found = detect(warehouse, "visits", "day")
    assert (found.method, len(found.anomalies)) == ("none", 0)
    assert "nothing could be judged" in found.summary
    history = "1 day" if days == 1 else f"{days} days"
    assert f"{history} of history, 14 needed" in found.notes[0]


def test_an_empty_table_is_not_judged(warehouse: Warehouse) -> None:
    found = detect(warehouse, "retail_sales", "transaction_date")
    assert found.to_dict()["anomalies"] == []
    assert found.notes == ("0 days of history; at least 14 are needed.",)


def test_rows_without_a_date_are_counted(warehouse: Warehouse) -> None:
    make_events(warehouse, 20)
    warehouse.execute(
        'INSERT INTO marts.visits SELECT NULL, "at", shop, shop, spent FROM marts.visits LIMIT 7'
    )
    assert "7 rows have no day." in detect(warehouse, "visits", "day").notes


def test_only_the_largest_series_are_judged_and_that_is_said(warehouse: Warehouse) -> None:
    make_events(warehouse, 20, a_day=3, groups=60)
    found = detect(warehouse, "visits", "day", by="shop")
    assert found.scored["series"].nunique() <= 50
    assert "Only the 50 series with the most rows were judged." in found.notes


def test_a_column_of_far_dates_is_refused(warehouse: Warehouse) -> None:
    warehouse.execute(
        "CREATE TABLE marts.ages AS SELECT CAST(r AS DATE) AS day "
        "FROM range(TIMESTAMP '1800-01-01', TIMESTAMP '2020-01-01', INTERVAL '1 month') t(r)"
    )
    with pytest.raises(UsageError, match="day runs from 1800-01-01 to 2019-12-01"):
        detect(warehouse, "ages", "day")
