"""Rows that repeat others exactly."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import duckdb

from workbench.etl.ingestion.shaping import ours
from workbench.schema import DATASETS, EXTRA, Table, quote

_FEW = 50
"""Values that are looked for one by one in a table's statistics; of more only the least and the greatest are."""


def batch_rows(table: Table, timestamp: datetime) -> str:
    """Return SQL for the rows of one batch; by its time, which is its own, DuckDB skips all others."""
    return f"(SELECT * FROM {table.full_name} WHERE _ingested_at = TIMESTAMP '{timestamp}')"


def count_duplicates(connection: duckdb.DuckDBPyConnection, dataset: str, timestamp: datetime) -> int:
    """Return how many rows of the batch of a moment repeat exactly a row of it, or of a batch before."""
    table = DATASETS[dataset]
    batch = batch_rows(table, timestamp)
    names = [column.name for column in ours(table)] + [EXTRA]
    columns = ", ".join(map(quote, names))
    key = ", ".join(map(quote, table.key))
    hashes, twice, repeated = _keys(connection, table, timestamp)
    keys = " AND ".join(f"r.{quote(name)} = c.{quote(name)}" for name in table.key)
    same = " AND ".join(f"r.{quote(name)} IS NOT DISTINCT FROM c.{quote(name)}" for name in names)
    before = f"(SELECT * FROM {table.full_name} WHERE _ingested_at < TIMESTAMP '{timestamp}')"
    # Only rows whose key occurs twice, or is in raw, can be repeats; only those are compared whole.
    repeats = known = 0
    if repeated:
        repeats = _count(
            connection,
            f"""
            WITH candidates AS (SELECT {columns} FROM {batch} WHERE _row_number IN (SELECT n FROM {twice}))
            SELECT (SELECT count(*) FROM candidates) - (SELECT count(*) FROM (SELECT DISTINCT * FROM candidates))
            """,
        )
    # Hashes are worked out of every row, so rows that can't be meant are told by the statistics of a table's parts first.
    near, values = _near(connection, quote(table.key[0]), batch)
    met = f"{near} AND hash({key}) IN (SELECT h FROM {hashes})"
    if _count(connection, f"SELECT count(*) FROM {before} WHERE {met}", values):
        known = _count(
            connection,
            f"""
            SELECT count(*) FROM (
                SELECT DISTINCT {columns} FROM {batch} c WHERE EXISTS (SELECT 1 FROM {before} r WHERE {keys})
            ) c WHERE EXISTS (SELECT 1 FROM {before} r WHERE {keys} AND {same})
            """,
        )
    for name in (hashes, twice):
        connection.execute(f"DROP TABLE {name}")
    return repeats + known


def contradictions(connection: duckdb.DuckDBPyConnection, table: Table, timestamp: datetime) -> int:
    """Return how many keys several rows of the batch of a moment have that differ."""
    batch = batch_rows(table, timestamp)
    key = ", ".join(map(quote, table.key))
    columns = ", ".join(quote(name) for name in [*(column.name for column in ours(table)), EXTRA])
    _, twice, repeated = _keys(connection, table, timestamp)
    if not repeated:
        return 0
    return _count(
        connection,
        f"SELECT count(*) FROM (SELECT {key} FROM (SELECT DISTINCT {columns} FROM {batch} "
        f"WHERE _row_number IN (SELECT n FROM {twice})) GROUP BY {key} HAVING count(*) > 1)",
    )


def _keys(connection: duckdb.DuckDBPyConnection, table: Table, timestamp: datetime) -> tuple[str, str, int]:
    """Return the names of two temporary tables, made once a batch, and how many rows the second has.

    They hold the hashes of its keys, and the rows of those that repeat: the first has ``h`` and ``n``, the number of the
    row, the second ``n``. Rows may be taken out of the batch since.
    """
    hashes, twice = (f"{name}_{timestamp:%Y%m%d%H%M%S%f}" for name in ("hashes", "twice"))
    key = ", ".join(map(quote, table.key))
    connection.execute(
        f"CREATE TEMP TABLE IF NOT EXISTS {hashes} AS SELECT hash({key}) AS h, _row_number AS n "
        f"FROM {batch_rows(table, timestamp)}"
    )
    connection.execute(
        f"CREATE TEMP TABLE IF NOT EXISTS {twice} AS SELECT n FROM {hashes} "
        f"WHERE h IN (SELECT h FROM {hashes} GROUP BY h HAVING count(*) > 1)"
    )
    return hashes, twice, _count(connection, f"SELECT count(*) FROM {twice}")


def _near(connection: duckdb.DuckDBPyConnection, name: str, batch: str) -> tuple[str, list[Any]]:
    """Return SQL, and its values, that a column meets wherever it has a value of a batch; which the statistics can tell."""
    few = connection.execute(f"SELECT DISTINCT {name} FROM {batch} LIMIT {_FEW + 1}").fetchall()
    if len(few) <= _FEW:
        # As values, not as a query: whether that is looked up in the statistics depends on how a plan turns out.
        return f"{name} IN ({', '.join('?' for _ in few) or 'NULL'})", [value for (value,) in few]
    ends = connection.execute(f"SELECT min({name}), max({name}) FROM {batch}").fetchone()
    return f"{name} BETWEEN ? AND ?", list(ends or ())


def _count(connection: duckdb.DuckDBPyConnection, sql: str, values: Sequence[Any] = ()) -> int:
    (found,) = connection.execute(sql, values).fetchone() or (0,)
    return int(found)
