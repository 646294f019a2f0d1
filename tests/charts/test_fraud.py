"""Charts of fraud detection tell in words what they show."""

from __future__ import annotations

import pandas as pd

from workbench.charts.fraud import plot_alerts_a_day, plot_precision, plot_shares


def test_precision_is_drawn_by_recall() -> None:
    chart = plot_precision(pd.DataFrame({"recall": [1.0, 0.5, 0.0], "precision": [0.1, 0.8, 1.0]}))
    (axes,) = chart.axes
    assert axes.lines[0].get_xdata().tolist() == [1.0, 0.5, 0.0]
    assert chart._repr_png_()[0]


def test_alerts_are_drawn_by_day_below_their_budget() -> None:
    scored = pd.DataFrame(
        {
            "transaction_timestamp": pd.to_datetime(
                ["2024-01-01 10:00", "2024-01-01 11:00", "2024-01-02 09:00"]
            ),
            "is_alert": [True, True, False],
        }
    )
    (axes,) = plot_alerts_a_day(scored, budget=2).axes
    assert [bar.get_height() for bar in axes.patches] == [2, 0]


def test_what_speaks_for_fraud_is_a_bar_and_a_sentence() -> None:
    shares = pd.DataFrame(
        {"transaction_id": ["T1", "T1", "T2"], "what": ["a", "b", "c"], "share": [0.3, -0.1, 0.2]}
    )
    chart = plot_shares(shares)
    first, second = chart.axes
    assert [bar.get_width() for bar in first.patches] == [-0.1, 0.3]
    assert [bar.get_width() for bar in second.patches] == [0.2]
    assert "T1: a +30%; b -10%. T2: c +20%." in chart.alt


def test_nothing_is_said_to_be_nothing() -> None:
    none = pd.DataFrame({"recall": [], "precision": []})
    (axes,) = plot_precision(none).axes
    assert axes.texts[0].get_text() == "Nothing was replayed."
    (axes,) = plot_alerts_a_day(pd.DataFrame(), budget=1).axes
    assert axes.texts[0].get_text() == "Nothing new was scored."
    (axes,) = plot_shares(pd.DataFrame({"transaction_id": [], "what": [], "share": []})).axes
    assert axes.texts[0].get_text() == "Nothing is to be looked at."
