"""The charts of landed files: their faults, and what they measure beside those before."""

from __future__ import annotations

import pandas as pd
from matplotlib.ticker import FuncFormatter, PercentFormatter

from workbench.charts.anomalies import BAND, CRITICAL, INK
from workbench.charts.style import QUIET, Chart, new_figure, plot_style, short_name

_MOST = 12
_PANELS = 6


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


def plot_trends(history: pd.DataFrame) -> Chart:
    """Draw measures of files in the order in which they came, with the range that was usual for each.

    Args:
        history: ``dataset, column_name, measure, place, value, lower, upper, side``, a row a file and measure, the measures
            to draw first first; six at most are drawn.
    """
    with plot_style():
        chosen = list(history.groupby(["dataset", "column_name", "measure"], sort=False))[:_PANELS]
        figure = new_figure(7.2, 0.6 + 1.5 * -(-len(chosen) // 2) if chosen else 1.2)
        panels = figure.subplots(max(-(-len(chosen) // 2), 1), 2 if chosen else 1, squeeze=False).ravel()
        if not chosen:
            panels[0].set_title("Files over time")
            panels[0].text(0, 0.5, "Too few files have come to say what is usual.", color=QUIET)
        for axes in panels[len(chosen) :] if chosen else panels:
            axes.set_axis_off()
        for axes, ((dataset, column, measure), rows) in zip(panels, chosen, strict=False):
            rows = rows.sort_values("place")
            axes.set_title(f"{dataset}: {short_name(f'{measure} {column}'.strip())}", fontsize=8)
            axes.fill_between(
                rows["place"], rows["lower"].astype(float), rows["upper"].astype(float), color=BAND, linewidth=0,
                step="mid", label="usual",
            )  # fmt: skip
            axes.plot(
                rows["place"],
                rows["value"],
                color=INK,
                linewidth=0.9,
                marker=".",
                markersize=3,
                label="of the file",
            )
            outside = rows[rows["side"] != 0]
            axes.scatter(outside["place"], outside["value"], color=CRITICAL, s=22, zorder=3, label="outside")
            axes.tick_params(labelsize=7)
            axes.set_xticks([])
            is_share = measure in ("quarantined", "missing")
            axes.yaxis.set_major_formatter(
                PercentFormatter(1.0) if is_share else FuncFormatter(lambda value, _: f"{value:,.0f}")
            )
        if chosen:
            figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=3)
        figure.alt = "Files over time. " + " ".join(
            f"{dataset} {measure} {column}".strip()
            + f": {int((rows['side'] != 0).sum())} of {len(rows)} files outside."
            for (dataset, column, measure), rows in chosen
        )
        if not chosen:
            figure.alt += "Too few files have come to say what is usual."
    return figure
