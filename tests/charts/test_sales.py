"""Charts of sales tell no fall that never was, whatever was sold and whatever it is called."""

from __future__ import annotations

import pandas as pd
import pytest

from workbench.charts.sales import MOST_BARS, sales_over_time, top_departments
from workbench.charts.style import Chart


def sell(first: str, last: str, amount: float = 10) -> pd.DataFrame:
    days = [day.date() for day in pd.date_range(first, last)]
    return pd.DataFrame({"day": days, "amount": amount, "rows": 100})


def bars(chart: Chart) -> dict[str, list[float]]:
    return {
        str(each.get_label()): [bar.get_height() for bar in each.patches] for each in chart.axes[0].containers
    }  # fmt: skip


def test_parts_of_weeks_are_marked_and_in_no_mean() -> None:
    daily = sell("2024-01-07", "2024-03-05")  # a Sunday to a Tuesday
    chart = sales_over_time(daily, "EUR")
    assert bars(chart) == {"whole week": [70.0] * 8, "part of a week: in no mean": [10.0, 20.0]}
    (mean,) = [line for line in chart.axes[0].get_lines() if line.get_label() == "mean of 4 weeks"]
    assert set(pd.Series(mean.get_ydata()).dropna()) == {70.0}
    assert chart.axes[0].get_title(loc="left") == "Net sales by week, EUR"
    assert "part of a week: in no mean from 2024-01-01 to 2024-03-04" in chart.description


@pytest.mark.parametrize(
    ("first", "last", "label", "count"),
    [
        ("2024-01-01", "2024-01-01", "whole day", 1),
        ("2024-01-01", "2024-01-07", "whole day", 7),
        ("2024-01-01", "2024-02-11", "whole week", 6),
        ("2015-01-01", "2024-12-31", "whole month", 120),
    ],
)
def test_a_history_of_any_length_is_drawn(first: str, last: str, label: str, count: int) -> None:
    chart = sales_over_time(sell(first, last, amount=-2.5), "EUR")
    assert {name: len(values) for name, values in bars(chart).items()} == {label: count}
    assert chart._repr_png_()[0]


def test_a_hundred_departments_huge_and_negative_amounts_and_odd_names_are_drawn() -> None:
    names = ["كتاب", "😀", "$5 $", "x" * 200, *(f"D{place}" for place in range(146))]
    amounts = [float(10**13 // (place + 1) * (-1) ** place) for place in range(150)]
    sums = pd.DataFrame({"department": names, "amount": amounts}).sort_values("amount", ascending=False)
    chart = top_departments(sums, "EUR", limit=500)
    axes = chart.axes[0]
    assert len(axes.patches) == MOST_BARS
    assert axes.get_title(loc="left") == "Departments by net sales, trillion EUR"
    assert axes.texts[0].get_text() == "10.00"
    assert "50 more sold -" in axes.get_xlabel() and axes.get_xlabel().endswith("EUR together")
    assert chart._repr_png_()[0]
