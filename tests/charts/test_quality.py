"""Charts of landed files tell in words what they show."""

from __future__ import annotations

import pandas as pd

from workbench.charts.quality import plot_trends


def test_files_over_time_are_drawn_with_what_is_usual() -> None:
    rows = pd.DataFrame(
        {
            "dataset": "transactions", "column_name": ["", "", "", "customer_id", "customer_id"],
            "measure": ["rows", "rows", "rows", "missing", "missing"], "place": [0, 1, 2, 1, 2],
            "value": [400.0, 410.0, 40.0, 0.1, 0.2], "lower": [None, 300.0, 300.0, 0.05, 0.05],
            "upper": [None, 500.0, 500.0, 0.3, 0.3], "side": [0, 0, -1, 0, 0],
        }
    )  # fmt: skip
    chart = plot_trends(rows)
    first, second = chart.axes
    assert (first.get_title("left"), second.get_title("left")) == (
        "transactions: rows",
        "transactions: missing customer_id",
    )
    assert "transactions rows: 1 of 3 files outside." in chart.alt
    assert chart._repr_png_()[0]


def test_too_few_files_are_said() -> None:
    columns = ["dataset", "column_name", "measure", "place", "value", "lower", "upper", "side"]
    chart = plot_trends(pd.DataFrame(columns=columns))
    assert "Too few files" in chart.axes[0].texts[0].get_text() and "Too few files" in chart.description
