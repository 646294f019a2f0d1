"""What landed is taken in the same way on either engine, so each test of that runs on both."""

from __future__ import annotations

import pytest

from workbench.warehouse import Warehouse


@pytest.fixture
def warehouse(either: Warehouse) -> Warehouse:
    """An empty warehouse, on the one engine and on the other."""
    return either
