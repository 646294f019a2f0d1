"""What the checks of a transformation found, what was set aside and why, and what the ledger adds up to."""

from __future__ import annotations

import pandas as pd

from workbench.governance.accounts import check_builds
from workbench.governance.quality import CheckResult, record_checks
from workbench.governance.quarantine.rows import OPEN_ROWS
from workbench.schema import DATASETS
from workbench.transform import TransformResult
from workbench.warehouse import Warehouse
from workbench.warehouse.access import infrastructure, note_tables


def store_checks(warehouse: Warehouse, result: TransformResult, run_id: str | None = None) -> int:
    """Write one row for each test of the transformation to ``ops.quality_results``; return how many.

    The run is ``WORKBENCH_RUN_ID``, or ``by-hand`` in a notebook that nobody scheduled. The builds of the tables that were
    filled are held to one another, too.

    Raises:
        WorkFailed: the rows of a table aren't what its builds make them.
    """
    checks = [
        CheckResult(
            check_name=test.name,
            table_name=test.table,
            status="error" if test.status == "skipped" else test.status,
            failures=test.failures,
            message=test.message or None,
        )
        for test in result.tests
    ]
    stored = record_checks(warehouse, checks, run_id)
    check_builds(warehouse, [model.table for model in result.models if model.filled], run_id)
    return stored


def quarantine_reasons(warehouse: Warehouse) -> pd.DataFrame:
    """Count the open rows in quarantine by dataset and reason; a row with two reasons counts under both."""
    found = warehouse.query(
        f"SELECT dataset, reasons, count(*) AS rows FROM ({OPEN_ROWS}) AS open_rows GROUP BY dataset, reasons"
    ).to_pylist()
    counts: dict[tuple[str, str], int] = {}
    for row in found:
        for reason in row["reasons"]:
            key = (row["dataset"], reason)
            counts[key] = counts.get(key, 0) + int(row["rows"])
    rows = sorted(((*key, count) for key, count in counts.items()), key=lambda row: (-row[2], row[:2]))
    return pd.DataFrame(rows, columns=["dataset", "reason", "rows"])


def ledger(warehouse: Warehouse) -> pd.DataFrame:
    """Sum the ledger by dataset, beside the rows in raw; ``balanced`` proves that every landed row is accounted for."""
    raw = " UNION ALL ".join(
        f"SELECT '{name}' AS dataset, count(*) AS n FROM {table.full_name}"
        for name, table in DATASETS.items()
    )
    sql = f"""
        SELECT ledger.dataset, files, landed, quarantined, accepted, withdrawn,
               coalesce(raw.n, 0) AS raw, duplicates, balanced AND accepted = coalesce(raw.n, 0) + withdrawn AS balanced
        FROM (
            SELECT dataset, count(*) AS files, CAST(sum(rows_landed) AS BIGINT) AS landed,
                   CAST(sum(rows_quarantined) AS BIGINT) AS quarantined, CAST(sum(rows_accepted) AS BIGINT) AS accepted,
                   CAST(sum(coalesce(rows_withdrawn, 0)) AS BIGINT) AS withdrawn,
                   CAST(sum(rows_duplicate) AS BIGINT) AS duplicates,
                   bool_and(rows_landed = rows_accepted + rows_quarantined) AS balanced
            FROM ops.batches GROUP BY dataset
        ) AS ledger LEFT JOIN ({raw}) AS raw ON raw.dataset = ledger.dataset ORDER BY landed DESC
        """
    # Raw is counted for the account alone: what a page says of the ledger is no more raw's.
    note_tables(reads=["ops.batches"])
    with infrastructure():
        return warehouse.frame(sql)
