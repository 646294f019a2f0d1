"""A table that a pipeline fills is asked for by its name, and is no good if it is empty against all that landed."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from workbench.errors import UsageError, WorkFailed
from workbench.governance.filled import require_filled
from workbench.schema import TABLES
from workbench.warehouse import Warehouse, connect

SALES = ("marts.retail_sales", "marts.sales_daily")
NOW = dt.datetime(2024, 2, 29)
BATCH = {
    **dict.fromkeys(TABLES["ops.batches"].column_names),
    "batch_id": "b", "dataset": "transactions", "uri": "x", "rows_landed": 3, "rows_accepted": 2, "rows_quarantined": 1,
    "rows_duplicate": 0, "status": "loaded", "ingested_at": NOW,
}  # fmt: skip


def test_no_warehouse_is_made_by_who_only_reads() -> None:
    with pytest.raises(UsageError, match="make one with: workbench init"):
        connect()


def test_a_table_that_is_missing_is_named(warehouse: Warehouse) -> None:
    require_filled(warehouse, *SALES)
    warehouse.execute("DROP TABLE marts.sales_daily")
    try:
        with pytest.raises(
            UsageError, match=r"no table marts\.sales_daily in .*; make it with: workbench init"
        ):
            require_filled(warehouse, *SALES)
    finally:
        warehouse.initialize()


def test_a_table_that_should_have_rows_is_named(warehouse: Warehouse) -> None:
    warehouse.append("ops.batches", pd.DataFrame([{**BATCH, "dataset": "stores"}]))
    require_filled(warehouse, *SALES)
    warehouse.append("ops.batches", pd.DataFrame([{**BATCH, "batch_id": "c"}]))
    expected = r"marts\.retail_sales is empty, though 2 rows of transactions were taken in; .*run retail_etl"
    with pytest.raises(WorkFailed, match=expected):
        require_filled(warehouse, *SALES)
    warehouse.execute("UPDATE ops.batches SET withdrawn_at = ingested_at")
    require_filled(warehouse, *SALES)
