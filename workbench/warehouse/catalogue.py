"""Which tables and views there are in a warehouse, ours and others'."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow


def listing(relation: str) -> str:
    """Return the query for all columns, from a relation in the form of ``information_schema.columns``."""
    return (
        f"SELECT table_schema, table_name, column_name, data_type FROM {relation} "
        "WHERE table_schema NOT IN ('information_schema', 'pg_catalog') ORDER BY ordinal_position"
    )


def by_table(rows: pyarrow.Table) -> dict[str, dict[str, str]]:
    """Return the columns of each table with their types, from the rows of :func:`listing`."""
    tables: dict[str, dict[str, str]] = {}
    for row in rows.to_pylist():
        full = f"{row['table_schema']}.{row['table_name']}"
        tables.setdefault(full, {})[str(row["column_name"])] = str(row["data_type"]).upper()
    return tables
