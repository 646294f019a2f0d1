"""Read a table or a query in one statement, in the order of its cursor, and write its rows as Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from workbench.errors import UsageError, WorkFailed, unknown
from workbench.sources.pulls.database.connection import open_database
from workbench.sources.pulls.database.typed import table_of
from workbench.sources.pulls.declared import Cursor, Database
from workbench.sources.pulls.positions import Position
from workbench.sources.pulls.references import Revealed
from workbench.sources.pulls.rows import Chunk, Row, hashed


class DatabaseReader:
    """A :class:`~workbench.sources.pulls.rows.Reader` of a database.

    Raises:
        UsageError: there is no such database, or its driver is missing.
        WorkFailed: it can't be reached.
    """

    suffix = ".parquet"
    takes_times = False
    is_numbered = False
    is_steady = True

    def __init__(
        self, database: Database, cursor: Cursor | None, key: Sequence[str], folder: Path, revealed: Revealed
    ) -> None:
        self._database, self._cursor, self._key = database, cursor, key
        self._names: list[str] = []
        address = revealed.address(database.url)
        self._is_sqlite = address.startswith("sqlite")
        self._connection = open_database(address, folder, revealed)

    @property
    def is_ordered(self) -> bool:
        """Whether there is a cursor to order by."""
        return self._cursor is not None

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def position_of(self, text: str) -> Position:
        """Return a position that a person wrote, of the type that the database takes it for."""
        return Position.written(text) if self._is_sqlite else Position.typed(text)

    def position_kept(self, kept: Position) -> Position:
        """Return a position of the ledger, which has it as the database does."""
        return kept

    def read(self, since: Position | None, resume: Mapping[str, Any] | None) -> Iterator[Chunk]:
        """Yield the rows by chunks; those without a cursor's value each time."""
        order = f" ORDER BY {self._quoted()}" if self._cursor else ""
        self._names, chunks = self._connection.run(
            f"SELECT * FROM {self._from()}{self._where(since)}{order}",
            _bound(since, self._is_sqlite),
            self._database.rows_at_once,
        )
        key = [self._place(name, "key") for name in self._key]
        cursor = self._place(self._cursor.column, "cursor.column") if self._cursor else None
        for chunk in chunks:
            yield Chunk([_row(values, key, cursor) for values in chunk])

    def count(self, since: Position | None) -> int | None:
        """Ask how many rows there are, in the state of the database in which they were read; None if that isn't wanted."""
        if not self._database.count:
            return None
        _, chunks = self._connection.run(
            f"SELECT count(*) FROM {self._from()}{self._where(since)}", _bound(since, self._is_sqlite), 1
        )
        (((count,),),) = list(chunks)
        return int(count)

    def greatest(self) -> Position | None:
        """Ask for the greatest value of the cursor; None if there is none, or the database can't tell."""
        try:
            _, chunks = self._connection.run(f"SELECT max({self._quoted()}) FROM {self._from()}", None, 1)
            (((value,),),) = list(chunks)
        except WorkFailed:
            return None
        return Position.of(value)

    def write(self, rows: Sequence[Row], path: Path, number: int) -> None:
        """Write the rows with their types; the file's number is among what Parquet keeps beside them."""
        import pyarrow.parquet

        table = table_of(self._names, [row.content for row in rows])
        table = table.replace_schema_metadata({"number": str(number)})
        pyarrow.parquet.write_table(table, path, compression="zstd")

    def _from(self) -> str:
        if self._database.table:
            return self._connection.table(self._database.table)
        query = self._connection.literally((self._database.query or "").strip().rstrip(";"))
        return f"(\n{query}\n) pulled"

    def _where(self, since: Position | None) -> str:
        if since is None or self._cursor is None:
            return ""
        return f" WHERE {self._quoted()} >= {self._connection.since} OR {self._quoted()} IS NULL"

    def _quoted(self) -> str:
        return self._connection.quote(self._cursor.column) if self._cursor else ""

    def _place(self, name: str, where: str) -> int:
        """Return the place of a column in a row."""
        if name in self._names:
            return self._names.index(name)
        found = [place for place, each in enumerate(self._names) if each.lower() == name.lower()]
        if len(found) != 1:
            raise UsageError(f"{where}: {unknown('column', name, self._names)}")
        return found[0]


def _row(values: Sequence[Any], key: Sequence[int], cursor: int | None) -> Row:
    digest = hashed(list(values))
    found = [values[place] for place in key]
    known = bool(found) and all(part is not None for part in found)
    position = Position.of(values[cursor]) if cursor is not None else None
    return Row(tuple(values), hashed(found) if known else digest, digest, position)


def _bound(since: Position | None, is_sqlite: bool) -> Any:
    """Return a position as a driver takes it."""
    if since is None:
        return None
    if since.kind != "number":
        return _plain(since.value) if is_sqlite else since.value
    whole = since.value == since.value.to_integral_value()
    return int(since.value) if whole else float(since.value) if is_sqlite else since.value


def _plain(value: Any) -> Any:
    """Return a time as SQLite has it, which knows none: a text that sorts as it does."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else value
