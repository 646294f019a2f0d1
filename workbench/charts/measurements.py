"""The chart of readings: how high each metric was, and on which days readings are missing."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from workbench.charts.style import QUIET, Chart, new_figure, plot_style, short_name

_BLUE, _BAND, _RED = "#2f6f9f", "#cfdceb", "#c62f2f"
MOST_PANELS = 6


def plot_measurements(daily: pd.DataFrame) -> Chart:
    """Draw a panel for each metric and unit: the mean of its series, their lowest and highest, and days with gaps.

    Args:
        daily: ``metric, unit, day, lowest, mean, highest, series, gaps``, a row a day. The six metrics with most days are drawn.
    """
    with plot_style():
        panels = [
            (key, days) for key, days in daily.groupby(["metric", "unit"]) if days["mean"].notna().any()
        ]
        panels.sort(key=lambda panel: (-len(panel[1]), panel[0]))
        if not panels:
            figure = new_figure(9.0, 0.9)
            axes = figure.subplots()
            axes.set_title("Readings")
            axes.set_axis_off()
            axes.text(0, 0.5, "No readings yet.", color=QUIET)
            return figure
        shown = panels[:MOST_PANELS]
        rows = -(-len(shown) // 2)
        figure = new_figure(9.6, 2.3 * rows + 0.3)
        grid = figure.subplots(rows, min(len(shown), 2), squeeze=False)
        for axes, ((metric, unit), days) in zip(grid.flat, shown, strict=False):
            _panel(axes, f"{short_name(metric)}{f', {unit}' if unit else ''}", days)
        for axes in list(grid.flat)[len(shown) :]:
            axes.set_axis_off()
        grid.flat[0].legend(loc="best", fontsize=7)
        if more := len(panels) - len(shown):
            figure.supxlabel(f"and {more:,} more", fontsize=8, color=QUIET)
    return figure


def _panel(axes: Axes, title: str, days: pd.DataFrame) -> None:
    days = days.sort_values("day")
    when = pd.to_datetime(days["day"])
    most = int(days["series"].max())
    axes.set_title(f"{title} ({most:,} series)")
    axes.fill_between(
        when, days["lowest"], days["highest"], color=_BAND, linewidth=0, label="lowest to highest"
    )
    axes.plot(
        when, days["mean"], color=_BLUE, linewidth=1.5, marker="." if len(days) < 8 else None, label="mean"
    )
    gaps = days["gaps"] > 0
    if gaps.any():
        axes.scatter(
            when[gaps], days.loc[gaps, "mean"], s=16, color=_RED, zorder=3, label="with gaps in its readings"
        )
    axes.xaxis.set_major_locator(locator := AutoDateLocator(maxticks=6))
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    axes.margins(x=0.01, y=0.15)
