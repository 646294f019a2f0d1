"""Say in words why a day stands out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from workbench.numbers import money as amount
from workbench.table import Table, as_table


def explain(row: Mapping[str, Any], unit: str = "") -> str:
    """Return one sentence on a scored day.

    Args:
        row: ``sales_date``, ``department``, ``actual``, ``expected``, ``lower``, ``upper``, and if known
            ``week_before`` (same weekday a week before) and ``weekday_usual`` (median of that weekday over
            four weeks).
        unit: of the amounts, such as a currency.
    """
    day = pd.Timestamp(row["sales_date"])
    actual, expected = float(row["actual"]), float(row["expected"])
    sold = f"{amount(actual)} {unit}".strip()
    text = (
        f"{row['department']} on {day:%a %Y-%m-%d}: {sold}, expected {amount(expected)} "
        f"({amount(row['lower'])} to {amount(row['upper'])}{_times(actual, expected)})"
    )
    context = []
    if _known(row.get("week_before")):
        context.append(f"a week before {amount(row['week_before'])}")
    if _known(row.get("weekday_usual")):
        context.append(f"usual for a {day:%A} {amount(row['weekday_usual'])}")
    return f"{text}; {', '.join(context)}." if context else f"{text}."


def findings(found: pd.DataFrame, limit: int | None = None, not_judged: str = "") -> Table:
    """Show anomalies, in their order, as a table for people: what was sold beside what was expected.

    Args:
        found: rows of ``marts.sales_anomalies``.
        limit: how many to show; all if None.
        not_judged: why nothing was judged, a sentence without its end; where there are no anomalies, that is told.
    """
    names = [
        "sales_date",
        "department",
        "actual",
        "lower",
        "expected",
        "upper",
        "severity",
        "severity_points",
        "known_day",
    ]
    return as_table(
        found[names],
        money=["actual", "lower", "expected", "upper"],
        headings={
            "sales_date": "Day",
            "severity_points": "Points",
            "known_day": "Known for",
            "actual": "Net sales",
            "lower": "Lowest",
            "upper": "Highest",
        },
        limit=limit,
        empty=f"Not judged: {not_judged}." if not_judged else "None: no day left its range.",
    )


def _known(value: Any) -> bool:
    return value is not None and not math.isnan(float(value))


def _times(actual: float, expected: float) -> str:
    return (
        f"; {actual / expected:.1f} times the expectation" if expected > 0 and actual > 2 * expected else ""
    )
