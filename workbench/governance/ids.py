"""Rows that people name by how their id begins."""

from __future__ import annotations

from typing import Any

from workbench.errors import UsageError, unknown
from workbench.warehouse import Warehouse

SHORT = 12
"""Characters of an id that people are shown."""

_LISTED = 10


def row_named(
    warehouse: Warehouse, table: str, key: str, columns: str, beginning: str, *, kind: str, newest: str
) -> dict[str, Any]:
    """Return the row whose id begins so.

    Args:
        warehouse: where it is.
        table: full name of the table.
        key: column of the id.
        columns: columns to return, with commas between.
        beginning: how the id begins.
        kind: what a row is called in messages.
        newest: column of the time by which the newest rows are offered.

    Raises:
        UsageError: there is none, or several.
    """
    rows = warehouse.rows(
        f"SELECT {columns} FROM {table} WHERE substring({key}, 1, ?) = ? ORDER BY {newest} DESC LIMIT {_LISTED}",
        [len(beginning), beginning],
    )
    if len(rows) == 1 and beginning:
        return rows[0]
    if not rows or not beginning:
        known = warehouse.rows(f"SELECT {key} AS id FROM {table} ORDER BY {newest} DESC LIMIT {_LISTED}")
        raise unknown(kind, beginning, [row["id"][:SHORT] for row in known])
    several = table.partition(".")[2]
    ids = ", ".join(row[key][:SHORT] for row in rows)
    raise UsageError(f"{len(rows)} {several} begin with {beginning!r}: {ids}; give more of the id")
