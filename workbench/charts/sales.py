"""The charts of the retail report."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.ticker import FuncFormatter, MaxNLocator

from workbench import numbers
from workbench.charts.style import QUIET, Chart, new_figure, plot_style, short_name
from workbench.times.periods import Length, Periods, by_period

MOST_BARS = 100
_BLUE = "#2f6f9f"
_GREY = "#b8c4ce"
_MEANS: dict[Length, int] = {"day": 7, "week": 4, "month": 3, "year": 0}
_FEW = 7


def sales_over_time(daily: pd.DataFrame, currency: str) -> Chart:
    """Draw net sales by week as bars, and the mean of each four whole weeks.

    A short history is drawn by day, a long one by month or year. Periods of which days are missing at an end of
    the data are hollow, and in no mean; a period within it that has no sales is zero.

    Args:
        daily: one row a day of sales: ``day, amount, rows``.
        currency: of the amounts.
    """
    periods = by_period(daily)
    table = periods.table
    if table.empty:
        return _nothing("Net sales", "No sales yet.")
    scale = numbers.scale(table["amount"])
    with plot_style():
        figure, axes = _axes(f"Net sales by {periods.length}, {scale.of(currency)}")
        _draw_periods(axes, periods)
        axes.yaxis.set_major_formatter(FuncFormatter(scale.tick))
        axes.margins(y=0.18)
        axes.legend(loc="upper left", ncols=3)
    return figure


def _draw_periods(axes: Axes, periods: Periods) -> None:
    table, length = periods.table, periods.length
    starts = date2num(pd.to_datetime(table["start"]).dt.to_pydatetime())
    ends = date2num(pd.to_datetime(table["end"]).dt.to_pydatetime()) + 1
    widths, whole = 0.8 * (ends - starts), table["is_whole"].to_numpy()
    amounts = table["amount"].to_numpy()
    axes.xaxis_date()

    def bars(part: Any, label: str, **style: Any) -> None:
        if part.any():
            axes.bar(
                starts[part], amounts[part], widths[part], align="edge", label=label, linewidth=0.6, **style
            )

    bars(whole, f"whole {length}", color=_GREY)
    bars(
        ~whole,
        f"part of a {length}{': in no mean' if len(table) > 1 else ''}",
        color="white",
        edgecolor=QUIET,
        hatch="///",
    )
    window, middles = _MEANS[length], starts + widths / 2
    if window and whole.sum() >= window:
        mean = table["amount"].where(whole).rolling(window, min_periods=window).mean()
        axes.plot(middles, mean, color=_BLUE, linewidth=2, label=f"mean of {window} {length}s")
    axes.axhline(0, color="#b8c0c8", linewidth=0.8, label="_nolegend_")
    if len(table) <= _FEW:
        axes.set_xticks(middles, [_name(start, length) for start in table["start"]])
    else:
        axes.xaxis.set_major_locator(locator := AutoDateLocator(maxticks=9))
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
        axes.margins(x=0.01)


def _name(start: Any, length: Length) -> str:
    return (
        f"{start:%Y}" if length == "year" else f"{start:%Y-%m}" if length == "month" else f"{start:%Y-%m-%d}"
    )


def top_departments(sums: pd.DataFrame, currency: str, limit: int = 12) -> Chart:
    """Draw the departments that sold most, the largest on top; at most a hundred.

    Args:
        sums: ``department, amount``, the largest amount first.
        currency: of the amounts.
        limit: how many to draw.
    """
    shown = sums.head(max(1, min(limit, MOST_BARS)))
    if shown.empty:
        return _nothing("Departments by net sales", "No sales yet.")
    scale = numbers.scale(shown["amount"])
    title, below = f"Departments by net sales, {scale.of(currency)}", ""
    if left := len(sums) - len(shown):
        rest = numbers.money(sums["amount"].iloc[len(shown) :].sum(), currency)
        below = f"{left:,} more sold {rest} together"
    return _bars(shown["department"], shown["amount"], title, scale, scale.bars(shown["amount"]), below)


def customer_segments(segments: pd.DataFrame) -> Chart:
    """Draw how many people each RFM segment holds: ``segment, people``, the largest first."""
    if segments.empty:
        return _nothing("People by segment", "No known customer has bought yet.")
    labels = [numbers.count(people) for people in segments["people"]]
    return _bars(segments["segment"], segments["people"], "People by segment", numbers.scale([]), labels)


def _bars(
    names: pd.Series, values: pd.Series, title: str, scale: numbers.Scale, labels: list[str], below: str = ""
) -> Chart:
    with plot_style():
        figure, axes = _axes(title, height=0.9 + 0.28 * max(len(names), 3))
        places = range(len(names))[::-1]
        bars = axes.barh(places, values, color=_BLUE)
        axes.set_yticks(places, [short_name(name) for name in names])
        axes.bar_label(bars, labels=labels, padding=3, fontsize=8)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=bool((values == values.round()).all())))
        axes.xaxis.set_major_formatter(FuncFormatter(scale.tick))
        axes.grid(axis="y", visible=False)
        axes.axvline(0, color="#b8c0c8", linewidth=0.8, label="_nolegend_")
        axes.set_xlabel(below)
        axes.margins(x=0.1)
        if (values >= 0).all():
            axes.set_xlim(left=0)
    return figure


def _axes(title: str, height: float = 3.4) -> tuple[Chart, Axes]:
    chart = new_figure(9.0, height)
    axes = chart.subplots()
    axes.set_title(title)
    return chart, axes


def _nothing(title: str, text: str) -> Chart:
    with plot_style():
        figure, axes = _axes(title, height=0.9)
        axes.set_axis_off()
        axes.text(0, 0.5, text, color=QUIET)
    return figure
