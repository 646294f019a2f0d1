"""Fixtures shared by the tests of the warehouse."""

from __future__ import annotations

import pytest

from tests.warehouse.replica import FACT
from workbench.warehouse.duckdb import DuckDBWarehouse


@pytest.fixture
def filled(warehouse: DuckDBWarehouse) -> DuckDBWarehouse:
    """A warehouse with some rows, which readers have."""
    warehouse.execute("INSERT INTO core.dim_time SELECT n, 0, n, 'old' FROM range(60) AS minutes(n)")
    warehouse.execute(FACT.format(0, 900))
    warehouse.execute("INSERT INTO raw.stores (store_id, name, updated_at, _batch_id, _row_number, _ingested_at) "
                      "VALUES ('s', 'secret', now()::TIMESTAMP, 'b', 1, now()::TIMESTAMP)")  # fmt: skip
    assert warehouse.publish()
    return warehouse
