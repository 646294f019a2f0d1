"""Bring the copy that people read up to date: what differs from the warehouse is written, and nothing else.

Tables are compared by parts, a day of a fact or all of another table: the number of rows and the sum of their hashes. So
it doesn't matter who wrote what to the warehouse, nor how. Rows at a table's end that make up the difference are inserted
in a copy of the present copy; else rows of the parts that differ are compared by their hashes, and those that differ are
replaced there. That takes the place of the present one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import duckdb

from workbench.errors import WorkFailed, cause_of
from workbench.schema import PUBLISHED, quote
from workbench.warehouse.duckdb.opening import opened
from workbench.warehouse.duckdb.published import NEXT, PublishedTable, tables_of, views_of
from workbench.warehouse.duckdb.replica import Replica

STORAGE = "v1.5.0"
"""The oldest DuckDB that opens the file: that of today's drivers, where the warehouse's own needs a newer one."""

_FORMAT = 1
# Beyond this share of the rows a new file is written sooner, and has no free space in it.
_MUCH = 0.5
# Rows are compared in so many goes that each fits in memory.
_AT_ONCE = 5_000_000
_MOST_PARTS = 2000
_MOVED = "temp.workbench_replica_moved"

Parts: TypeAlias = dict[int, tuple[int, int]]
"""Of a table: the number of rows and the sum of their hashes, by the day or under 0 for all."""


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
            f"readers have the tables of before, {replica.path} can't be written: {cause_of(error)}"
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
        self._execute(f"ATTACH '{path}' AS {NEXT} (READ_WRITE{options})")
        try:
            yield
        finally:
            with suppress(duckdb.Error):
                self._execute("ROLLBACK")
            self._execute(f"USE {quote(self._source)}")
            self._execute(f"DETACH {NEXT}")

    def _differences(self) -> bool | None:
        """Replace what differs; return whether anything does, or None if all is to be written anew."""
        self._execute("BEGIN")
        tables = tables_of(self._execute, self._source)
        known: dict[str, Parts] = {name: {} for name in tables}
        ((about,),) = self._execute(f"SELECT about FROM {NEXT}.main.publication").fetchall()
        if about != self._about(tables):
            return None
        for name, part, rows, total in self._execute(
            f"SELECT table_name, part, row_count, content FROM {NEXT}.main.publication_parts"
        ).fetchall():
            known[name][part] = (rows, total)
        present = {name: self._parts(table, self._of_warehouse(table)) for name, table in tables.items()}
        differing = {
            name: sorted(
                part for part in parts.keys() | known[name].keys() if parts.get(part) != known[name].get(part)
            )
            for name, parts in present.items()
        }
        if not any(differing.values()):
            return False
        most = _MUCH * sum(rows for parts in present.values() for rows, _ in parts.values())
        more = sum(
            max(rows - known[name].get(part, (0, 0))[0], 0)
            for name, parts in present.items()
            for part, (rows, _) in parts.items()
        )
        if more > most:
            return None
        written = 0
        for name, differ in differing.items():
            if not differ:
                continue
            parts = {part: present[name].get(part, (0, 0)) for part in differ}
            if not self._append(tables[name], parts, known[name]):
                for some in _goes(parts):
                    written += self._bring(tables[name], some)
                    if written > most:
                        return None
            self._note(name, {part: parts[part] for part in differ if part in present[name]}, differ)
        self._execute(f"UPDATE {NEXT}.main.publication SET published_at = ?", [self._now()])
        self._execute("COMMIT")
        self._execute(f"CHECKPOINT {NEXT}")
        return True

    def _whole(self) -> None:
        """Write all of it into a new file."""
        execute = self._execute
        execute(f"USE {NEXT}")
        views = views_of(self._execute, self._source)
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
        tables = tables_of(self._execute, self._source)
        for table in tables.values():
            for statement in (table.sql, *table.comments):
                execute(statement)
            self._insert(table)
            self._note(table.name, self._parts(table, table.next), ())
        execute("INSERT INTO main.publication VALUES (?, ?)", [self._now(), self._about(tables)])
        execute("COMMIT")
        for view in views:
            # One that reads what isn't here is of no use here.
            with suppress(duckdb.Error):
                for statement in (view.sql, *view.comments):
                    execute(statement)
        execute(f"CHECKPOINT {NEXT}")

    def _append(self, table: PublishedTable, parts: Parts, known: Parts) -> bool:
        """Write the rows at a table's end, if these are all that differs; return whether they are."""
        before = {part: known.get(part, (0, 0)) for part in parts}
        more = sum(rows for rows, _ in parts.values()) - sum(rows for rows, _ in before.values())
        if more <= 0:
            return False
        relation = self._of_warehouse(table)
        # Where rows were removed the numbers have gaps, and it may be others; then the sums tell.
        end = f" WHERE rowid > (SELECT max(rowid) FROM {relation}) - {more}"
        added = self._parts(table, relation, end)
        for part, (rows, total) in before.items():
            new_rows, new_total = added.pop(part, (0, 0))
            if (rows + new_rows, total + new_total) != parts[part]:
                return False
        if added:
            return False
        self._insert(table, end)
        return True

    def _bring(self, table: PublishedTable, parts: Parts) -> int:
        """Write those rows of some parts that differ; return how many were inserted."""
        condition = self._condition(table, parts)
        both = [
            f"(SELECT rowid AS id, hash({table.listed}) AS content FROM {relation}{condition})"
            for relation in (self._of_warehouse(table), table.next)
        ]
        self._execute(
            f"CREATE OR REPLACE TEMP TABLE {_MOVED} AS SELECT now.id AS fresh, before.id AS gone "
            f"FROM {both[0]} AS now FULL JOIN {both[1]} AS before USING (content) "
            "WHERE now.id IS NULL OR before.id IS NULL"
        )
        self._execute(f"DELETE FROM {table.next} WHERE rowid IN (SELECT gone FROM {_MOVED})")
        ((inserted,),) = self._execute(
            f"INSERT INTO {table.next} ({table.listed}) SELECT {table.listed} FROM {self._of_warehouse(table)} "
            f"WHERE rowid IN (SELECT fresh FROM {_MOVED})"
        ).fetchall()
        self._execute(f"DROP TABLE {_MOVED}")
        # Of rows that are there more than once a hash doesn't say how often.
        became = self._parts(table, table.next, condition)
        if any(became.get(part, (0, 0)) != wanted for part, wanted in parts.items()):
            self._execute(f"DELETE FROM {table.next}{condition}")
            self._insert(table, condition)
        return int(inserted)

    def _insert(self, table: PublishedTable, condition: str = "") -> None:
        self._execute(
            f"INSERT INTO {table.next} ({table.listed}) SELECT {table.listed} FROM {self._of_warehouse(table)}{condition}"
        )

    @staticmethod
    def _condition(table: PublishedTable, parts: Parts) -> str:
        return f" WHERE {table.part} IN ({', '.join(map(str, parts))})" if table.is_by_day else ""

    def _note(self, name: str, present: Parts, gone: Sequence[int]) -> None:
        if gone:
            numbers = ", ".join(map(str, gone))
            self._execute(
                f"DELETE FROM {NEXT}.main.publication_parts WHERE table_name = ? AND part IN ({numbers})",
                [name],
            )
        if present:
            rows = ", ".join(f"(?, {part}, {rows}, {content})" for part, (rows, content) in present.items())
            self._execute(f"INSERT INTO {NEXT}.main.publication_parts VALUES {rows}", [name] * len(present))

    def _parts(self, table: PublishedTable, relation: str, condition: str = "") -> Parts:
        """Return what tells each part of a table, here or in the next copy, from what it was."""
        rows = self._execute(
            f"SELECT {table.part}, count(*), sum(hash({table.listed})) FROM {relation}{condition} GROUP BY 1"
        ).fetchall()
        return {int(part): (int(count), int(content)) for part, count, content in rows}

    def _of_warehouse(self, table: PublishedTable) -> str:
        return f"{quote(self._source)}.{table.name}"

    def _now(self) -> datetime:
        return self._moment.replace(tzinfo=None)

    def _about(self, tables: Mapping[str, PublishedTable]) -> str:
        """Return what a copy must have been made by to be brought up to date: all shapes, and who took the hashes."""
        shapes = [asdict(each) for each in (*tables.values(), *views_of(self._execute, self._source))]
        made_by = [_FORMAT, duckdb.__version__, STORAGE, shapes]
        return hashlib.sha256(json.dumps(made_by).encode()).hexdigest()


def _goes(parts: Parts) -> Iterator[Parts]:
    """Divide parts into as many as can be compared at once."""
    some: Parts = {}
    rows = 0
    for part, (count, content) in parts.items():
        if some and (rows + count > _AT_ONCE or len(some) == _MOST_PARTS):
            yield some
            some, rows = {}, 0
        some[part] = (count, content)
        rows += count
    if some:
        yield some
