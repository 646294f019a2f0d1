"""Connections to databases of others: SQLAlchemy's, and DuckDB's own; nothing is ever written through them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from workbench.errors import UsageError, WorkFailed, first_line
from workbench.sources.pulls.references import Revealed

_SNAPSHOT = {"postgresql": "REPEATABLE READ", "mysql": "REPEATABLE READ", "mariadb": "REPEATABLE READ"}
_PLACES = {
    "qmark": "?", "format": "%s", "pyformat": "%(since)s", "named": ":since", "numeric": ":1", "numeric_dollar": "$1",
}  # fmt: skip
"""What stands for the one value of a statement, by the style of a driver."""


class Connection(Protocol):
    """One connection, in which all statements see the same state where the database knows such a thing."""

    since: str
    """What stands for the value of :meth:`run` in a statement."""

    def quote(self, name: str) -> str:
        """Return the name of a column as the database takes it."""

    def table(self, name: str) -> str:
        """Return the name of a table, with those of its schemas before it, as the database takes it."""

    def literally(self, query: str) -> str:
        """Return a person's query as a part of a statement."""

    def run(
        self, sql: str, since: Any, rows_at_once: int
    ) -> tuple[list[str], Iterator[Sequence[Sequence[Any]]]]:
        """Run a query in which :attr:`since` may stand for a value; return the names of columns, and its rows by chunks.

        After a failure it is another state of the database that is seen.

        Raises:
            WorkFailed: the database refuses, or can't be reached.
        """

    def close(self) -> None:
        """Let go of it."""


def open_database(url: str, folder: Path, revealed: Revealed) -> Connection:
    """Connect to the database at a URL; a file's path begins in ``folder``.

    Raises:
        UsageError: there is no such file, the URL isn't one, or its driver is missing.
        WorkFailed: the database can't be reached.
    """
    scheme, _, rest = url.partition("://")
    if scheme in ("duckdb", "sqlite") or scheme.startswith("sqlite+"):
        name, mark, options = rest.removeprefix("/").partition("?")
        path = folder / name
        if not name or not path.is_file():
            raise UsageError(revealed.clean(f"no file {path} for {scheme}:///"))
        if scheme == "duckdb":
            return _DuckDB(path, revealed)
        url = f"{scheme}:///{path}{mark}{options}"
    return _SQLAlchemy(url, revealed)


class _SQLAlchemy:
    def __init__(self, url: str, revealed: Revealed) -> None:
        try:
            import sqlalchemy
            from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
        except ImportError:
            from workbench.libraries.extras import advice

            raise UsageError(f"a database needs SQLAlchemy; {advice('sources')}") from None
        self._sqlalchemy, self._problems, self._revealed = sqlalchemy, SQLAlchemyError, revealed
        try:
            self._engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
        except NoSuchModuleError as error:
            raise UsageError(
                f"url: SQLAlchemy has no {str(error).rpartition(':')[2]}; install its dialect"
            ) from None
        except ImportError as error:
            raise UsageError(
                f"url: its driver {error.name} is missing; install it into this environment"
            ) from None
        except (ArgumentError, ValueError):
            # What the library says of it repeats it.
            raise UsageError(
                "url: it is no SQLAlchemy URL, as postgresql+psycopg://USER:{env:NAME}@HOST/DATABASE"
            ) from None
        dialect = self._engine.dialect
        name = dialect.name
        self.since = _PLACES[dialect.paramstyle]
        self._by_name = not dialect.positional
        self._doubles_percents = dialect.paramstyle in ("format", "pyformat")
        options = {"isolation_level": _SNAPSHOT[name]} if name in _SNAPSHOT else {}
        self._prepare()
        try:
            self._connection = self._engine.connect().execution_options(**options)
        except (SQLAlchemyError, OSError, UnicodeError) as error:
            raise self._failed(error) from None

    def _prepare(self) -> None:
        """Have a database tell all values, those that Python has no form for, too."""
        from workbench.sources.pulls.database import postgres, sqlite

        prepare = sqlite.prepare if self._engine.dialect.name == "sqlite" else postgres.prepare
        self._sqlalchemy.event.listen(
            self._engine,
            "connect",
            lambda raw, _: prepare(self._engine.driver, raw),
            insert=True,  # SQLAlchemy asks a new connection for texts itself
        )

    def quote(self, name: str) -> str:
        return str(self._engine.dialect.identifier_preparer.quote(name))

    def table(self, name: str) -> str:
        return ".".join(map(self.quote, name.split(".")))

    def literally(self, query: str) -> str:
        # Such a driver takes % for the place of a value. Names are doubled with their quotes.
        return query.replace("%", "%%") if self._doubles_percents else query

    def run(
        self, sql: str, since: Any, rows_at_once: int
    ) -> tuple[list[str], Iterator[Sequence[Sequence[Any]]]]:
        values = None if since is None else {"since": since} if self._by_name else (since,)
        try:
            # SQLAlchemy's own text() would take what a person wrote, as a[:2] and 'C\\:x', for its own.
            result = self._connection.execution_options(
                stream_results=True, max_row_buffer=rows_at_once
            ).exec_driver_sql(sql, values)
        except (self._problems, OSError, UnicodeError) as error:
            problem = self._failed(error)
            with contextlib.suppress(self._problems, OSError):
                self._connection.rollback()
            raise problem from None
        return list(result.keys()), self._chunks(result, rows_at_once)

    def _chunks(self, result: Any, rows_at_once: int) -> Iterator[Sequence[Sequence[Any]]]:
        try:
            yield from result.partitions(rows_at_once)
        except (self._problems, OSError, UnicodeError) as error:
            raise self._failed(error) from None
        finally:
            result.close()

    def close(self) -> None:
        try:
            self._connection.close()
        except (self._problems, OSError):
            # It broke before, and that was told.
            self._connection.invalidate()
        self._engine.dispose()

    def _failed(self, error: Exception) -> WorkFailed:
        """Return the error in the database's own words: SQLAlchemy's have the statement and its values, too."""
        from workbench.sources.pulls.database.postgres import advice

        cause = getattr(error, "orig", None) or error
        what = first_line(str(cause)) or type(cause).__name__
        more = advice(cause) if self._engine.dialect.name == "postgresql" else ""
        return WorkFailed(self._revealed.clean(what + more))


class _DuckDB:
    since = "$since"

    def __init__(self, path: Path, revealed: Revealed) -> None:
        import duckdb

        self._duckdb, self._revealed = duckdb, revealed
        try:
            self._connection = duckdb.connect(str(path), read_only=True)
            self._connection.execute("SET TimeZone = 'UTC'")
            self._connection.begin()
        except duckdb.Error as error:
            raise WorkFailed(revealed.clean(first_line(str(error)))) from None

    def quote(self, name: str) -> str:
        from workbench.schema import quote

        return quote(name)

    def table(self, name: str) -> str:
        return ".".join(map(self.quote, name.split(".")))

    def literally(self, query: str) -> str:
        return query

    def run(
        self, sql: str, since: Any, rows_at_once: int
    ) -> tuple[list[str], Iterator[Sequence[Sequence[Any]]]]:
        try:
            cursor = self._connection.execute(sql, {} if since is None else {"since": since})
        except self._duckdb.Error as error:
            with contextlib.suppress(self._duckdb.Error):
                self._connection.rollback()
                self._connection.begin()
            raise WorkFailed(self._revealed.clean(first_line(str(error)))) from None
        names = [column[0] for column in cursor.description]
        return names, iter(lambda: cursor.fetchmany(rows_at_once), [])

    def close(self) -> None:
        self._connection.close()
