"""Charts for notebooks and reports. They draw on figures of their own, so no display is needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import FuncFormatter, MaxNLocator

from workbench.anomaly.explain import amount
from workbench.figure import QUIET, Chart, new_figure, plot_style

INK, BAND, WARNING, CRITICAL = "#1f3b57", "#cfdceb", "#e08a00", "#c62f2f"


def plot_anomalies(
    daily: pd.DataFrame,
    anomalies: pd.DataFrame,
    *,
    departments: Sequence[str] | None = None,
    limit: int = 6,
    columns: int = 2,
    unit: str = "",
) -> Chart:
    """Draw daily sales with their expected band, and mark the anomalies, one panel a department.

    Args:
        daily: ``sales_date``, ``department``, ``actual``, and for the band ``lower`` and ``upper`` (as in
            ``DetectionResult.scored``); without them (``marts.sales_daily``) the range is drawn at the
            anomalies only.
        anomalies: rows of ``marts.sales_anomalies``.
        departments: which to draw; those with the most anomalies if None.
        limit: how many panels at most.
        columns: panels side by side.
        unit: of the amounts, for the axis.
    """
    if "actual" not in daily and "net_amount_reporting" in daily:
        daily = daily.rename(columns={"net_amount_reporting": "actual"})
    chosen = list(departments) if departments is not None else _most_conspicuous(daily, anomalies)
    chosen = chosen[:limit]
    rows = max(1, -(-len(chosen) // columns))
    with plot_style():
        figure = new_figure(5.2 * columns, 2.4 * rows + 0.4)
        panels = figure.subplots(rows, columns, squeeze=False)
        for axes, name in zip(panels.flat, chosen, strict=False):
            _department(
                axes,
                name,
                daily[daily["department"] == name],
                anomalies[anomalies["department"] == name],
                unit,
            )
        for axes in panels.flat[len(chosen) :]:
            axes.set_axis_off()
        if not chosen:
            panels.flat[0].text(0, 0.5, "No sales were judged.", color=QUIET)
        handles: dict[str, Any] = {}
        for axes in panels.flat:
            handles |= dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))
        if handles:
            figure.legend(handles.values(), handles.keys(), loc="outside upper right", ncols=len(handles))
    return figure


def plot_anomalies_by_month(anomalies: pd.DataFrame) -> Chart:
    """Draw how many department days left their range in each month, by severity."""
    with plot_style():
        figure = new_figure(7.5, 2.6)
        axes = figure.subplots()
        axes.set_title("Days outside their expected range, by month")
        if anomalies.empty:
            axes.set_axis_off()
            axes.text(0, 0.5, "None.", color=QUIET)
            return figure
        month = pd.to_datetime(anomalies["sales_date"]).dt.to_period("M")
        counts = pd.crosstab(month, anomalies["severity"]).reindex(
            columns=["warning", "critical"], fill_value=0
        )
        counts = counts.reindex(pd.period_range(month.min(), month.max(), freq="M"), fill_value=0)
        names = [str(period) for period in counts.index]
        axes.bar(names, counts["warning"], color=WARNING, label="warning")
        axes.bar(names, counts["critical"], bottom=counts["warning"], color=CRITICAL, label="critical")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.tick_params(axis="x", rotation=45 if len(names) > 8 else 0)
        axes.legend(loc="upper left", ncols=2)
    return figure


def _most_conspicuous(daily: pd.DataFrame, anomalies: pd.DataFrame) -> list[str]:
    """Return the departments by number of anomalies, then by sales."""
    totals = daily.assign(actual=daily["actual"].astype(float)).groupby("department")["actual"].sum()
    counts = anomalies["department"].value_counts().reindex(totals.index, fill_value=0)
    order = pd.DataFrame({"count": counts, "total": totals}).sort_values(["count", "total"], ascending=False)
    return [str(name) for name in order.index]


def _department(axes: Axes, name: str, daily: pd.DataFrame, anomalies: pd.DataFrame, unit: str) -> None:
    daily = daily.sort_values("sales_date")
    days = pd.to_datetime(daily["sales_date"])
    actual = pd.Series(daily["actual"].to_numpy(dtype=float), pd.DatetimeIndex(days)).asfreq(
        "D", fill_value=0.0
    )
    axes.set_title(name)
    has_band = {"lower", "upper"} <= set(daily.columns)
    if has_band:
        axes.fill_between(
            days, daily["lower"].astype(float), daily["upper"].astype(float),
            color=BAND, linewidth=0, label="expected range",
        )  # fmt: skip
    axes.plot(actual.index, actual, color=INK, linewidth=0.9, label="sales")
    for severity, color in (("warning", WARNING), ("critical", CRITICAL)):
        found = anomalies[anomalies["severity"] == severity]
        if found.empty:
            continue
        when = pd.to_datetime(found["sales_date"])
        if not has_band:
            lower, upper = found["lower"].astype(float), found["upper"].astype(float)
            axes.vlines(when, lower, upper, color=color, linewidth=1.2, alpha=0.5)
        axes.scatter(when, found["actual"].astype(float), color=color, s=22, zorder=3, label=severity)
    axes.xaxis.set_major_locator(locator := AutoDateLocator(maxticks=7))
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _position: amount(value)))
    axes.margins(x=0.01)
    if unit:
        axes.set_ylabel(unit)
