"""The embedded engine: DuckDB in one file, which one process at a time may write."""

from __future__ import annotations

from workbench.warehouse.duckdb.engine import DuckDBWarehouse
from workbench.warehouse.duckdb.reader import DuckDBReader

__all__ = ["DuckDBReader", "DuckDBWarehouse"]
