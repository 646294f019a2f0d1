"""Charts of sessions and readings say what they show, with anything in them and with nothing."""

from __future__ import annotations

import pandas as pd

from workbench.charts.events import plot_funnel
from workbench.charts.measurements import MOST_PANELS, plot_measurements


def test_a_funnel_tells_each_step_and_what_was_made_out_of_order() -> None:
    steps = pd.DataFrame(
        {"step": ["session", "view", "purchase"], "sessions": [40, 30, 8], "in_order": [40, 30, 5]}
    )
    weeks = pd.DataFrame(
        {
            "week": pd.date_range("2024-01-01", periods=3, freq="7D"),
            "sessions": [10, 20, 10],
            "converted": [1, 3, 1],
        }
    )
    chart = plot_funnel(steps, weeks)
    labels = [text.get_text() for text in chart.axes[0].texts]
    assert labels == ["40 (100.0%)", "30 (75.0%)", "5 (12.5%)"]
    assert chart.axes[0].get_legend() and "purchase 8" in chart.description and chart._repr_png_()[0]
    assert not plot_funnel(steps.assign(sessions=steps["in_order"]), weeks).axes[0].get_legend()
    assert "No events" in plot_funnel(steps.head(0), weeks.head(0)).description


def test_readings_have_a_panel_a_metric_and_mark_days_with_gaps() -> None:
    days = pd.date_range("2024-01-01", periods=5)
    one = pd.DataFrame(
        {
            "metric": "$t",
            "unit": "°C",
            "day": days,
            "lowest": -2.0,
            "mean": 1.0,
            "highest": 3.0,
            "series": 2,
            "gaps": [0, 1, 0, 0, 2],
        }
    )
    chart = plot_measurements(one)
    assert chart.axes[0].get_title(loc="left") == "$t, °C (2 series)" and "2 days marked" in chart.description
    many = pd.concat(
        [one.assign(metric=f"m{number}") for number in range(9)]
        + [one.assign(metric="none", mean=float("nan"))]
    )
    drawn = plot_measurements(many)
    assert sum(axes.axison for axes in drawn.axes) == MOST_PANELS and drawn.get_supxlabel() == "and 3 more"
    assert drawn._repr_png_()[0] and "No readings" in plot_measurements(one.head(0)).description
