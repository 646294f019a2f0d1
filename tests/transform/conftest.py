"""One built warehouse for all tests that only read: a build takes seconds, a query none."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.transform.feed import land_everything
from workbench import transform
from workbench.settings import Settings
from workbench.transform.compiled import Project
from workbench.warehouse import Warehouse, connect


@dataclass(frozen=True)
class Built:
    """A warehouse after its build, and what the build said."""

    home: Path
    warehouse: Warehouse
    result: transform.TransformResult

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return [tuple(row.values()) for row in self.warehouse.query(sql).to_pylist()]

    def row(self, sql: str) -> tuple[Any, ...]:
        """Return the only row of a query."""
        (row,) = self.rows(sql)
        return row

    def compiled(self, model: str) -> str:
        """Return the statement that dbt made of a model."""
        nodes, _ = Project(Settings(home=self.home), self.warehouse).statements()
        (sql,) = [node.sql for node in nodes if node.name == model]
        return sql


def _build(home: Path, *, feed: bool) -> Built:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(home))
        for name in ("WORKBENCH_WAREHOUSE_URL", "WORKBENCH_REPORTING_CURRENCY"):
            patch.delenv(name, raising=False)
        warehouse = connect(create=True)
        if feed:
            land_everything(warehouse)
        return Built(home, warehouse, transform.build())


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The feed, built once. Tests don't write to it."""
    return _build(tmp_path_factory.mktemp("built"), feed=True)


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A warehouse in which nothing has landed, built once. Tests don't write to it."""
    return _build(tmp_path_factory.mktemp("empty"), feed=False)


@pytest.fixture
def copy(built: Built, home: Path) -> Warehouse:
    """The built feed in this test's own home, to be changed."""
    shutil.copytree(built.home, home)
    return connect()


def content(warehouse: Warehouse) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of all tables that dbt fills."""
    return {
        table.full_name: sorted(
            (tuple(row.values()) for row in warehouse.query(f"SELECT * FROM {table.full_name}").to_pylist()),
            key=repr,
        )
        for table in transform.MODELS.values()
    }
