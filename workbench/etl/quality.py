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
    return warehouse.frame(
        """
        SELECT dataset, reason, count(*) AS rows
        FROM (SELECT dataset, unnest(reasons) AS reason FROM ops.quarantine)
        GROUP BY dataset, reason ORDER BY rows DESC, dataset, reason
        """
    )


def ledger(warehouse: Warehouse) -> pd.DataFrame:
    """Sum the ledger by dataset; ``balanced`` proves that every landed row is accounted for."""
    return warehouse.frame(
        """
        SELECT dataset, count(*) AS files, sum(rows_landed)::BIGINT AS landed, sum(rows_accepted)::BIGINT AS accepted,
               sum(rows_quarantined)::BIGINT AS quarantined, sum(rows_duplicate)::BIGINT AS duplicates,
               bool_and(rows_landed = rows_accepted + rows_quarantined) AS balanced
        FROM ops.batches GROUP BY dataset ORDER BY landed DESC
        """
    )
