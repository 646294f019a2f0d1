"""A file judged whole, and in parts."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from workbench.etl.ingestion.check import judge_rows
from workbench.etl.ingestion.opened import open_file
from workbench.etl.ingestion.parts.divided import Plan, plan
from workbench.schema import DATASETS, create_table
from workbench.settings import get_settings
from workbench.sources.landing import FetchedFile, LandedFile
from workbench.sources.maps import Map

Rows = tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]
MOMENT = dt.datetime(2026, 1, 1)
_OUTCOME = "SELECT * EXCLUDE (_ingested_at) FROM {} ORDER BY _row_number"
_REFUSED = "SELECT n, record, reasons FROM {} ORDER BY n"


def landed(path: Path, mapping: Map | None = None, dataset: str = "transactions") -> FetchedFile:
    """A file as if it had landed."""
    about = LandedFile(path.name, str(path), dataset, path.stat().st_size, "", "", 0, 0)
    return FetchedFile(about, "b" * 64, path, mapping)


@contextmanager
def scratch(dataset: str = "transactions") -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """An empty database with the raw table, and a folder."""
    table = DATASETS[dataset]
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"CREATE SCHEMA {table.schema}")
        connection.execute(create_table(table, "duckdb")[0])
        connection.execute("CREATE TEMP TABLE refused (n BIGINT, record VARCHAR, reasons VARCHAR[])")
        yield connection, Path(folder)


def whole(file: FetchedFile) -> Rows:
    """The rows that are accepted and refused of a file that is judged whole."""
    with scratch(file.dataset) as (connection, folder):
        opened = open_file(connection, file, folder)
        assert opened.rows is not None
        judge_rows(connection, opened, opened.rows, MOMENT)
        table = opened.table.full_name
        accepted = connection.execute(_OUTCOME.format(table)).fetchall()
        return accepted, connection.execute(_REFUSED.format("refused")).fetchall()


def planned(file: FetchedFile, folder: Path, size: int) -> Plan | None:
    """How a file is judged in parts of a size in bytes."""
    with scratch(file.dataset) as (connection, place):
        found = plan(connection, file, place, get_settings())
    if found is None:
        return None
    out = Path(tempfile.mkdtemp(dir=folder))
    return Plan(found.request.model_copy(update={"size": size, "out": out}), found.rows)


def written(out: Path) -> Rows:
    """The rows that the parts of a file wrote to a folder."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        accepted = connection.execute(_OUTCOME.format(f"read_parquet('{out}/accepted/*.parquet')")).fetchall()
        if not list(out.glob("refused/*.parquet")):
            return accepted, []
        refused = connection.execute(_REFUSED.format(f"read_parquet('{out}/refused/*.parquet')")).fetchall()
        return accepted, refused
