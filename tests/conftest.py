"""Fixtures shared by all tests: each test has a home, and so a warehouse, of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.settings import Settings, get_settings
from workbench.warehouse import Warehouse, connect


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A clean WORKBENCH_HOME."""
    folder = tmp_path / "home"
    monkeypatch.setenv("WORKBENCH_HOME", str(folder))
    for name in ("WORKBENCH_WAREHOUSE_URL", "WORKBENCH_LANDING_URI", "WORKBENCH_REPORTING_CURRENCY"):
        monkeypatch.delenv(name, raising=False)
    yield folder


@pytest.fixture
def settings(home: Path) -> Settings:
    """The settings of this test."""
    return get_settings()


@pytest.fixture
def warehouse(home: Path) -> Warehouse:
    """An empty warehouse with every declared table."""
    return connect(create=True)
