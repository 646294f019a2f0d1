"""A project with declared sources, an API and a warehouse; what either engine must do alike asks for ``either``."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from tests.postgres import PASSWORD
from tests.sources.pulls.api import Api, serving
from workbench.etl.ingest import ingest
from workbench.etl.pull import places
from workbench.private import private_folder
from workbench.settings import get_settings
from workbench.sources.pulls.outcomes import Outcome
from workbench.sources.pulls.pulling import pull
from workbench.sources.pulls.reading import read_sources
from workbench.warehouse import Warehouse, connect


@pytest.fixture
def warehouse(home: Path, declared_tables: Path) -> Warehouse:
    """An empty warehouse on DuckDB."""
    private_folder(home)
    shutil.copy(declared_tables, home / "warehouse.duckdb")
    return connect()


@pytest.fixture
def api() -> Iterator[Api]:
    """An API on a port of its own."""
    with serving() as running:
        yield running


@dataclass
class Project:
    """A folder with a ``sources.yaml``, and the warehouse that its sources are pulled into."""

    folder: Path
    warehouse: Warehouse

    def declare(self, **sources: Any) -> None:
        """Declare sources by their names."""
        (self.folder / "sources.yaml").write_text(yaml.safe_dump({"sources": sources}, sort_keys=False))

    def pull(self, name: str, **options: Any) -> Outcome:
        """Pull from one."""
        return pull(read_sources(get_settings())[name], places(self.warehouse), **options)

    def landed(self) -> list[dict[str, Any]]:
        """The records of all files of JSON lines in landing, the ones that landed first first."""
        files = get_settings().landing.rglob("*.jsonl")
        # Two may have been written within one tick of the file system's clock; those that landed first have lower numbers.
        found = sorted((path.stat().st_mtime_ns, path.read_text()) for path in files)
        return [json.loads(line) for _, text in found for line in text.splitlines()]

    def ledger(
        self, columns: str = "status, rows_said, rows_read, rows_repeated, rows_landed"
    ) -> list[tuple[Any, ...]]:
        """What the ledger has of pulls, in order."""
        return [
            tuple(row.values())
            for row in self.warehouse.rows(f"SELECT {columns} FROM ops.pulls ORDER BY ended_at")
        ]

    def ingest(self) -> dict[str, int]:
        """Take in what landed, and return the counts."""
        return ingest(self.warehouse).counts


@pytest.fixture
def project(tmp_path: Path, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project without sources, over a warehouse on DuckDB."""
    return make_project(tmp_path, warehouse, monkeypatch)


def make_project(tmp_path: Path, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Make a project's folder, and have the settings name it."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.setenv("WORKBENCH_PROJECT", str(folder))
    return Project(folder, warehouse)


Make = Callable[..., Any]


def stores(first: int, last: int, day: str = "2026-01-02") -> list[dict[str, Any]]:
    """Records of stores, one a second, from one number to another."""
    return [
        {"store_id": f"S{n:03}", "updated_at": f"{day}T10:{n // 60:02}:{n % 60:02}Z", "name": f"store {n}"}
        for n in range(first, last + 1)
    ]


def rest(api: Api, path: str, **more: Any) -> dict[str, Any]:
    """The declaration of an API whose retries are quick; keys of the source itself are told from those of ``rest``."""
    own = {
        name: more.pop(name) for name in ("key", "cursor", "rows_a_file", "schedule", "map") if name in more
    }
    retry = {"first": "10ms", "longest": "50ms", **more.pop("retry", {})}
    return {
        "rest": {"url": f"{api.url}{path}", "retry": retry, **more}, "dataset": "stores", "key": ["store_id"], **own,
    }  # fmt: skip


@dataclass
class Till:
    """A database of somebody's, and how it is declared."""

    kind: str
    url: str
    run: Callable[[str], Any]

    def source(self, **more: Any) -> dict[str, Any]:
        """Declare its table of stores."""
        database = {"url": self.url, "table": "stores", "rows_at_once": 4, **more.pop("database", {})}
        if "query" in database:
            del database["table"]
        return {"database": database, "dataset": "stores", "key": ["store_id"], **more}


@pytest.fixture(params=["sqlite", "duckdb", "postgres"])
def till(request: pytest.FixtureRequest, project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Till]:
    """An empty table of stores, in each kind of database."""
    timestamp = "TEXT" if request.param == "sqlite" else "TIMESTAMP"
    table = f"CREATE TABLE stores (store_id VARCHAR(9), updated_at {timestamp}, name VARCHAR(99))"
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")
        monkeypatch.setenv("TILL_PASSWORD", PASSWORD)
        run = server.run
        run(f"DROP TABLE IF EXISTS stores, odd; {table}; GRANT SELECT ON stores TO reader;")
        url = f"postgresql+psycopg://reader:{{env:TILL_PASSWORD}}@/postgres?host={server.socket.parent}"
        yield Till("postgres", url, run)
        return
    path = project.folder / "till.db"

    def run_in_file(sql: str) -> Any:
        if request.param == "sqlite":
            with sqlite3.connect(path) as connection:
                found = connection.executescript(sql).fetchall()
            connection.close()
            return found
        with duckdb.connect(str(path)) as connection:
            return connection.execute(sql).fetchall()

    run_in_file(table)
    yield Till(request.param, f"{request.param}:///till.db", run_in_file)
