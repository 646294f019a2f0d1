"""Bring the copy that people read up to date: what differs from the warehouse is written, and nothing else.

Tables are compared by parts, a day of a fact or all of another table: the number of rows and the sum of their hashes. So
it doesn't matter who wrote what to the warehouse, nor how. Parts that differ are replaced in a copy of the present copy,
all in one transaction, and that takes the place of the present one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import duckdb

from workbench.errors import WorkFailed, first_line
from workbench.schema import PUBLISHED, quote
from workbench.warehouse.duckdb.opening import opened
from workbench.warehouse.duckdb.replica import Replica

STORAGE = "v1.5.0"
"""The oldest DuckDB that opens the file: that of today's drivers, where the warehouse's own needs a newer one."""

_FORMAT = 1
_NEXT = "workbench_replica_next"
_DAY = "date_key"
# Beyond this share of the rows a new file is written sooner, and has no free space in it.
_MUCH = 0.5
_MOST_PARTS = 2000
_SCHEMAS = ", ".join(f"'{schema}'" for schema in PUBLISHED)

Parts: TypeAlias = dict[int, tuple[int, int]]
"""Of a table: the number of rows and the sum of their hashes, by the day or under 0 for all."""


@dataclass(frozen=True)
class _Table:
    """A table or a view as the engine describes it."""

    name: str
    sql: str
    comments: tuple[str, ...]
    columns: tuple[str, ...] = ()
    is_by_day: bool = False

    @property
    def part(self) -> str:
        """SQL for the part that a row belongs to."""
        return quote(_DAY) if self.is_by_day else "0"


def publish(warehouse: Path, timeout: float) -> bool:
    """Let readers have core and marts as they are now; return whether anything of them had changed.

    Args:
        warehouse: the warehouse's file.
        timeout: seconds to wait for a process that writes it.

    Raises:
        WorkFailed: another process has the warehouse, or the copy can't be written; readers have the old one then.
    """
    replica = Replica(warehouse)
    if not replica.is_due():
        return False
    try:
        with replica.alone():
            if not replica.is_due():
                return False
            with opened(warehouse, read_only=True, timeout=timeout, linger=False) as connection:
                # It may write no table of the warehouse, but must one of the copy's.
                connection.execute("ROLLBACK")
                token, moment = replica.token(), datetime.now(UTC)
                changed = _Publication(connection, replica, moment).make()
            if changed:
                replica.put_in_place(moment)
            replica.is_as(token, moment)
    except (duckdb.Error, OSError) as error:
        raise WorkFailed(
            f"readers have the tables of before, {replica.path} can't be written: {first_line(str(error))}"
        ) from error
    return changed


class _Publication:
    def __init__(self, connection: duckdb.DuckDBPyConnection, replica: Replica, moment: datetime) -> None:
        self._replica, self._moment = replica, moment
        self._connection, self._execute = connection, connection.execute
        ((source,),) = self._execute("SELECT current_database()").fetchall()
        self._source = str(source)

    def make(self) -> bool:
        """Make the next copy; return False if it would be the same as the present one."""
        if self._replica.exists() and not self._replica.is_damaged():
            self._replica.begin()
            # One that can't be read, or is of another version, is made anew.
            with suppress(duckdb.Error), self._attached():
                changed = self._differences()
                if changed is not None:
                    return changed
        self._replica.clear()
        with self._attached(f", STORAGE_VERSION '{STORAGE}'"):
            self._whole()
        return True

    @contextmanager
    def _attached(self, options: str = "") -> Iterator[None]:
        path = str(self._replica.part).replace("'", "''")
        self._execute(f"ATTACH '{path}' AS {_NEXT} (READ_WRITE{options})")
        try:
            yield
        finally:
            with suppress(duckdb.Error):
                self._execute("ROLLBACK")
            self._execute(f"USE {quote(self._source)}")
            self._execute(f"DETACH {_NEXT}")

    def _differences(self) -> bool | None:
        """Replace what differs; return whether anything does, or None if all is to be written anew."""
        self._execute("BEGIN")
        tables = self._tables()
        known: dict[str, Parts] = {name: {} for name in tables}
        ((about,),) = self._execute(f"SELECT about FROM {_NEXT}.main.publication").fetchall()
        if about != self._about(tables):
            return None
        for name, part, rows, total in self._execute(
            f"SELECT table_name, part, row_count, content FROM {_NEXT}.main.publication_parts"
        ).fetchall():
            known[name][part] = (rows, total)
        present = {name: self._parts(table) for name, table in tables.items()}
        differing = {
            name: sorted(
                part for part in parts.keys() | known[name].keys() if parts.get(part) != known[name].get(part)
            )
            for name, parts in present.items()
        }
        if not any(differing.values()):
            return False
        everything = sum(rows for parts in present.values() for rows, _ in parts.values())
        to_write = sum(
            present[name].get(part, (0, 0))[0] for name, parts in differing.items() for part in parts
        )
        if to_write > _MUCH * everything or any(len(parts) > _MOST_PARTS for parts in differing.values()):
            return None
        for name, parts in differing.items():
            if parts:
                self._replace(tables[name], parts)
                self._note(
                    name, {part: present[name][part] for part in parts if part in present[name]}, parts
                )
        self._execute(f"UPDATE {_NEXT}.main.publication SET published_at = ?", [self._now()])
        self._execute("COMMIT")
        self._execute(f"CHECKPOINT {_NEXT}")
        return True

    def _whole(self) -> None:
        """Write all of it into a new file."""
        execute = self._execute
        execute(f"USE {_NEXT}")
        views = self._views()
        for schema in PUBLISHED:
            execute(f"CREATE SCHEMA {quote(schema)}")
        execute("CREATE TABLE main.publication (published_at TIMESTAMP NOT NULL, about VARCHAR NOT NULL)")
        execute(
            "COMMENT ON TABLE main.publication IS 'when the tables of core and marts were as they are here, UTC'"
        )
        execute(
            "CREATE TABLE main.publication_parts (table_name VARCHAR NOT NULL, part BIGINT NOT NULL, "
            "row_count BIGINT NOT NULL, content HUGEINT NOT NULL)"
        )
        execute("BEGIN")
        tables = self._tables()
        for table in tables.values():
            for statement in (table.sql, *table.comments):
                execute(statement)
            self._replace(table, ())
            self._note(table.name, self._parts(table), ())
        execute("INSERT INTO main.publication VALUES (?, ?)", [self._now(), self._about(tables)])
        execute("COMMIT")
        for view in views:
            # One that reads what isn't here is of no use here.
            with suppress(duckdb.Error):
                for statement in (view.sql, *view.comments):
                    execute(statement)
        execute(f"CHECKPOINT {_NEXT}")

    def _replace(self, table: _Table, parts: Sequence[int]) -> None:
        """Replace parts of a table, or all of one that isn't by day."""
        condition = (
            f" WHERE {table.part} IN ({', '.join(map(str, parts))})" if table.is_by_day and parts else ""
        )
        columns = ", ".join(map(quote, table.columns))
        self._execute(f"DELETE FROM {_NEXT}.{table.name}{condition}")
        self._execute(
            f"INSERT INTO {_NEXT}.{table.name} ({columns}) SELECT {columns} FROM {self._of_warehouse(table)}{condition}"
        )

    def _note(self, name: str, present: Parts, gone: Sequence[int]) -> None:
        if gone:
            numbers = ", ".join(map(str, gone))
            self._execute(
                f"DELETE FROM {_NEXT}.main.publication_parts WHERE table_name = ? AND part IN ({numbers})",
                [name],
            )
        if present:
            rows = ", ".join(f"(?, {part}, {rows}, {content})" for part, (rows, content) in present.items())
            self._execute(f"INSERT INTO {_NEXT}.main.publication_parts VALUES {rows}", [name] * len(present))

    def _parts(self, table: _Table) -> Parts:
        """Return what tells each part of a table from what it was."""
        columns = ", ".join(map(quote, table.columns))
        rows = self._execute(
            f"SELECT {table.part}, count(*), sum(hash({columns})) FROM {self._of_warehouse(table)} GROUP BY 1"
        ).fetchall()
        return {int(part): (int(count), int(content)) for part, count, content in rows}

    def _of_warehouse(self, table: _Table) -> str:
        return f"{quote(self._source)}.{table.name}"

    def _now(self) -> datetime:
        return self._moment.replace(tzinfo=None)

    def _about(self, tables: Mapping[str, _Table]) -> str:
        """Return what a copy must have been made by to be brought up to date: all shapes, and who took the hashes."""
        shapes = [asdict(each) for each in (*tables.values(), *self._views())]
        made_by = [_FORMAT, duckdb.__version__, STORAGE, shapes]
        return hashlib.sha256(json.dumps(made_by).encode()).hexdigest()

    def _tables(self) -> dict[str, _Table]:
        """Return the warehouse's tables that readers get, by their names in SQL."""
        columns: dict[tuple[str, str], list[tuple[str, str | None, bool]]] = {}
        for schema, name, column, comment, is_day in self._listed(
            "duckdb_columns()",
            "table_name, column_name, comment, data_type = 'INTEGER' AND NOT is_nullable",
            "column_index",
        ):
            columns.setdefault((schema, name), []).append((column, comment, is_day))
        found = {}
        for schema, name, sql, comment in self._listed(
            "duckdb_tables()", "table_name, sql, comment", "table_name"
        ):
            full = f"{quote(schema)}.{quote(name)}"
            own = columns[schema, name]
            said = {f"TABLE {full}": comment, **{f"COLUMN {full}.{quote(c)}": text for c, text, _ in own}}
            found[full] = _Table(
                full, sql, _comments(said), tuple(column for column, *_ in own),
                any(column == _DAY and is_day for column, _, is_day in own),
            )  # fmt: skip
        return found

    def _views(self) -> list[_Table]:
        """Return the warehouse's views that readers get, each after those that it may read."""
        return [
            _Table(full := f"{quote(schema)}.{quote(name)}", sql, _comments({f"VIEW {full}": comment}))
            for schema, name, sql, comment in self._listed(
                "duckdb_views()", "view_name, sql, comment", "view_oid"
            )
        ]

    def _listed(self, relation: str, wanted: str, order: str) -> list[tuple[Any, ...]]:
        return self._execute(
            f"SELECT schema_name, {wanted} FROM {relation} WHERE database_name = ? AND schema_name IN ({_SCHEMAS}) "
            f"AND NOT internal ORDER BY schema_name, {order}",
            [self._source],
        ).fetchall()


def _comments(said: Mapping[str, str | None]) -> tuple[str, ...]:
    return tuple(
        "COMMENT ON {} IS '{}'".format(what, text.replace("'", "''")) for what, text in said.items() if text
    )
