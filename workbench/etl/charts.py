"""The charts of the retail report: matplotlib figures over the marts."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from workbench.figure import Chart, new_figure, plot_style
from workbench.warehouse import Warehouse

_BLUE = "#2f6f9f"
_GREY = "#b8c4ce"


def _axes(title: str, height: float = 3.4) -> tuple[Chart, Axes]:
    chart = new_figure(9.0, height)
    axes = chart.subplots()
    axes.set_title(title)
    return chart, axes


def _short(value: float, _position: int = 0) -> str:
    for size, suffix in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g} {suffix}"
    return f"{value:.3g}"


def sales_over_time(warehouse: Warehouse, currency: str) -> Chart:
    """Draw net sales by week as bars, and the running mean of four weeks."""
    weekly = warehouse.frame(
        "SELECT week_start, CAST(sum(net_amount_reporting) AS DOUBLE PRECISION) AS amount "
        "FROM marts.sales_weekly GROUP BY 1 ORDER BY 1"
    )
    days = pd.to_datetime(weekly["week_start"])
    with plot_style():
        figure, axes = _axes(f"Net sales by week, {currency}")
        axes.bar(days, weekly["amount"], width=5.5, color=_GREY, label="week")
        axes.plot(
            days,
            weekly["amount"].rolling(4, min_periods=1).mean(),
            color=_BLUE,
            linewidth=2,
            label="mean of 4 weeks",
        )
        axes.yaxis.set_major_formatter(FuncFormatter(_short))
        axes.legend(frameon=False, loc="upper left")
    return figure


def top_departments(warehouse: Warehouse, currency: str, limit: int = 12) -> Chart:
    """Draw the departments that sold most, the largest on top."""
    top = warehouse.frame(
        "SELECT department, CAST(sum(net_amount_reporting) AS DOUBLE PRECISION) AS amount FROM marts.sales_monthly "
        f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {int(limit)}"
    )
    return _bars(top["department"], top["amount"], f"Departments by net sales, {currency}")


def customer_segments(warehouse: Warehouse) -> Chart:
    """Draw how many people each RFM segment holds."""
    segments = warehouse.frame(
        "SELECT segment, count(*) AS people FROM marts.customer_segments GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    return _bars(segments["segment"], segments["people"], "People by segment")


def _bars(names: pd.Series, values: pd.Series, title: str) -> Chart:
    with plot_style():
        figure, axes = _axes(title, height=0.9 + 0.28 * max(len(names), 3))
        bars = axes.barh(names.astype(str)[::-1], values[::-1], color=_BLUE)
        axes.bar_label(bars, labels=[_short(value) for value in values[::-1]], padding=3, fontsize=8)
        axes.xaxis.set_major_formatter(FuncFormatter(_short))
        axes.grid(axis="y", visible=False)
    return figure


def segment_table(warehouse: Warehouse) -> pd.DataFrame:
    """One row a segment: people, share of sales, median recency (days) and frequency (receipts)."""
    people = warehouse.frame(
        "SELECT segment, monetary_reporting, recency_days, frequency FROM marts.customer_segments"
    )
    # Medians are taken here: Redshift takes only one in a statement.
    segments = people.groupby("segment").agg(
        people=("segment", "size"),
        net_sales=("monetary_reporting", "sum"),
        days_since_purchase=("recency_days", "median"),
        receipts=("frequency", "median"),
    )
    whole = segments["net_sales"].sum()
    share = 100 * segments["net_sales"] / (whole or float("nan"))
    table = segments.assign(
        net_sales=segments["net_sales"].round().astype("int64"),
        days_since_purchase=segments["days_since_purchase"].round().astype("int64"),
        receipts=segments["receipts"].round().astype("int64"),
    )
    table.insert(2, "share_percent", share.round(1))
    return table.sort_values("net_sales", ascending=False).reset_index()


def headline(warehouse: Warehouse) -> dict[str, float | str]:
    """The figures a manager asks for first: period, net sales, receipts, lines, people and returns."""
    row = warehouse.query(
        """
        SELECT CAST(min(transaction_date) AS VARCHAR(10)) AS first_day,
               CAST(max(transaction_date) AS VARCHAR(10)) AS last_day,
               CAST(round(coalesce(sum(net_amount_reporting), 0)) AS BIGINT) AS net_sales,
               count(DISTINCT transaction_id) AS receipts,
               count(*) AS lines, count(DISTINCT person_id) AS people,
               CAST(coalesce(sum(CASE WHEN quantity < 0 THEN 1 ELSE 0 END), 0) AS BIGINT) AS return_lines
        FROM marts.retail_sales
        """
    ).to_pylist()[0]
    return dict(row)
