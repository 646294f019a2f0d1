"""What the retail report says in words."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd

from workbench.etl.quality import quarantine_reasons
from workbench.etl.summaries import sales_by_day
from workbench.numbers import count, money
from workbench.table import Facts, Note
from workbench.times.periods import by_period
from workbench.warehouse import Warehouse


def at_a_glance(figures: dict[str, Any], currency: str) -> Facts:
    """Show the figures of :func:`workbench.etl.summaries.headline` in words."""
    if not figures["lines"]:
        return Facts({"Sales": "none yet"})
    facts = {
        "Days": f"{figures['first_day']} to {figures['last_day']}",
        "Net sales": money(figures["net_sales"], currency),
        "Receipts": count(figures["receipts"]),
        "Lines": count(figures["lines"]),
        "of them returns": count(figures["return_lines"]),
        "Known people": count(figures["people"]),
    }
    if figures["unconverted_lines"]:
        facts["Lines without an amount"] = f"{count(figures['unconverted_lines'])}, which are in no sum here"
    return Facts(facts)


def unfinished(warehouse: Warehouse, today: dt.date | None = None) -> Note:
    """Tell which days at the ends of the data aren't whole, so that nobody reads a fall from them."""
    periods = by_period(sales_by_day(warehouse), today=today)
    days = ", ".join(map(str, periods.filling))
    if not days:
        return Note("Every day of the data is whole." if len(periods.table) else "No sales yet.")
    what = "isn't a whole day" if len(periods.filling) == 1 else "aren't whole days"
    return Note(
        f"{days} {what}: it may still be filling up. Periods that aren't whole are in no mean and no trend."
    )


def how_many_misplaced(found: pd.DataFrame) -> Note:
    """Count what :func:`workbench.etl.members.hierarchy.misplaced` returns, in words."""
    if found.empty:
        return Note("None.")
    kinds = found.groupby("what", sort=False)["products"].agg(["size", "sum"])
    told = [
        f"{what}: {count(names)} (products: {count(products)})"
        for what, names, products in kinds.itertuples()
    ]
    return Note(f"{'; '.join(told)}. All of them, and what else is odd: workbench products hierarchy")


def quarantined(warehouse: Warehouse) -> pd.DataFrame:
    """Count quarantined rows by dataset, column and what is wrong with it, in words."""
    found = quarantine_reasons(warehouse)
    parts = [str(reason).partition(":") for reason in found["reason"]]
    return pd.DataFrame(
        {
            "dataset": found["dataset"],
            "column": [column for column, _, _ in parts],
            "what_is_wrong": [what.replace("_", " ") for _, _, what in parts],
            "rows": found["rows"],
        }
    )
