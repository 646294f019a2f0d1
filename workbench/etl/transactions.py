"""What a person should know of the sales facts: conversion, lines without a rate, sales by month."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from workbench.governance import alerts
from workbench.governance.alerts import Alert
from workbench.governance.alerts.recorded import close_subjects, ended, now
from workbench.governance.this_run import this_run
from workbench.numbers import many
from workbench.warehouse import Session, Warehouse
from workbench.warehouse.access import infrastructure

NO_RATE = "no_rate"
"""What lines are that no rate converts, and the kind of the alerts about them."""

_FACTS = "core.fact_transactions"


def conversion(warehouse: Warehouse) -> pd.DataFrame:
    """Count lines and sum amounts by currency and conversion status."""
    figure = "CAST({0}({1}) AS DOUBLE PRECISION) AS {2}".format
    return warehouse.frame(
        f"""
        SELECT currency, conversion_status, count(*) AS lines, {figure("sum", "net_amount", "net_amount")},
               {figure("sum", "net_amount_reporting", "net_amount_reporting")},
               {figure("min", "exchange_rate", "lowest_rate")}, {figure("max", "exchange_rate", "highest_rate")}
        FROM core.fact_transactions GROUP BY currency, conversion_status
        ORDER BY lines DESC, currency, conversion_status
        """
    )


def alert_missing_rates(warehouse: Warehouse) -> int:
    """Raise one alert for each currency with lines that no rate could convert; return how many lines there are.

    One that is open is left as it is, and closed once all lines of its currency are converted; what comes after that is
    another. Once a person has closed it, only lines without a rate after converted ones are.
    """
    missing: list[dict[str, Any]] = warehouse.query(
        f"""
        SELECT currency, count(*) AS lines,
               CAST(min(transaction_timestamp) AS DATE) AS first_day,
               CAST(max(transaction_timestamp) AS DATE) AS last_day,
               max(transaction_timestamp) AS last_moment
        FROM {_FACTS} WHERE conversion_status = '{NO_RATE}' GROUP BY currency ORDER BY currency
        """
    ).to_pylist()
    with infrastructure():
        warehouse.run(lambda session: _tell(session, missing), repeatable=True)
    return sum(int(row["lines"]) for row in missing)


def _tell(session: Session, missing: Sequence[dict[str, Any]]) -> None:
    found = session.execute("SELECT subject FROM ops.alerts WHERE kind = ? AND is_open", [NO_RATE]).fetchall()
    told = {str(subject) for (subject,) in found}
    close_subjects(session, NO_RATE, sorted(told - {row["currency"] for row in missing}), now())
    fresh = [_without_rate(session, row) for row in missing if row["currency"] not in told]
    alerts.put(session, fresh, this_run())


def _converted_before(session: Session, row: dict[str, Any]) -> str:
    """Return the last day before the newest line without a rate on which lines of its currency were converted."""
    ((day,),) = session.execute(
        f"SELECT CAST(max(transaction_timestamp) AS DATE) FROM {_FACTS} "
        f"WHERE currency = ? AND conversion_status <> '{NO_RATE}' AND transaction_timestamp < ?",
        [row["currency"], row["last_moment"]],
    ).fetchall()
    return str(day or "")


def _without_rate(session: Session, row: dict[str, Any]) -> Alert:
    currency = row["currency"]
    has, is_ = ("has", "is") if row["lines"] == 1 else ("have", "are")
    message = (
        f"{many(row['lines'], 'line')} in {currency} from {row['first_day']} to {row['last_day']} "
        f"{has} no exchange rate within 7 days, and {is_} kept without a converted amount. Load the dataset "
        "exchange_rates, or report in that currency (WORKBENCH_REPORTING_CURRENCY)"
    )
    finding = (currency, _converted_before(session, row), str(ended(session, NO_RATE, currency) or ""))
    return Alert(NO_RATE, "warning", currency, message, finding=finding)
