"""DDL for each engine, derived from the declarations."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from workbench.schema.model import SCHEMAS, Column, Table

Dialect = Literal["duckdb", "redshift"]


@dataclass(frozen=True)
class _Engine:
    """What engines say differently: types, and whether a table has a layout (and a backslash escapes in a string)."""

    types: dict[str, str]
    is_cluster: bool


_ENGINES: dict[Dialect, _Engine] = {
    "duckdb": _Engine(
        {
            "text": "VARCHAR", "integer": "INTEGER", "bigint": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN",
            "date": "DATE", "timestamp": "TIMESTAMP", "json": "JSON", "codes": "VARCHAR[]",
            "decimal": "DECIMAL({},{})",
        },
        is_cluster=False,
    ),
    "redshift": _Engine(
        {
            "text": "VARCHAR({})", "integer": "INTEGER", "bigint": "BIGINT", "double": "DOUBLE PRECISION",
            "boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP", "json": "VARCHAR(65535)",
            # A list is kept as its JSON text: SUPER can't be loaded from a plain CSV or compared with equality.
            "codes": "VARCHAR(65535)", "decimal": "DECIMAL({},{})",
        },
        is_cluster=True,
    ),
}  # fmt: skip

_ENCODINGS: dict[str, str] = {
    **dict.fromkeys(("integer", "bigint", "decimal", "date", "timestamp"), "AZ64"),
    **dict.fromkeys(("text", "json", "codes", "boolean", "double"), "ZSTD"),
}


def quote(identifier: str) -> str:
    """Return the identifier in double quotes, safe in any statement."""
    return '"' + identifier.replace('"', '""') + '"'


def sql_type(column: Column, dialect: Dialect = "duckdb") -> str:
    """Return the column's type in the engine's words."""
    return _ENGINES[dialect].types[column.kind].format(*column.size)


def encoding(table: Table, column: Column) -> str:
    """Return how Redshift compresses a column: AZ64 what it takes (numbers and times), ZSTD the rest.

    The first column of the sort key stays raw: compressed, one block of it would stand for so many rows that a range
    of it would read far more blocks of the other columns than it needs.
    """
    if table.sort and column.name == table.sort[0]:
        return "RAW"
    return _ENCODINGS[column.kind]


def define(table: Table, column: Column, dialect: Dialect = "duckdb") -> str:
    """Return a column's definition in CREATE TABLE or ADD COLUMN."""
    required = "" if column.nullable else " NOT NULL"
    encode = f" ENCODE {encoding(table, column)}" if _ENGINES[dialect].is_cluster else ""
    return f"{quote(column.name)} {sql_type(column, dialect)}{required}{encode}"


def comment_on(kind: Literal["TABLE", "COLUMN", "VIEW"], name: str, text: str, dialect: Dialect) -> str:
    """Return the statement that comments on something; ``name`` is its full one in SQL."""
    if _ENGINES[dialect].is_cluster:
        text = text.replace("\\", "\\\\")
    written = text.replace("'", "''")
    return f"COMMENT ON {kind} {name} IS '{written}'"


def distribution(dist: str) -> str:
    """Return what follows DISTSTYLE for ``all``, ``even`` or the name of a column to distribute by."""
    return dist.upper() if dist in ("all", "even") else f"KEY DISTKEY ({quote(dist)})"


def create_schemas() -> list[str]:
    """Return the statements that make the schemas."""
    return [f"CREATE SCHEMA IF NOT EXISTS {schema}" for schema in SCHEMAS]


def view_mark(table: Table) -> str:
    """Return the comment of a view: what it is, and by which declaration it was made."""
    return f"{table.comment} [{hashlib.sha256(table.view.encode()).hexdigest()[:12]}]"


def create_table(table: Table, dialect: Dialect = "duckdb") -> list[str]:
    """Return the statements that make one table with its comments, if it isn't there, or one view."""
    if table.view:
        # A view that binds late lets the tables under it be made anew.
        late = " WITH NO SCHEMA BINDING" if _ENGINES[dialect].is_cluster else ""
        return [
            f"CREATE OR REPLACE VIEW {table.full_name} AS {table.view.strip()}{late}",
            comment_on("VIEW", table.full_name, view_mark(table), dialect),
        ]
    lines = [f"    {define(table, column, dialect)}" for column in table.columns]
    statement = f"CREATE TABLE IF NOT EXISTS {table.full_name} (\n" + ",\n".join(lines) + "\n)"
    if _ENGINES[dialect].is_cluster:
        statement += f"\nDISTSTYLE {distribution(table.dist)}"
        if table.sort:
            statement += f"\nCOMPOUND SORTKEY ({', '.join(map(quote, table.sort))})"
    comments = [comment_on("TABLE", table.full_name, table.comment, dialect)]
    comments += [
        comment_on("COLUMN", f"{table.full_name}.{quote(column.name)}", column.comment, dialect)
        for column in table.columns
    ]
    return [statement, *comments]


def count_rows(tables: Iterable[Table]) -> str:
    """Return a query for the number of rows of each table: ``name``, ``rows``."""
    return " UNION ALL ".join(
        f"SELECT '{table.full_name}' AS name, count(*) AS rows FROM {table.rows_of or table.full_name}"
        for table in tables
    )
