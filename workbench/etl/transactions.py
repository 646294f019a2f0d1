"""What a person should know of the sales facts: conversion, lines without a rate, sales by month."""

from __future__ import annotations

import os
from typing import Any

import pandas as pd

from workbench.governance import alerts
from workbench.governance.alerts import Alert
from workbench.warehouse import Warehouse


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
    """Raise one alert for each currency with lines that no rate could convert; return how many lines there are."""
    missing: list[dict[str, Any]] = warehouse.query(
        """
        SELECT currency, count(*) AS lines,
               CAST(min(transaction_timestamp) AS DATE) AS first_day,
               CAST(max(transaction_timestamp) AS DATE) AS last_day
        FROM core.fact_transactions WHERE conversion_status = 'no_rate' GROUP BY currency ORDER BY currency
        """
    ).to_pylist()
    found = [_without_rate(row) for row in missing]
    if found:
        run_id = os.environ.get("WORKBENCH_RUN_ID")
        warehouse.run(lambda session: alerts.put(session, found, run_id), repeatable=True)
    return sum(int(row["lines"]) for row in missing)


def _without_rate(row: dict[str, Any]) -> Alert:
    currency = row["currency"]
    message = (
        f"{row['lines']} lines in {currency} from {row['first_day']} to {row['last_day']} "
        "have no exchange rate within 7 days; they are kept without a converted amount. Load the dataset "
        "exchange_rates, or report in that currency (WORKBENCH_REPORTING_CURRENCY)"
    )
    return Alert("no_rate", "warning", currency, message, finding=(currency, message))
