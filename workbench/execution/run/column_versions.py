"""Versions of columns of raw tables: another one as soon as a value came that wasn't there, or a key that was.

Rows of raw are not changed, so values only come, as long as no batch is withdrawn. A key that repeats counts, for of its rows the last one is read. What
was found is kept in ``ops.column_versions``, so that each row is looked at once, whatever the length of its table's past.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from workbench.execution.pipeline.graph import table_of
from workbench.schema import TABLES, quote
from workbench.warehouse.access import infrastructure

if TYPE_CHECKING:
    from workbench.warehouse import Session, Warehouse

_NO_ROWS = "no rows"
_COLUMNS = "column_name, since, seen_until, rows_seen, changes"


@infrastructure()
def column_versions(
    warehouse: Warehouse, names: Collection[str], counts: Mapping[str, int]
) -> dict[str, str]:
    """Return the present version of each column, ``schema.table.column``.

    Args:
        warehouse: with the tables.
        names: columns of tables with a time of ingestion, which only grow.
        counts: rows of their tables, by name.
    """
    if not names:
        return {}
    tables = sorted({table_of(name) for name in names})
    newest = {
        row["name"]: row["newest"]
        for row in warehouse.rows(
            " UNION ALL ".join(
                f"SELECT '{name}' AS name, max(_ingested_at) AS newest FROM {name}" for name in tables
            )
        )
    }
    kept = {row["column_name"]: row for row in warehouse.rows(f"SELECT {_COLUMNS} FROM ops.column_versions")}
    known = {
        name
        for name, row in kept.items()
        if (row["rows_seen"], row["seen_until"]) == (counts.get(table_of(name)), newest.get(table_of(name)))
    }
    found = {name: _version(kept[name]["since"], kept[name]["changes"]) for name in names if name in known}
    found |= {name: _NO_ROWS for name in names if not newest[table_of(name)]}
    for name in sorted(set(names) - found.keys()):
        found[name] = warehouse.run(partial(_look, name=name), repeatable=True)
    return found


def _look(session: Session, *, name: str) -> str:
    """Look at the rows that came since the last look, and keep what was found."""
    column, table = quote(name.rpartition(".")[2]), TABLES[table_of(name)]
    kept = session.execute(
        f"SELECT {_COLUMNS} FROM ops.column_versions WHERE column_name = ?", [name]
    ).fetchall()
    ((rows, newest),) = session.execute(
        f"SELECT count(*), max(_ingested_at) FROM {table.full_name}"
    ).fetchall()
    if newest is None:
        return _NO_ROWS
    since, changes = datetime.now(UTC).replace(tzinfo=None), 0
    if kept:
        _, first, until, rows_seen, earlier = kept[0]
        news, is_change = _news(session, table.full_name, column, tuple(map(quote, table.key)), until)
        # Rows that were seen and are gone again: nobody knows what they stood for.
        if rows - news == rows_seen:
            since, changes = first, earlier + is_change
    session.execute("DELETE FROM ops.column_versions WHERE column_name = ?", [name])
    session.execute(
        f"INSERT INTO ops.column_versions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)",
        [name, since, newest, rows, changes],
    )
    return _version(since, changes)


def _news(
    session: Session, table: str, column: str, keys: tuple[str, ...], until: datetime
) -> tuple[int, bool]:
    """Return how many rows are new, and whether one has a value that none had before, or a key that one had."""
    key = ", ".join(keys)
    same = " AND ".join(f"old.{name} = new.{name}" for name in keys)
    ((news, values, known_values, distinct, known_keys),) = session.execute(
        f"""
        SELECT
            (SELECT count(*) FROM {table} WHERE _ingested_at > ?),
            (SELECT count(DISTINCT {column}) FROM {table} WHERE _ingested_at > ?),
            (SELECT count(*) FROM (SELECT DISTINCT {column} FROM {table} WHERE _ingested_at > ?) AS new
             WHERE {column} IN (SELECT {column} FROM {table} WHERE _ingested_at <= ?)),
            (SELECT count(*) FROM (SELECT DISTINCT {key} FROM {table} WHERE _ingested_at > ?) AS new),
            (SELECT count(*) FROM (SELECT DISTINCT {key} FROM {table} WHERE _ingested_at > ?) AS new
             WHERE EXISTS (SELECT 1 FROM {table} AS old WHERE old._ingested_at <= ? AND {same}))
        """,
        [until] * 7,
    ).fetchall()
    return news, values > known_values or known_keys > 0 or distinct < news


def _version(since: datetime, changes: int) -> str:
    return f"{changes} changes since {since}"
