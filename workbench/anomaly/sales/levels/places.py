"""Where it happened: which departments, stores and categories made a day's sales stray."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from workbench.warehouse import Warehouse

TABLE = "marts.retail_sales"

_COLUMNS = {"department": "COALESCE(department, 'Unassigned')", "store": "store_id", "category": "category"}

_WEEKS = 4
_NAMED, _LEAST, _MORE = 2, 0.25, 1.5
_SQL = f"""
SELECT transaction_date, {{part}} AS part, SUM(net_amount_reporting) AS sold
FROM {TABLE}
WHERE transaction_date IN ({", ".join("?" * (_WEEKS + 1))}) {{where}}
GROUP BY transaction_date, {{part}}
"""


def where_it_happened(warehouse: Warehouse, series: str, level: str, day: dt.date) -> str:
    """Say which stores and which categories made the sales of a day stray, if few did most of it; of those of a store,
    which categories, and of a category's, which stores.

    What is usual for a part is the median of the same weekday of four weeks before; days that nobody sold on count for
    nothing sold. A part is named where it makes up a quarter or more of what all strayed by, and half as much again as of
    what is usually sold; two of a kind at most.

    Args:
        warehouse: where ``marts.retail_sales`` is.
        series: of which department, store or category; as it is called in ``marts.sales_anomalies``.
        level: ``department``, ``total``, ``store`` or ``category``.
        day: the day.

    Returns:
        One sentence; empty where nothing stands out.
    """
    said = [
        text
        for name in ("store", "category")
        if name != level and (text := _largest(_parts(warehouse, _COLUMNS[name], series, level, day), name))
    ]
    return f"Most of it: {'; '.join(said)}." if said else ""


def _parts(warehouse: Warehouse, part: str, series: str, level: str, day: dt.date) -> pd.DataFrame:
    """Return what is ``usual`` for each part, and by how much it ``strayed`` from that."""
    days = [day - dt.timedelta(weeks=week) for week in range(_WEEKS + 1)]
    of_one = (
        [] if level == "total" else [series if level == "department" else series.removeprefix(f"{level} ")]
    )
    found = warehouse.frame(
        _SQL.format(part=part, where=f"AND {_COLUMNS[level]} = ?" if of_one else ""), [*days, *of_one]
    )
    if found.empty:
        return pd.DataFrame({"usual": [], "strayed": []}, dtype=float)
    found["transaction_date"] = pd.to_datetime(found["transaction_date"]).dt.date
    table = found.pivot_table(index="part", columns="transaction_date", values="sold", aggfunc="sum")
    table = table.reindex(columns=days).fillna(0.0)
    usual = table[days[1:]].median(axis=1).astype(float)
    return pd.DataFrame({"usual": usual, "strayed": table[day].astype(float) - usual})


def _largest(parts: pd.DataFrame, name: str) -> str:
    whole, sold = float(parts["strayed"].sum()), float(parts["usual"].sum())
    if whole == 0:
        return ""
    share = (parts["strayed"] / whole).sort_values(ascending=False, kind="stable")
    usual = parts["usual"] / sold if sold > 0 else parts["usual"] * 0
    stands_out = (share >= _LEAST) & (share >= _MORE * usual.reindex(share.index))
    named = [f"{part} ({value:.0%})" for part, value in share[stands_out].head(_NAMED).items()]
    return f"{name} {' and '.join(named)}" if named else ""
