"""What a person should know of the sales facts: conversion, lines without a rate, sales by month."""

from __future__ import annotations

import os
from typing import Any

import pandas as pd

from workbench.etl import alerts
from workbench.warehouse import Warehouse


def conversion(warehouse: Warehouse) -> pd.DataFrame:
    """Count lines and sum amounts by currency and conversion status."""
    return warehouse.frame(
        """
        SELECT currency, conversion_status, count(*) AS lines, sum(net_amount)::DOUBLE AS net_amount,
               sum(net_amount_reporting)::DOUBLE AS net_amount_reporting, min(exchange_rate)::DOUBLE AS lowest_rate,
               max(exchange_rate)::DOUBLE AS highest_rate
        FROM core.fact_transactions GROUP BY ALL ORDER BY lines DESC
        """
    )


def alert_missing_rates(warehouse: Warehouse) -> int:
    """Raise one alert for each currency with lines that no rate could convert; return how many lines there are."""
    missing: list[dict[str, Any]] = warehouse.query(
        """
        SELECT currency, count(*) AS lines,
               min(transaction_timestamp)::DATE AS first, max(transaction_timestamp)::DATE AS last
        FROM core.fact_transactions WHERE conversion_status = 'no_rate' GROUP BY currency ORDER BY currency
        """
    ).to_pylist()
    if missing:
        with warehouse.transaction() as connection:
            for row in missing:
                alerts.put(
                    connection,
                    kind="no_rate",
                    subject=row["currency"],
                    severity="warning",
                    message=f"{row['lines']} lines in {row['currency']} from {row['first']} to {row['last']} "
                    "have no exchange rate within 7 days; they are kept without a converted amount. Load the dataset "
                    "exchange_rates, or report in that currency (WORKBENCH_REPORTING_CURRENCY)",
                    run_id=os.environ.get("WORKBENCH_RUN_ID"),
                )
    return sum(int(row["lines"]) for row in missing)
