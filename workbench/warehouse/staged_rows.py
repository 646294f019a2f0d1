"""Rows made ready for DuckDB: as they are in memory, or few of them as dictionaries."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import duckdb

from workbench.schema import Table, quote
from workbench.warehouse.base import Records, Rows, Stream

_KINDS = {
    "bigint": "BIGINT",
    "integer": "INTEGER",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP",
}


@dataclass(frozen=True)
class FromMemory:
    """Rows that DuckDB takes from where they are."""

    table: Table
    frame: Rows

    @property
    def rows(self) -> int:
        """How many rows."""
        return len(self.frame)

    def load(self, session: Any) -> int:
        """Add the rows inside a transaction."""
        view = f"rows_{uuid4().hex}"
        session.register(view, self.frame)
        try:
            columns = ", ".join(map(quote, columns_in(self.table, self.frame)))
            session.execute(f"INSERT INTO {self.table.full_name} ({columns}) SELECT {columns} FROM {view}")
        finally:
            # After an error nothing but an end of the transaction is allowed, and the view ends with the connection.
            with suppress(duckdb.Error):
                session.unregister(view)
        return self.rows


@dataclass(frozen=True)
class FromRecords:
    """Rows that are dictionaries."""

    table: Table
    records: Records

    @property
    def rows(self) -> int:
        """How many rows."""
        return len(self.records)

    def load(self, session: Any) -> int:
        """Add the rows inside a transaction."""
        sql, parameters = select_records(self.table, self.records)
        columns = ", ".join(map(quote, self.table.column_names))
        session.execute(f"INSERT INTO {self.table.full_name} ({columns}) {sql}", parameters)
        return self.rows


def columns_in(table: Table, rows: Rows | Stream) -> tuple[str, ...]:
    """Return the columns of a table that rows are to have: one that may be empty needn't be there, and is NULL then.

    So whoever fills a table goes on when it gets another column. Where rows have a column of another name nothing may be
    missing, since that could be a slip of the pen.
    """
    names = set(getattr(rows, "columns", ()) if hasattr(rows, "iloc") else rows.schema.names)
    if not names <= set(table.column_names):
        return table.column_names
    return tuple(column.name for column in table.columns if column.name in names or not column.nullable)


def select_records(table: Table, records: Sequence[Mapping[str, Any]]) -> tuple[str, list[str]]:
    """Return a query of DuckDB's for records with the columns of a table, and its parameter; what isn't there is NULL.

    They go as JSON, which needs none of the libraries for tables of rows, whose import takes longer than a small run.

    Raises:
        KeyError: a record has something that is no column.
    """
    for name in {name for record in records for name in record}:
        table.column(name)
    shape = json.dumps([{column.name: _KINDS.get(column.kind, "VARCHAR") for column in table.columns}])
    columns = ", ".join(f"record.{quote(name)}" for name in table.column_names)
    sql = f"SELECT {columns} FROM (SELECT unnest(from_json(CAST(? AS JSON), '{shape}')) AS record) AS records"
    return sql, [json.dumps(list(records), default=str)]
