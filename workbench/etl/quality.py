"""Keep what the checks of a transformation found: ``ops.quality_results``."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pandas as pd

from workbench.transform import TransformResult
from workbench.warehouse import Warehouse


def store_checks(warehouse: Warehouse, result: TransformResult, run_id: str | None = None) -> int:
    """Append one row for each test of the transformation; return how many.

    The run is ``WORKBENCH_RUN_ID``, or ``by-hand`` in a notebook that nobody scheduled.
    """
    run_id = run_id or os.environ.get("WORKBENCH_RUN_ID") or "by-hand"
    now = datetime.now(UTC).replace(tzinfo=None)
    rows = [
        {
            "run_id": run_id,
            "check_name": test.name,
            "table_name": test.table,
            "status": test.status if test.status in ("pass", "warn", "fail") else "error",
            "failures": test.failures,
            "message": test.message or None,
            "checked_at": now,
        }
        for test in result.tests
    ]
    return warehouse.append("ops.quality_results", pd.DataFrame(rows)) if rows else 0


def quarantine_reasons(warehouse: Warehouse) -> pd.DataFrame:
    """Count quarantined rows by dataset and reason; a row with two reasons counts under both."""
    found = warehouse.query(
        "SELECT dataset, reasons, count(*) AS rows FROM ops.quarantine GROUP BY dataset, reasons"
    ).to_pylist()
    counts: dict[tuple[str, str], int] = {}
    for row in found:
        for reason in row["reasons"]:
            key = (row["dataset"], reason)
            counts[key] = counts.get(key, 0) + int(row["rows"])
    rows = sorted(((*key, count) for key, count in counts.items()), key=lambda row: (-row[2], row[:2]))
    return pd.DataFrame(rows, columns=["dataset", "reason", "rows"])


def ledger(warehouse: Warehouse) -> pd.DataFrame:
    """Sum the ledger by dataset; ``balanced`` proves that every landed row is accounted for."""
    return warehouse.frame(
        """
        SELECT dataset, count(*) AS files, CAST(sum(rows_landed) AS BIGINT) AS landed,
               CAST(sum(rows_accepted) AS BIGINT) AS accepted, CAST(sum(rows_quarantined) AS BIGINT) AS quarantined,
               CAST(sum(rows_duplicate) AS BIGINT) AS duplicates,
               bool_and(rows_landed = rows_accepted + rows_quarantined) AS balanced
        FROM ops.batches GROUP BY dataset ORDER BY landed DESC
        """
    )
