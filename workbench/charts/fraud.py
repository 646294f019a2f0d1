"""The charts of fraud detection: how precise it is, and how much there is to look at."""

from __future__ import annotations

import pandas as pd

from workbench.charts.anomalies import CRITICAL, INK
from workbench.charts.style import QUIET, Chart, new_figure, plot_style


def plot_precision(curve: pd.DataFrame) -> Chart:
    """Draw ``precision`` by ``recall``, both 0 to 1."""
    with plot_style():
        figure = new_figure(5.2, 3.0)
        axes = figure.subplots()
        axes.set_title("Precision by recall in the replay")
        if curve.empty:
            axes.text(0, 0.5, "Nothing was replayed.", color=QUIET)
            axes.set_axis_off()
        else:
            axes.plot(curve["recall"], curve["precision"], color=INK, label="precision")
            axes.set_xlabel("share of frauds that is found")
            axes.set_ylabel("share of what is named that is fraud")
            axes.set_xlim(0, 1)
            axes.set_ylim(0, 1.02)
    return figure


def plot_alerts_a_day(scored: pd.DataFrame, *, budget: int) -> Chart:
    """Draw how many receipts of each day are to look at, below the budget: rows of ``marts.fraud_scores``."""
    with plot_style():
        figure = new_figure(7.2, 2.6)
        axes = figure.subplots()
        axes.set_title("Receipts to look at")
        if scored.empty:
            axes.text(0, 0.5, "Nothing new was scored.", color=QUIET)
            axes.set_axis_off()
        else:
            day = pd.to_datetime(scored["transaction_timestamp"]).dt.floor("D")
            found = scored["is_alert"].astype(bool).groupby(day).sum()
            axes.bar(found.index.to_numpy(), found.to_numpy(), width=0.8, color=INK, label="to look at")
            axes.axhline(budget, color=CRITICAL, linewidth=1, label="budget a day")
            axes.set_ylabel("receipts")
            # Above the bars, which may fill the whole of the axes.
            axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
            figure.autofmt_xdate()
    return figure
