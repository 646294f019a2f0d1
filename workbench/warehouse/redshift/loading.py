"""Rows into tables: in bulk as Parquet through S3 and COPY, a few by INSERT."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from workbench.errors import UsageError, WorkFailed, one_line
from workbench.schema import Column, Table, quote, sql_type
from workbench.schema import table as declared
from workbench.settings import get_settings
from workbench.warehouse.access import infrastructure, note_tables
from workbench.warehouse.base import Records, Rows, Session, Stream
from workbench.warehouse.redshift.staging import Prefix, Staging
from workbench.warehouse.staged_rows import columns_in, select_records

FEW = 250
"""Up to so many rows go by one INSERT, which is quicker than a file in S3 and a COPY; see benchmarks/redshift.py."""
MOST_WITHOUT_S3 = 100_000
_ROWS_A_STATEMENT = 250
_MOST_VALUES = 32_767
_FILE_SIZE = "64MB"
_CUT = " … (cut)"
_MAY_BE_CUT = 256
"""Bytes from which on a text of ``ops`` is told to people; a shorter one is a name by which rows are found."""


@dataclass(frozen=True)
class Inserts:
    """Rows for INSERT: the values of each, in the order of the table's columns."""

    table: Table
    values: list[tuple[Any, ...]]

    @property
    def rows(self) -> int:
        """How many rows."""
        return len(self.values)

    def load(self, session: Session) -> int:
        """Add the rows inside a transaction."""
        names = ", ".join(map(quote, self.table.column_names))
        width = len(self.table.columns)
        most = min(_ROWS_A_STATEMENT, _MOST_VALUES // width)
        if self.values:
            note_tables(writes=[self.table.full_name])
        # Thousands of marks say nothing more of it.
        with infrastructure():
            for start in range(0, len(self.values), most):
                some = self.values[start : start + most]
                marks = ", ".join(["(" + ", ".join("?" * width) + ")"] * len(some))
                session.execute(
                    f"INSERT INTO {self.table.full_name} ({names}) VALUES {marks}",
                    [value for row in some for value in row],
                )
        return len(self.values)


@dataclass(frozen=True)
class Files:
    """Rows in Parquet files under a prefix of S3, for COPY."""

    table: Table
    rows: int
    prefix: Prefix
    authorization: str

    def load(self, session: Session) -> int:
        """Add the rows inside a transaction; Redshift takes the files side by side."""
        if self.rows:
            names = ", ".join(map(quote, self.table.column_names))
            session.execute(
                f"COPY {self.table.full_name} ({names}) FROM '{self.prefix.uri}' {self.authorization} FORMAT AS PARQUET"
            )
        return self.rows


@contextmanager
def prepared(table: str, rows: Rows | Records | Stream, staging: Staging | None) -> Iterator[Inserts | Files]:
    """Make rows ready to be added to a declared table: as values if they are few, else as files in S3.

    Raises:
        UsageError: a column is missing or a value isn't of its column's type; or there are too many rows to do
            without S3, and no place there is set.
        WorkFailed: a text is longer than its column, or S3 doesn't take the files.
    """
    target = declared(table)
    rows = _peeked_at(rows)
    if not isinstance(rows, pa.RecordBatchReader) and not len(rows) and _has_columns(rows, target):
        # To start an engine for nothing would take longer than anything else.
        yield Inserts(target, [])
        return
    with tempfile.TemporaryDirectory(prefix="workbench-load-") as folder, duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET temp_directory = ?", [f"{folder}/temp"])
        connection.execute(f"SET memory_limit = '{get_settings().ingest_memory}MB'")
        try:
            if isinstance(rows, list):
                sql, parameters = select_records(target, rows)
                connection.execute(f"CREATE TEMP TABLE given AS {sql}", parameters)
            else:
                connection.register("given", rows)
            known = target.column_names if isinstance(rows, list) else columns_in(target, rows)
            connection.execute(f"CREATE TEMP TABLE shaped AS SELECT {_shaped(target, known)} FROM given")
            _hold_to_sizes(connection, target)
        except duckdb.Error as error:
            text = one_line(str(error), 300)
            raise UsageError(f"the rows don't fit {target.full_name}: {text}") from None
        if not isinstance(rows, list):
            connection.unregister("given")
        ((count,),) = connection.execute("SELECT count(*) FROM shaped").fetchall()
        if count <= FEW or (staging is None and count <= MOST_WITHOUT_S3):
            yield Inserts(target, connection.execute("SELECT * FROM shaped").fetchall())
            return
        if staging is None:
            raise UsageError(
                f"{count} rows for {target.full_name} go through S3: set WORKBENCH_REDSHIFT_S3 to s3://bucket/prefix"
            )
        with staging.prefix("load") as prefix:
            _to_files(connection, prefix, Path(folder) / "rows")
            yield Files(target, count, prefix, staging.authorization)


def _peeked_at(rows: Rows | Records | Stream) -> Rows | Records | Stream:
    """Return the rows, those of a stream that has none as a table."""
    if not isinstance(rows, pa.RecordBatchReader):
        return rows
    for batch in rows:
        if len(batch):
            return pa.RecordBatchReader.from_batches(rows.schema, chain([batch], rows))
    return rows.schema.empty_table()


def _has_columns(rows: Rows | Records, table: Table) -> bool:
    if isinstance(rows, pa.Table):
        return set(columns_in(table, rows)) <= set(rows.column_names)
    return isinstance(rows, list)


def _shaped(table: Table, known: Collection[str]) -> str:
    """Return the columns of a select that gives rows the types of the table, as Redshift knows them; NULL for others."""
    return ", ".join(
        f"{_typed(table, column, quote(column.name) if column.name in known else 'NULL')} AS {quote(column.name)}"
        for column in table.columns
    )


def _typed(table: Table, column: Column, name: str) -> str:
    match column.kind:
        case "codes":
            return f"CAST(to_json(CAST({name} AS VARCHAR[])) AS VARCHAR)"
        case "json":
            # A document can't be cut; in an account of a run one that is too long for Redshift gives way.
            text = f"CAST({name} AS VARCHAR)"
            return _unless_too_long(text) if table.schema == "ops" else text
        case "text" if (
            table.schema == "ops" and column.size[0] >= _MAY_BE_CUT and column.name not in table.key
        ):
            return _cut(f"CAST({name} AS VARCHAR)", column.size[0])
        case _:
            return f"CAST({name} AS {sql_type(column)})"


def _unless_too_long(text: str) -> str:
    return f"CASE WHEN strlen({text}) <= 65535 THEN {text} END"


def _cut(text: str, size: int) -> str:
    """Return SQL for a text that is cut if it has more bytes than fit; a character has at most four of them."""
    room = size - len(_CUT.encode())
    if room <= 0:
        return text
    most = f"CASE WHEN strlen({text}) = length({text}) THEN {room} ELSE {room // 4} END"
    return f"CASE WHEN strlen({text}) <= {size} THEN {text} ELSE left({text}, {most}) || '{_CUT}' END"


def _hold_to_sizes(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    sizes = {
        column.name: column.size[0] if column.kind == "text" else 65535
        for column in table.columns
        if column.kind in ("text", "json", "codes")
    }
    if not sizes:
        return
    (longest,) = connection.execute(
        f"SELECT {', '.join(f'max(strlen({quote(name)}))' for name in sizes)} FROM shaped"
    ).fetchall()
    for (name, size), found in zip(sizes.items(), longest, strict=True):
        if found is not None and found > size:
            raise WorkFailed(
                f"a value of {table.full_name}.{name} has {found} bytes, and the column holds {size}"
            )


def _to_files(connection: duckdb.DuckDBPyConnection, prefix: Prefix, folder: Path) -> None:
    target = str(folder).replace("'", "''")
    connection.execute(
        f"COPY shaped TO '{target}' (FORMAT parquet, COMPRESSION zstd, FILE_SIZE_BYTES '{_FILE_SIZE}')"
    )
    prefix.upload(sorted(folder.iterdir()))


def bound(values: Sequence[Any]) -> list[Any]:
    """Return parameters as the driver takes them: what Redshift keeps as JSON text is written so."""
    import json

    return [json.dumps(value) if isinstance(value, list | tuple | dict) else value for value in values]


__all__ = ["FEW", "Files", "Inserts", "bound", "prepared"]
