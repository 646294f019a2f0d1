"""The nearest normal days of a finding: of its weekday, after a like week, and normal."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from workbench.anomaly.sales.alike import beside_normal, nearest_days

DAYS = pd.date_range("2024-01-01", periods=10 * 7)


def weeks(levels: list[float]) -> pd.Series:
    """Sales that go from level to level, a week each."""
    shape = np.array([1.0, 1.1, 1.2, 1.1, 1.5, 1.8, 0.7])
    return pd.Series(np.concatenate([level * shape for level in levels]), DAYS)


def test_days_after_a_like_week_are_near() -> None:
    values = weeks([100, 100, 300, 300, 100, 100, 300, 300, 300, 100])
    usual = pd.Series(True, DAYS)
    # The Monday of the last week comes after a week at 300, and so did those of the fourth, eighth and ninth, and the
    # fifth, which went down.
    near = nearest_days(values, DAYS[63].date(), usual, 4)
    assert {day for day, _ in near} == {DAYS[7 * week].date() for week in (3, 4, 7, 8)}
    assert all(day.weekday() == 0 for day, _ in near)
    assert sorted(sold for _, sold in near) == [100.0, 300.0, 300.0, 300.0]


def test_what_was_no_normal_day_is_not_among_them() -> None:
    values = weeks([100.0] * 10)
    usual = pd.Series(True, DAYS)
    usual.iloc[7:56] = False
    values.iloc[56] = np.nan
    near = nearest_days(values, DAYS[63].date(), usual)
    # The first Monday has no week before it, the others are no normal days, and the day itself is never one.
    assert near == []
    assert nearest_days(values, DAYS[3].date(), usual) == []


def test_findings_stand_beside_normal_days() -> None:
    values = weeks([100.0] * 10)
    values.iloc[40] = 900.0
    scored = pd.DataFrame(
        {"sales_date": DAYS.date, "department": "TEA", "actual": values.to_numpy(), "severity": ""}
    )
    scored.loc[40, "severity"] = "critical"
    found = beside_normal(scored, scored[scored["severity"] != ""])
    assert found.loc[0, "sales_date"] == dt.date(2024, 2, 10)
    assert found.loc[0, "normal"] == 180.0
    assert found.loc[0, "days"].count("180 on 2024-") == 3
    assert beside_normal(scored, scored.head(0)).empty
