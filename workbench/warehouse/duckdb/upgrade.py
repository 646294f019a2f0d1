"""The statements that make a DuckDB file as declared, from nothing or from an earlier version."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from workbench.schema import TABLES, Table, create_schemas, create_table, quote, sql_type, view_mark
from workbench.warehouse.upgrade import Difference, Found, compare


def columns(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Found]]:
    """Return the columns of each table that is there; a view in a table's place has none that could be upgraded."""
    found: dict[str, dict[str, Found]] = {
        f"{schema}.{name}": {}
        for schema, name in connection.execute("SELECT schema_name, view_name FROM duckdb_views()").fetchall()
    }
    for schema, name, column, kind, nullable in connection.execute(
        "SELECT schema_name, table_name, column_name, data_type, is_nullable FROM duckdb_columns() "
        "JOIN duckdb_tables() USING (table_oid, database_oid, schema_name, table_name) ORDER BY column_index"
    ).fetchall():
        found.setdefault(f"{schema}.{name}", {})[column] = Found(kind, nullable)
    return found


def statements(
    connection: duckdb.DuckDBPyConnection, present: Mapping[str, Mapping[str, Found]]
) -> list[str]:
    """Return what makes the warehouse as declared, given the columns of the tables that are there.

    Raises:
        UsageError: that would lose data.
    """

    def has(table: Table, condition: str) -> bool:
        found = connection.execute(f"SELECT 1 FROM {table.full_name} WHERE {condition} LIMIT 1")
        return bool(found.fetchall())

    tables = {name: table for name, table in TABLES.items() if not table.view}
    missing = [table for name, table in tables.items() if name not in present]
    wanted = create_schemas() if missing else []
    wanted += [statement for table in missing for statement in create_table(table, "duckdb")]
    for name, table in tables.items():
        if present.get(name):
            wanted += _upgrade(compare(table, present[name], "duckdb", has))
    # What a view was bound to may have another shape now.
    below = any(f" {schema}." in statement for statement in wanted for schema in ("core", "marts"))
    return wanted + _views(connection, present, always=below)


def _views(
    connection: duckdb.DuckDBPyConnection, present: Mapping[str, Mapping[str, Found]], *, always: bool
) -> list[str]:
    marks = {
        f"{schema}.{name}": mark
        for schema, name, mark in connection.execute(
            "SELECT schema_name, view_name, comment FROM duckdb_views() WHERE NOT internal"
        ).fetchall()
    }
    wanted: list[str] = []
    for name, table in TABLES.items():
        if not table.view or (not always and marks.get(name) == view_mark(table)):
            continue
        # It was a table once.
        wanted += [f"DROP TABLE {name}"] if present.get(name) else []
        wanted += create_table(table, "duckdb")
    return wanted


def _upgrade(difference: Difference) -> list[str]:
    """Return what makes a table as declared, on DuckDB."""
    table, name = difference.table, difference.table.full_name
    if difference.empty:
        return [f"DROP TABLE {name}", *create_table(table, "duckdb")]
    return [
        *(f"ALTER TABLE {name} ADD COLUMN {quote(column.name)} {sql_type(column)}" for column in difference.added),
        *(
            f"ALTER TABLE {name} ALTER COLUMN {quote(column.name)} TYPE {sql_type(column)}"
            for column in difference.retyped
        ),
        *(f"ALTER TABLE {name} ALTER COLUMN {quote(column.name)} SET NOT NULL" for column in difference.required),
        *(f"ALTER TABLE {name} ALTER COLUMN {quote(column.name)} DROP NOT NULL" for column in difference.optional),
        *(f"ALTER TABLE {name} DROP COLUMN {quote(column)}" for column in difference.dropped),
    ]  # fmt: skip
