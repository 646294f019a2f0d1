"""Note which statements this process runs on the warehouse, for whoever runs it: an access log.

A run names a file in the environment of a stage's processes, and each of them adds a line for whatever is new: a
statement without its values and comments, or the tables that rows were put into in bulk. What is already there of a
cell isn't written again, and a statement that names no table of the warehouse isn't written at all, so that to note
costs next to nothing. Which tables a statement touches is worked out later, by who reads the file
(:mod:`workbench.warehouse.statements`). Without the file nothing is noted.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from workbench.files import append_line
from workbench.schema import REPORTS, SCHEMAS, TABLES, Dialect

if TYPE_CHECKING:
    import duckdb

ACCESS_LOG = "WORKBENCH_ACCESS_LOG"
"""The variable that names the file."""

_MOST = 5000
_PARTS = re.compile(
    r"""(?P<name>"(?:[^"]|"")*")|(?P<text>'(?:[^']|'')*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)"""
    r"""|(?P<number>\b\d[\w.]*)|(?P<chance>[0-9a-f]{32})|(?P<space>(?:\s|--[^\n]*|/\*.*?\*/)+)""",
    re.DOTALL,
)
# A text that may stand for a date's part, an interval or a format.
_INSTEAD = {"text": "'1 day'", "number": "0", "chance": "x", "space": " "}
_UNLOAD = re.compile(r"\s*UNLOAD\s*\(\s*(?:\$\$(.*?)\$\$|'((?:[^']|'')*)')\s*\)", re.DOTALL | re.IGNORECASE)


class _Log:
    """The file that a run reads, and what this process has written to it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._same: set[tuple[int, str]] = set()
        self._written: set[tuple[int, str]] = set()

    def statement(self, sql: str, dialect: Dialect) -> None:
        cell = _cell()
        if (cell, sql) in self._same:
            return
        if len(self._same) >= _MOST:
            self._same.clear()
        self._same.add((cell, sql))
        if unload := _UNLOAD.match(sql):
            sql = unload[1] or unload[2].replace("''", "'")
        if _names_a_table(sql):
            self.write({"sql": without_values(sql), "dialect": dialect}, cell)

    def write(self, event: dict[str, Any], cell: int | None = None) -> None:
        line = json.dumps(event)
        cell = _cell() if cell is None else cell
        if (cell, line) in self._written:
            return
        self._written.add((cell, line))
        # A statement doesn't fail because nobody could be told of it.
        with suppress(OSError):
            append_line(Path(self.path), line)


_depth: ContextVar[int] = ContextVar("depth", default=0)
_logs: dict[tuple[int, str], _Log] = {}
_NAMES = tuple(
    dict.fromkeys(
        [
            *(table.name for table in TABLES.values()),
            *(report.name for report in REPORTS),
            *(f"{schema}." for schema in SCHEMAS),
            *(f'{schema}"' for schema in SCHEMAS),
        ]
    )
)


def is_noting() -> bool:
    """Whether somebody wants to know what this process touches."""
    return ACCESS_LOG in os.environ


def note(sql: Any, dialect: Dialect) -> None:
    """Note a statement that is about to run."""
    if log := _log():
        log.statement(str(getattr(sql, "query", sql)), dialect)


def note_tables(
    *, reads: Sequence[str] = (), writes: Sequence[str] = (), unchanged: Sequence[str] = ()
) -> None:
    """Note tables, by their full names, that are touched by other ways than a statement of ours.

    ``unchanged`` are those among ``writes`` in which no row was written, as each is as it was.
    """
    if log := _log():
        log.write({"reads": sorted(reads), "writes": sorted(writes), "unchanged": sorted(unchanged)})


@contextmanager
def infrastructure() -> Iterator[None]:
    """Note nothing of what this thread does in here: it keeps the warehouse in order, and is no stage's work."""
    _depth.set(_depth.get() + 1)
    try:
        yield
    finally:
        _depth.set(_depth.get() - 1)


def without_values(sql: str) -> str:
    """Return a statement with its texts and numbers replaced, without comments: the same for other values."""

    def instead(found: re.Match[str]) -> str:
        kind = "text" if found.lastgroup == "tag" else found.lastgroup or ""
        return _INSTEAD.get(kind, found[0])

    return _PARTS.sub(instead, sql).strip()


def noted(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Return a connection of DuckDB's whose statements are noted; the same if nobody wants to know."""
    return cast("duckdb.DuckDBPyConnection", _Noted(connection)) if is_noting() else connection


class _Noted:
    """A connection of DuckDB's that notes what it runs, and is one in all else."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def __enter__(self) -> _Noted:
        return self

    def __exit__(self, *error: Any) -> None:
        self._connection.close()

    def execute(self, query: Any, *arguments: Any, **options: Any) -> _Noted:
        note(query, "duckdb")
        self._connection.execute(query, *arguments, **options)
        return self

    def executemany(self, query: Any, *arguments: Any, **options: Any) -> _Noted:
        note(query, "duckdb")
        self._connection.executemany(query, *arguments, **options)
        return self

    def sql(self, query: Any, *arguments: Any, **options: Any) -> Any:
        note(query, "duckdb")
        return self._connection.sql(query, *arguments, **options)

    query = from_query = sql

    def table(self, name: str) -> Any:
        note(f"FROM {name}", "duckdb")
        return self._connection.table(name)

    view = table

    def append(self, table: str, *arguments: Any, **options: Any) -> _Noted:
        note(f"INSERT INTO {table} SELECT 0", "duckdb")
        self._connection.append(table, *arguments, **options)
        return self

    def register(self, name: str, rows: Any) -> _Noted:
        if log := _log():
            log.write({"made": [name.lower()]}) if _names_a_table(name) else None
        self._connection.register(name, rows)
        return self

    def begin(self) -> _Noted:
        self._connection.begin()
        return self

    def cursor(self) -> _Noted:
        return _Noted(self._connection.cursor())

    duplicate = cursor


def _log() -> _Log | None:
    path = os.environ.get(ACCESS_LOG)
    if not path or _depth.get():
        return None
    key = os.getpid(), path
    if key not in _logs:
        _logs[key] = _Log(path)
    return _logs[key]


def _names_a_table(sql: str) -> bool:
    low = sql.lower()
    return any(name in low for name in _NAMES)


def _cell() -> int:
    """Return the number of the cell that runs; 0 where there is none."""
    module = sys.modules.get("IPython.core.interactiveshell")
    if module is None or not module.InteractiveShell.initialized():
        return 0
    return int(module.InteractiveShell.instance().execution_count)


def read_log(path: Path, start: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Return the events that an access log has from a byte on, and where it ends by now.

    A line that isn't whole yet is left for the next time; one that can't be read is left out.
    """
    try:
        with path.open("rb") as file:
            file.seek(start)
            content = file.read()
    except OSError:
        return [], start
    whole = content[: content.rfind(b"\n") + 1]
    events = []
    for line in whole.splitlines():
        with suppress(ValueError):
            event = json.loads(line)
            if isinstance(event, dict):
                events.append(event)
    return events, start + len(whole)
