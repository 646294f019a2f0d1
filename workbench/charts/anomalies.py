"""The charts of the anomaly reports: days that left their expected range."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import FuncFormatter, MaxNLocator

from workbench.charts.description import describe
from workbench.charts.style import QUIET, Chart, new_figure, plot_style, short_name
from workbench.numbers import scale
from workbench.times.periods import by_period

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
            anomalies only, and the days at the ends that aren't whole are left out, which the chart says. It
            says too on which days nothing at all was sold.
        anomalies: rows of ``marts.sales_anomalies``.
        departments: which to draw; those with the most anomalies if None.
        limit: how many panels at most.
        columns: panels side by side.
        unit: of the amounts, for the axis.
    """
    if "actual" not in daily and "net_amount_reporting" in daily:
        daily = daily.rename(columns={"net_amount_reporting": "actual"})
    daily, left_out = _whole_days(daily)
    last = max(daily["sales_date"], default=None)
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
                last,
            )
            axes.set_xlim(*_span(daily))
        for axes in panels.flat[len(chosen) :]:
            axes.set_axis_off()
        if not chosen:
            panels.flat[0].text(0, 0.5, "No sales were judged.", color=QUIET)
        handles: dict[str, Any] = {}
        for axes in panels.flat:
            handles |= dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))
        if handles:
            figure.legend(handles.values(), handles.keys(), loc="outside upper right", ncols=len(handles))
        notes = [f"Left out, as not whole: {', '.join(map(str, left_out))}."] if left_out else []
        notes += _silence(daily)
        if notes:
            figure.supxlabel(" ".join(notes), color=QUIET, fontsize=8)
        figure.alt = " ".join(["Sales by day, one panel a department.", describe(figure), *notes])
    return figure


def plot_anomalies_by_month(anomalies: pd.DataFrame, judged: tuple[dt.date, dt.date] | None = None) -> Chart:
    """Draw how many department days left their range in each month, by severity.

    ``judged`` are the first and the last day that were judged: months in between without a finding are zero, and
    one at an end that wasn't judged whole is marked. Without it the months go from the first finding to the last.
    """
    with plot_style():
        figure = new_figure(7.5, 2.6)
        axes = figure.subplots()
        axes.set_title("Days outside their expected range, by month")
        if anomalies.empty and judged is None:
            axes.set_axis_off()
            axes.text(0, 0.5, "None.", color=QUIET)
            return figure
        month = pd.PeriodIndex(pd.to_datetime(anomalies["sales_date"]), freq="M")
        first, last = map(
            pd.Timestamp, judged or (min(anomalies["sales_date"]), max(anomalies["sales_date"]))
        )
        every = pd.period_range(first, last, freq="M")
        counts = pd.crosstab(month, anomalies["severity"].to_numpy()).reindex(
            index=every, columns=["warning", "critical"], fill_value=0
        )
        parts = {p for p in every if judged and (p.start_time < first or p.end_time.normalize() > last)}
        names = [f"{period} (part)" if period in parts else str(period) for period in every]
        axes.bar(names, counts["warning"], color=WARNING, label="warning")
        axes.bar(names, counts["critical"], bottom=counts["warning"], color=CRITICAL, label="critical")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        step = -(-len(names) // 24)
        axes.set_xticks(
            range(0, len(names), step),
            names[::step],
            rotation=45 if len(names) > 6 else 0,
            ha="right" if len(names) > 6 else "center",
        )
        axes.legend(loc="upper left", ncols=2)
        axes.margins(y=0.25)
    return figure


def _whole_days(daily: pd.DataFrame) -> tuple[pd.DataFrame, tuple[dt.date, ...]]:
    """Return the days without those at the ends that aren't whole, and which those are."""
    if daily.empty or "lines" not in daily:
        return daily, ()
    rows = daily.rename(columns={"sales_date": "day", "lines": "rows"}).assign(amount=0.0)
    filling = by_period(rows[["day", "amount", "rows"]], "day").filling
    days = pd.to_datetime(daily["sales_date"]).dt.date
    kept = daily[~days.isin(filling)]
    return (daily, ()) if kept.empty else (kept, filling)


def _silence(daily: pd.DataFrame) -> list[str]:
    """Say on which days nothing at all was sold, closed or not loaded: no department is judged there."""
    sold = pd.DatetimeIndex(pd.to_datetime(daily["sales_date"].unique()))
    if sold.empty:
        return []
    silent = [f"{day:%Y-%m-%d}" for day in pd.date_range(sold.min(), sold.max()).difference(sold)]
    more = f" and {len(silent) - 3:,} more days" if len(silent) > 3 else ""
    return [f"Nothing at all was sold on {', '.join(silent[:3])}{more}; not judged."] if silent else []


def _span(daily: pd.DataFrame) -> tuple[pd.Timestamp, pd.Timestamp]:
    days, day = pd.to_datetime(daily["sales_date"]), pd.Timedelta(days=1)
    return days.min() - day, days.max() + day


def _most_conspicuous(daily: pd.DataFrame, anomalies: pd.DataFrame) -> list[str]:
    """Return the departments by number of anomalies, then by sales."""
    totals = daily.assign(actual=daily["actual"].astype(float)).groupby("department")["actual"].sum()
    counts = anomalies["department"].value_counts().reindex(totals.index, fill_value=0)
    order = pd.DataFrame({"count": counts, "total": totals}).sort_values(["count", "total"], ascending=False)
    return [str(name) for name in order.index]


def _department(
    axes: Axes, name: str, daily: pd.DataFrame, anomalies: pd.DataFrame, unit: str, last: dt.date | None
) -> None:
    daily = daily.sort_values("sales_date")
    days = pd.to_datetime(daily["sales_date"])
    actual = pd.Series(daily["actual"].to_numpy(dtype=float), pd.DatetimeIndex(days))
    if not actual.empty:
        # A day without a sale is zero from the department's first sale on, up to the newest day of all.
        actual = actual.reindex(
            pd.date_range(days.min(), pd.Timestamp(last or days.max()), freq="D"), fill_value=0.0
        )
    axes.set_title(short_name(name))
    has_band = {"lower", "upper"} <= set(daily.columns)
    if has_band:
        axes.fill_between(
            days, daily["lower"].astype(float), daily["upper"].astype(float),
            color=BAND, linewidth=0, label="expected range",
        )  # fmt: skip
    axes.plot(actual.index, actual, color=INK, linewidth=0.9, label="sales")
    for severity, color, marker in (("warning", WARNING, "o"), ("critical", CRITICAL, "D")):
        found = anomalies[anomalies["severity"] == severity]
        if found.empty:
            continue
        when = pd.to_datetime(found["sales_date"])
        if not has_band:
            lower, upper = found["lower"].astype(float), found["upper"].astype(float)
            axes.vlines(
                when, lower, upper, color=color, linewidth=1.2, alpha=0.5, label="expected range then"
            )
        axes.scatter(
            when, found["actual"].astype(float), color=color, s=20, marker=marker, zorder=3, label=severity
        )
    axes.xaxis.set_major_locator(locator := AutoDateLocator(maxticks=7))
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    counted = scale(actual)
    axes.yaxis.set_major_formatter(FuncFormatter(counted.tick))
    if unit:
        axes.set_ylabel(counted.of(unit))
