"""The warehouse in DuckDB's file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

from workbench.errors import UsageError
from workbench.libraries.seldom import seldom
from workbench.private import close_to_others, private_folder
from workbench.schema import SCHEMAS, TABLES, Dialect, count_rows, create_table
from workbench.schema import table as declared
from workbench.settings.reading import UNFIT
from workbench.warehouse import catalogue
from workbench.warehouse.access import infrastructure, note_tables, noted
from workbench.warehouse.base import Records, Rows, Session, StagedRows, Stream
from workbench.warehouse.bookkeeping import bookkeeping
from workbench.warehouse.dbt import Target
from workbench.warehouse.duckdb.ahead import Pieces, hand_on
from workbench.warehouse.duckdb.completeness import is_complete, is_for_reading, note_complete, require_all
from workbench.warehouse.duckdb.dbt import reached
from workbench.warehouse.duckdb.interruptible import ask, dictionaries_of, table_of
from workbench.warehouse.duckdb.opening import opened
from workbench.warehouse.duckdb.publication import publish
from workbench.warehouse.duckdb.replica import Replica
from workbench.warehouse.duckdb.upgrade import columns, statements
from workbench.warehouse.pieces import Take
from workbench.warehouse.staged_rows import FromMemory, FromRecords
from workbench.warehouse.upgrade import is_as_declared

if TYPE_CHECKING:
    import pandas
    import pyarrow

T = TypeVar("T")

# What a look at a statement overlooks, the engine refuses: no files, no variables of this process, and no way to
# undo that.
_WALL = ("enable_external_access = false", "python_enable_replacements = false", "lock_configuration = true")

# Integers of 16 bytes, bits, times with a zone keep their type on their way through Arrow.
_EXACT = "arrow_lossless_conversion = true"


class DuckDBWarehouse:
    """A :class:`~workbench.warehouse.base.Warehouse` in the file of a ``duckdb:///`` URL."""

    dialect: Dialect = "duckdb"
    is_embedded = True
    _in_turn = True

    def __init__(self, url: str, lock_timeout: float = 30.0, *, replicates: bool = True) -> None:
        self.url = url
        self.lock_timeout = lock_timeout
        self._replicates, self.replica = replicates, Replica(self.path)
        if unfit := [mark for mark in UNFIT if mark in str(self.path)]:
            raise UsageError(
                f"DuckDB can't keep a file at {self.path}, for it reads the {unfit[0]} in it otherwise; "
                "choose another WORKBENCH_HOME or WORKBENCH_WAREHOUSE_URL"
            )
        if self.database.lower() in SCHEMAS:
            raise UsageError(
                f"DuckDB names a database after its file, and {self.database} is a schema in it already; "
                f"choose another name than {self.path.name} in WORKBENCH_WAREHOUSE_URL"
            )

    @property
    def path(self) -> Path:
        """The database file."""
        return Path(self.url.removeprefix("duckdb:///")).absolute()

    @property
    def database(self) -> str:
        """The file's name without its ending, as DuckDB has it."""
        return self.path.stem

    def require(self) -> None:
        """Check that the file is there.

        Raises:
            UsageError: it isn't.
        """
        if not self.path.is_file():
            raise UsageError(f"no warehouse at {self.path}; make one with: workbench init")

    def ensure(self, *, to_read: bool = False) -> None:
        """Make the declared tables that are missing; one look is enough as long as only this process writes."""
        if not is_complete(self.path):
            if to_read and is_for_reading(self.path):
                require_all(self.url, self.plan())
            else:
                self.initialize()
            note_complete(self.path)

    @contextmanager
    def connection(
        self, *, read_only: bool = False, linger: bool = True
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a connection for a moment, waiting with back-off while another process holds the file.

        With ``linger`` the file may stay open a twentieth of a second longer, for the next one.

        Raises:
            WorkFailed: the file stayed locked; the message names the holder.
            UsageError: the file is no DuckDB database, or can't be read.
        """
        with opened(
            self.path, read_only=read_only, timeout=self.lock_timeout, linger=linger, in_turn=self._in_turn
        ) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            schemas = {
                row[0] for row in connection.execute("SELECT schema_name FROM duckdb_schemas()").fetchall()
            }
            if {"marts", "core"} <= schemas:
                connection.execute("SET search_path = 'marts,core'")
            with nullcontext() if read_only else self.replica.outdated():
                yield noted(connection)

    def query(self, sql: str, parameters: Sequence[Any] = (), *, unload: bool | None = None) -> pyarrow.Table:
        """Run one read-only statement and return its rows."""
        self.require()
        with self.connection(read_only=True) as connection:
            return ask(connection, lambda: table_of(connection.sql(sql, params=list(parameters))))

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Run one read-only statement and return its rows as dictionaries."""
        self.require()
        with self.connection(read_only=True) as connection:
            return ask(connection, lambda: dictionaries_of(connection.execute(sql, list(parameters))))

    def frame(
        self, sql: str, parameters: Sequence[Any] = (), *, unload: bool | None = None
    ) -> pandas.DataFrame:
        """Run one read-only statement and return its rows for analysis; decimals become floats."""
        self.require()
        with self.connection(read_only=True) as connection:
            return ask(connection, lambda: connection.execute(sql, list(parameters)).df())

    @seldom
    def read(self, sql: str, take: Take) -> None:
        """Run a person's statement that can do nothing but read the warehouse, and hand its rows on."""
        from workbench.warehouse.duckdb.functions import hold_to_reading
        from workbench.warehouse.read_only import one_read_only_statement

        calls = one_read_only_statement(sql, self.dialect)
        self.require()
        # The settings are the file's, for as long as it is open.
        with ExitStack() as stack:
            connection = stack.enter_context(self.connection(read_only=True, linger=False))
            hold_to_reading(connection, calls)
            for setting in (_EXACT, *_WALL):
                connection.execute(f"SET {setting}")
            pieces = ask(connection, lambda: Pieces(connection.sql(sql)))
            stack.callback(pieces.close)
            hand_on(connection, pieces, take, self.path.parent, stack.close if self._in_turn else None)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run one statement that writes."""
        with self.connection() as connection:
            ask(connection, lambda: connection.execute(sql, list(parameters)))

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open one transaction: committed at the end, undone by an error."""
        complete = is_complete(self.path)
        with self.connection() as connection:
            connection.begin()
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()
        if complete:
            note_complete(self.path)

    def run(self, work: Callable[[duckdb.DuckDBPyConnection], T], *, repeatable: bool = False) -> T:
        """Do work in one transaction; nobody else writes meanwhile, so it is done once."""
        with self.transaction() as connection:
            return work(connection)

    def is_conflict(self, message: str) -> bool:
        """Return False: nobody else writes meanwhile."""
        return False

    def scratch(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Open a connection to prepare rows in: this warehouse's own."""
        return self.connection()

    def catalogue(self) -> dict[str, dict[str, str]]:
        """Return the full name of every table and view, declared or not, with its columns and their types."""
        return catalogue.by_table(self.query(catalogue.listing("information_schema.columns")))

    @contextmanager
    def dbt_target(self) -> Iterator[Target]:
        """Let dbt, called in this process, reach the file as long as the context is open."""
        # dbt opens the file a second time in this process and so shares this connection's lock: the waiting and the
        # message about who holds the file are the warehouse's, and nobody can slip in between.
        with self.connection(), reached(self.path) as target:
            yield target

    @infrastructure()
    def initialize(self) -> list[str]:
        """Make or upgrade the declared schemas and tables; return the full names of the tables made."""
        try:
            private_folder(self.path.parent)
        except OSError as error:
            raise UsageError(f"can't write to {self.path.parent}: {error.strerror}") from None
        is_new = not self.path.exists()
        with bookkeeping(), self.transaction() as connection:
            if is_new:
                close_to_others(self.path)
            present = columns(connection)
            wanted = statements(connection, present)
            for statement in wanted:
                connection.execute(statement)
        if wanted:
            self.replica.mark()
        return [name for name, table in TABLES.items() if name not in present and not table.view]

    @infrastructure()
    def plan(self) -> list[str]:
        """Return the statements that `initialize` would run now, in order; no file is made."""
        if not self.path.is_file():
            with duckdb.connect() as connection:
                return statements(connection, {})
        with self.connection(read_only=True) as connection:
            return statements(connection, columns(connection))

    @infrastructure()
    def remake(self, tables: Sequence[str], *, always: bool = False) -> None:
        """Make tables anew that are missing or not as declared, or all of them; rows they had are gone."""
        with self.transaction() as connection:
            present = columns(connection)
            for table in (each for each in map(declared, tables) if not each.view):
                if always or not is_as_declared(table, present.get(table.full_name, {}), "duckdb"):
                    connection.execute(f"DROP TABLE IF EXISTS {table.full_name}")
                    for statement in create_table(table, "duckdb"):
                        connection.execute(statement)

    def lock(self, session: Session, *tables: str) -> None:
        """Do nothing: whoever writes has the file alone."""

    def refresh(self, tables: Sequence[str]) -> None:
        """Do nothing: there are no materialized views."""

    def replace(self, table: str, rows: pyarrow.Table | pandas.DataFrame) -> int:
        """Replace all rows of a declared table in one transaction; return how many there are now."""
        name = declared(table).full_name
        with self.transaction() as connection:
            connection.execute(f"DELETE FROM {name}")
            return FromMemory(declared(table), rows).load(connection)

    def append(self, table: str, rows: pyarrow.Table | pandas.DataFrame) -> int:
        """Add rows to a declared table; return how many were added."""
        with self.transaction() as connection:
            return FromMemory(declared(table), rows).load(connection)

    @contextmanager
    def prepare(self, table: str, rows: Rows | Records | Stream) -> Iterator[StagedRows]:
        """Make rows ready to be added in a transaction that begins later: they stay where they are."""
        if isinstance(rows, list):
            yield FromRecords(declared(table), rows)
            return
        import pyarrow

        yield FromMemory(
            declared(table), rows.read_all() if isinstance(rows, pyarrow.RecordBatchReader) else rows
        )

    def counts(self, *tables: str) -> dict[str, int]:
        """Return the number of rows of each table; without names, of every declared table."""
        wanted = [declared(name) for name in tables] or list(TABLES.values())
        self.require()
        note_tables(reads=[table.full_name for table in wanted])
        with infrastructure(), self.connection(read_only=True) as connection:
            return {str(name): int(rows) for name, rows in connection.execute(count_rows(wanted)).fetchall()}

    def publish(self) -> bool:
        """Let readers have the tables of core and marts as they are now; return whether any had changed.

        Where the settings want no copy for readers, none is left.
        """
        self.require()
        if not self._replicates:
            self.replica.remove()
            return False
        return publish(self.path, self.lock_timeout)

    def maintain(self) -> list[str]:
        """Write what is in the log to the file and give back free space; there is nothing else to do."""
        self.require()
        self.execute("CHECKPOINT")
        return ["CHECKPOINT"]
