"""The chart of faults in landed files."""

from __future__ import annotations

import pandas as pd
from matplotlib.ticker import PercentFormatter

from workbench.charts.anomalies import BAND, CRITICAL
from workbench.charts.style import QUIET, Chart, new_figure, plot_style, short_name

_MOST = 12


def plot_faults(faults: pd.DataFrame) -> Chart:
    """Draw how much of a column is at fault beside what is usual, the worst columns first.

    Args:
        faults: ``file, column, fault, share, usual``, a row each; shares 0 to 1. The first twelve by how far the share
            lies above the usual one are drawn.
    """
    with plot_style():
        if faults.empty:
            figure = new_figure(6.6, 1.2)
            axes = figure.subplots()
            axes.set_title("Faults by column")
            axes.text(0, 0.5, "Every new file looks like those before.", color=QUIET)
            axes.set_axis_off()
            return figure
        above = (faults["share"].astype(float) - faults["usual"].astype(float)).sort_values(ascending=False)
        shown = faults.loc[above.index[:_MOST]][::-1]
        figure = new_figure(7.2, 1.2 + 0.36 * len(shown))
        axes = figure.subplots()
        more = len(faults) - len(shown)
        axes.set_title("Faults by column" + (f" (and {more:,} more)" if more else ""))
        places = range(len(shown))
        axes.barh(
            [place + 0.18 for place in places], shown["share"].astype(float), height=0.36,
            color=CRITICAL, label="of this file",
        )  # fmt: skip
        axes.barh(
            [place - 0.18 for place in places], shown["usual"].astype(float), height=0.36,
            color=BAND, label="of files before, at most",
        )  # fmt: skip
        names = [
            f"{short_name(row['column'])}, {row['fault']}\n{short_name(row['file'])}"
            for row in shown.to_dict("records")
        ]
        axes.set_yticks(list(places), names, fontsize=7)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_xlabel("share of the rows, or distance of the distributions")
        axes.grid(axis="y", visible=False)
        figure.legend(loc="outside upper right", ncols=2)
    return figure
