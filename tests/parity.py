"""Compare what two warehouses hold, row by row."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import duckdb

from workbench.schema import Table, quote
from workbench.warehouse import Warehouse

TOLERANCE = 1e-9
"""How far two floats may be apart, relative to the larger of both or to one."""


def differences(table: Table, left: Warehouse, right: Warehouse, ignored: Collection[str] = ()) -> list[str]:
    """Return how a table differs, in words; nothing if both hold the same rows.

    Rows are told by the table's key and compared in every column that isn't ignored; only floats have a tolerance.
    """
    names = [column.name for column in table.columns]
    # Raw keeps repeats of its key.
    identity = ("_batch_id", "_row_number") if table.schema == "raw" else table.key
    sql = f"SELECT {', '.join(map(quote, names))} FROM {table.full_name}"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, warehouse in (("l", left), ("r", right)):
            connection.register("rows", warehouse.query(sql))
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM rows")
            connection.unregister("rows")
        found = [
            _distinct(connection, identity, name, side) for name, side in (("l", "left"), ("r", "right"))
        ]
        key = " AND ".join(f"l.{quote(name)} IS NOT DISTINCT FROM r.{quote(name)}" for name in identity)
        for name, other, side in (("l", "r", "left"), ("r", "l", "right")):
            where = key.replace("l.", "\0").replace("r.", "l.").replace("\0", "r.") if name == "r" else key
            missing = f"FROM {name} WHERE NOT EXISTS (SELECT 1 FROM {other} WHERE {where})"
            found.append(
                _told(connection, f"SELECT {', '.join(map(quote, identity))} {missing}", f"only {side}")
            )
        for column in table.columns:
            if column.name in ignored:
                continue
            mine, theirs = f"l.{quote(column.name)}", f"r.{quote(column.name)}"
            differ = f"{mine} IS DISTINCT FROM {theirs}"
            if column.kind == "double":
                near = f"abs({mine} - {theirs}) <= {TOLERANCE} * greatest(1, abs({mine}), abs({theirs}))"
                differ += f" AND NOT coalesce({near}, false)"
            keys = ", ".join(f"l.{quote(name)}" for name in identity)
            found.append(
                _told(
                    connection,
                    f"SELECT {keys}, {mine}, {theirs} FROM l JOIN r ON {key} WHERE {differ}",
                    column.name,
                )
            )
    return [f"{table.full_name}: {each}" for each in found if each]


def _distinct(connection: duckdb.DuckDBPyConnection, identity: Sequence[str], name: str, side: str) -> str:
    keys = ", ".join(map(quote, identity))
    return _told(
        connection, f"SELECT {keys} FROM {name} GROUP BY {keys} HAVING count(*) > 1", f"twice {side}"
    )


def _told(connection: duckdb.DuckDBPyConnection, sql: str, what: str) -> str:
    rows = connection.execute(sql).fetchall()
    return f"{what}: {len(rows)} rows, such as {rows[0]}" if rows else ""
