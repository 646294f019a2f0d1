"""Charts of a training and of faults in files say what they show."""

from __future__ import annotations

import pandas as pd

from workbench.charts.quality import plot_faults
from workbench.charts.training import plot_injected


def test_the_forest_is_drawn_beside_the_rules() -> None:
    metrics = {
        "injected_recall": 0.7, "injected_recall_zscore": 0.5, "injected_recall_windows": 0.2,
        "injected_ap": 0.4, "injected_ap_zscore": 0.3, "injected_ap_windows": 0.1, "wape": 0.2,
    }  # fmt: skip
    chart = plot_injected(metrics)
    (axes,) = chart.axes
    assert [label.get_text() for label in axes.get_yticklabels()][::-1] == [
        "the forest", "weekday z-score", "nearest windows",
    ]  # fmt: skip
    assert [bar.get_width() for bar in axes.patches] == [0.2, 0.5, 0.7, 0.1, 0.3, 0.4]
    assert "the forest finds 70%, average precision 0.40" in chart.description
    assert chart._repr_png_()[0]


def test_what_was_not_measured_is_said() -> None:
    assert "Not measured" in plot_injected({"wape": 0.2}).description


def test_the_worst_faults_are_drawn() -> None:
    faults = pd.DataFrame(
        {
            "file": [f"{number}.csv" for number in range(14)],
            "column": "quantity",
            "fault": "improbable",
            "share": [number / 20 for number in range(14)],
            "usual": 0.01,
        }
    )
    (axes,) = plot_faults(faults).axes
    assert axes.get_title(loc="left") == "Faults by column (and 2 more)"
    assert max(bar.get_width() for bar in axes.patches) == 0.65
    assert axes.get_yticklabels()[-1].get_text() == "quantity, improbable\n13.csv"


def test_no_fault_is_said() -> None:
    assert "Every new file looks like those before" in plot_faults(pd.DataFrame()).description
