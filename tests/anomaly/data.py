"""Daily sales with known anomalies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np
import pandas as pd

from workbench.schema import table
from workbench.warehouse import Warehouse

START = dt.date(2024, 1, 1)
DAYS = 230
LEVELS = {
    "BAKERY": 400.0, "DAIRY": 1200.0, "DRUGSTORE": 650.0, "GROCERY": 8000.0, "MEAT": 2100.0, "PRODUCE": 900.0,
}  # fmt: skip
WEEK = (0.9, 0.85, 0.9, 1.0, 1.15, 1.4, 0.8)

PLANTED: dict[tuple[str, dt.date], float] = {
    ("MEAT", dt.date(2024, 3, 12)): 3.0,
    ("DAIRY", dt.date(2024, 5, 5)): 0.0,
    ("GROCERY", dt.date(2024, 7, 17)): 2.5,
    ("BAKERY", dt.date(2024, 8, 10)): 0.0,
}
"""What was multiplied onto a day's sales: two in the training window, two after it."""


def daily_sales(
    levels: Mapping[str, float] = LEVELS,
    days: int = DAYS,
    planted: Mapping[tuple[str, dt.date], float] | None = None,
    seed: int = 7,
) -> pd.DataFrame:
    """Rows of marts.sales_daily: a weekly pattern, 8 % noise, and what was planted."""
    random = np.random.default_rng(seed)
    rows = []
    for name, level in levels.items():
        for offset in range(days):
            day = START + dt.timedelta(days=offset)
            usual = level * WEEK[day.weekday()] * random.normal(1, 0.08)
            value = usual * (planted or {}).get((name, day), 1.0)
            if value > 0:
                rows.append((day, name, max(1, int(value / 10)), round(value, 2)))
    frame = pd.DataFrame(rows, columns=["sales_date", "department", "transactions", "net_amount_reporting"])
    return frame.assign(
        lines=frame["transactions"], return_lines=0, customers=frame["transactions"],
        quantity=frame["transactions"], unconverted_lines=0,
    )  # fmt: skip


def add_batch(warehouse: Warehouse, batch_id: str, dataset: str = "transactions") -> None:
    """Put one loaded file into the ledger."""
    row: dict[str, object] = {
        "batch_id": batch_id, "dataset": dataset, "uri": "a.csv", "rows_landed": 1, "rows_accepted": 1,
        "rows_quarantined": 0, "rows_duplicate": 0, "status": "loaded", "ingested_at": dt.datetime(2024, 9, 1),
    }  # fmt: skip
    warehouse.append("ops.batches", of_table("ops.batches", row, 1))


def of_table(name: str, columns: dict[str, object], count: int) -> pd.DataFrame:
    """Return rows of a table with some columns and whatever fits in the others that need something."""
    rows = {}
    for column in table(name).columns:
        if column.name in columns:
            rows[column.name] = columns[column.name]
        elif column.nullable:
            rows[column.name] = None
        else:
            kind = column.kind if hasattr(column, "kind") else str(column)
            rows[column.name] = _filler(column.name, str(kind))
    return pd.DataFrame(rows, index=range(count))


def _filler(name: str, kind: str) -> object:
    moment = dt.datetime(2024, 1, 1)
    if name.endswith("_at") or "timestamp" in kind.lower():
        return moment
    if name.endswith("date"):
        return moment.date()
    return "x" if "text" in kind.lower() or "char" in kind.lower() else 1
