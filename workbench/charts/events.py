"""The charts of sessions: how far they came, and how many there were."""

from __future__ import annotations

import pandas as pd
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.ticker import FuncFormatter, MaxNLocator

from workbench import numbers
from workbench.charts.style import QUIET, Chart, new_figure, plot_style, short_name

_BLUE, _GREY = "#2f6f9f", "#b8c4ce"


def plot_funnel(steps: pd.DataFrame, weeks: pd.DataFrame) -> Chart:
    """Draw how many sessions came to each step in order, and beside it sessions by week.

    Args:
        steps: ``step, sessions, in_order``, the first step first.
        weeks: ``week, sessions, converted``.
    """
    with plot_style():
        figure = new_figure(9.6, 0.9 + 0.4 * max(len(steps), 3))
        if steps.empty:
            axes = figure.subplots()
            axes.set_title("How far sessions came")
            axes.set_axis_off()
            axes.text(0, 0.5, "No events of known visitors yet.", color=QUIET)
            return figure
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        left.set_title("Sessions by step, in order")
        places = range(len(steps))[::-1]
        # A step that was made without those before it reaches further than the dark bar.
        left.barh(places, steps["sessions"], color=_GREY, label="made the step")
        left.barh(places, steps["in_order"], color=_BLUE, label="and each before it")
        of_all = steps["in_order"] / steps["in_order"].iloc[0]
        labels = [
            f"{numbers.count(n)} ({share:.1%})" for n, share in zip(steps["in_order"], of_all, strict=True)
        ]
        widest = steps["sessions"].max() or 1
        for place, label, width in zip(places, labels, steps["sessions"], strict=True):
            left.annotate(
                label, (width, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8
            )
        left.set_yticks(places, [short_name(step) for step in steps["step"]])
        left.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        left.xaxis.set_major_formatter(FuncFormatter(numbers.scale([]).tick))
        left.set_xlim(0, widest * 1.3)
        left.grid(axis="y", visible=False)
        if (steps["sessions"] > steps["in_order"]).any():
            left.legend(loc="lower right")
        right.set_title("Sessions by week")
        starts = date2num(pd.to_datetime(weeks["week"]).dt.to_pydatetime())
        right.xaxis_date()
        right.bar(starts, weeks["sessions"], 5.6, align="edge", color=_GREY, label="sessions")
        right.bar(starts, weeks["converted"], 5.6, align="edge", color=_BLUE, label="converted")
        right.xaxis.set_major_locator(locator := AutoDateLocator(maxticks=5))
        right.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
        right.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        right.yaxis.set_major_formatter(FuncFormatter(numbers.scale([]).tick))
        right.margins(y=0.25)
        right.legend(loc="upper left", ncols=2)
    return figure
