"""What readers get: the tables and views of core and marts, as the engine describes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import duckdb

from workbench.schema import PUBLISHED, quote

NEXT = "workbench_replica_next"
"""The name under which the next copy is attached."""

Execute: TypeAlias = Callable[..., duckdb.DuckDBPyConnection]

_DAY = "date_key"
_SCHEMAS = ", ".join(f"'{schema}'" for schema in PUBLISHED)


@dataclass(frozen=True)
class PublishedTable:
    """A table or a view; a fact is compared by its days."""

    name: str
    sql: str
    comments: tuple[str, ...]
    columns: tuple[str, ...] = ()
    is_by_day: bool = False

    @property
    def part(self) -> str:
        """SQL for the part that a row belongs to."""
        return quote(_DAY) if self.is_by_day else "0"

    @property
    def listed(self) -> str:
        """Its columns in SQL."""
        return ", ".join(map(quote, self.columns))

    @property
    def next(self) -> str:
        """The table in the next copy."""
        return f"{NEXT}.{self.name}"


def tables_of(execute: Execute, source: str) -> dict[str, PublishedTable]:
    """Return the tables of a database that readers get, by their names in SQL."""
    columns: dict[tuple[str, str], list[tuple[str, str | None, bool]]] = {}
    for schema, name, column, comment, is_day in _listed(
        execute,
        source,
        "duckdb_columns()",
        "table_name, column_name, comment, data_type = 'INTEGER' AND NOT is_nullable",
        "column_index",
    ):
        columns.setdefault((schema, name), []).append((column, comment, is_day))
    found = {}
    for schema, name, sql, comment in _listed(
        execute, source, "duckdb_tables()", "table_name, sql, comment", "table_name"
    ):
        full = f"{quote(schema)}.{quote(name)}"
        own = columns[schema, name]
        said = {f"TABLE {full}": comment, **{f"COLUMN {full}.{quote(c)}": text for c, text, _ in own}}
        found[full] = PublishedTable(
            full, sql, _comments(said), tuple(column for column, *_ in own),
            any(column == _DAY and is_day for column, _, is_day in own),
        )  # fmt: skip
    return found


def views_of(execute: Execute, source: str) -> list[PublishedTable]:
    """Return the views of a database that readers get, each after those that it may read."""
    return [
        PublishedTable(full := f"{quote(schema)}.{quote(name)}", sql, _comments({f"VIEW {full}": comment}))
        for schema, name, sql, comment in _listed(
            execute, source, "duckdb_views()", "view_name, sql, comment", "view_oid"
        )
    ]


def _listed(execute: Execute, source: str, relation: str, wanted: str, order: str) -> list[tuple[Any, ...]]:
    return execute(
        f"SELECT schema_name, {wanted} FROM {relation} WHERE database_name = ? AND schema_name IN ({_SCHEMAS}) "
        f"AND NOT internal ORDER BY schema_name, {order}",
        [source],
    ).fetchall()


def _comments(said: Mapping[str, str | None]) -> tuple[str, ...]:
    return tuple(
        "COMMENT ON {} IS '{}'".format(what, text.replace("'", "''")) for what, text in said.items() if text
    )
