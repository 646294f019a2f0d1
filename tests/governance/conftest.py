"""What is written about the data is the same on either engine, so each test of it runs on both."""

from __future__ import annotations

import pytest

from workbench.warehouse import Warehouse


@pytest.fixture
def warehouse(either: Warehouse) -> Warehouse:
    """An empty warehouse, on DuckDB and on Redshift."""
    return either
