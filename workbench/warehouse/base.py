"""What every warehouse engine offers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from workbench.schema import Dialect
from workbench.warehouse.dbt import Target
from workbench.warehouse.pieces import Take

if TYPE_CHECKING:
    import duckdb
    import pandas
    import pyarrow

Rows: TypeAlias = "pyarrow.Table | pandas.DataFrame"
Records: TypeAlias = Sequence[Mapping[str, Any]]
Stream: TypeAlias = "pyarrow.RecordBatchReader"
T = TypeVar("T")


class Result(Protocol):
    """The rows of a statement, as tuples."""

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row; None after the last."""

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return the rows that are left."""


class Session(Protocol):
    """A connection inside a transaction. Parameters are bound where the statement says ``?``."""

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Result:
        """Run one statement."""


class StagedRows(Protocol):
    """Rows made ready to be added to a table, in the place from which the engine takes them."""

    @property
    def rows(self) -> int:
        """How many rows."""

    def load(self, session: Session) -> int:
        """Add the rows inside a transaction; return how many. It can be done again if the transaction is."""


class Warehouse(Protocol):
    """A warehouse. A connection lives for one statement or one transaction, never longer."""

    dialect: Dialect
    is_embedded: bool
    """True where the warehouse is DuckDB in this process, so that `scratch` is a connection to the warehouse itself."""

    @property
    def url(self) -> str:
        """Where it is; never with a password."""

    @property
    def database(self) -> str:
        """What the engine calls the database."""

    def require(self) -> None:
        """Check that the warehouse is there.

        Raises:
            UsageError: it isn't; the message says how to make one.
        """

    def query(self, sql: str, parameters: Sequence[Any] = (), *, unload: bool | None = None) -> pyarrow.Table:
        """Run one read-only statement and return its rows.

        ``unload`` says whether they come through files in S3, where the engine knows such a way: it pays for
        very many rows. By default the engine decides.
        """

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Run one read-only statement and return its rows, few, as dictionaries."""

    def frame(
        self, sql: str, parameters: Sequence[Any] = (), *, unload: bool | None = None
    ) -> pandas.DataFrame:
        """Run one read-only statement and return its rows for analysis; decimals become floats."""

    def read(self, sql: str, take: Take) -> None:
        """Run a person's statement that can do nothing but read the warehouse, and hand its rows on as they come.

        Args:
            sql: the statement.
            take: is called with piece after piece, at least once, in this thread: tables with the columns of the answer,
                whose names may repeat; all but the last have rows. What it raises ends the statement.

        Raises:
            UsageError: it isn't one read-only statement, or the engine can't run it.
            WorkFailed: it failed, and was not begun anew because rows had been handed on.
        """

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run one statement that writes."""

    def transaction(self) -> AbstractContextManager[Any]:
        """Open one transaction and yield its session: committed at the end, undone by an error.

        What others do at the same time can make it fail where the engine lets several write at once: see `run`.
        """

    def run(self, work: Callable[[Any], T], *, repeatable: bool = False) -> T:
        """Do work in one transaction, all of it again where it fails for what others do at the same time.

        Args:
            work: gets the session, and is called anew for each try; what it does beside the session must bear that.
            repeatable: whether the work may be done again when nobody knows if it was committed (the connection
                broke at that very moment): true if it leaves the same rows when done twice.

        Raises:
            WorkFailed: it failed at every try, or the connection broke as it was committed.
        """

    def is_conflict(self, message: str) -> bool:
        """Return whether a message of the engine's, as another program hands it on, tells of transactions in the way."""

    def ensure(self, *, to_read: bool = False) -> None:
        """Make or upgrade the declared tables, unless it is known that all are there.

        ``to_read`` is content with an embedded warehouse that can't be written and lacks nothing.

        Raises:
            UsageError: as for `initialize`, or it can't be written.
        """

    def initialize(self) -> list[str]:
        """Make or upgrade the declared schemas and tables; return the full names of the tables made.

        Raises:
            UsageError: an upgrade would lose data; the message names table and column. Nothing has changed then.
        """

    def plan(self) -> list[str]:
        """Return the statements that `initialize` would run now, in order; nothing is changed.

        Raises:
            UsageError: as `initialize`.
        """

    def remake(self, tables: Sequence[str], *, always: bool = False) -> None:
        """Make tables anew that are missing or not as declared, or all of them; rows they had are gone.

        It is for tables that can be filled again from others.
        """

    def lock(self, session: Session, *tables: str) -> None:
        """Keep other writers out of tables until the transaction ends, and see what those before it left there.

        Call it before anything else in the transaction. Where the warehouse is a file, whoever writes has it alone.
        """

    def refresh(self, tables: Sequence[str]) -> None:
        """Bring the materialized views over these tables up to date, where the engine has any."""

    def replace(self, table: str, rows: Rows) -> int:
        """Replace all rows of a declared table in one transaction; return how many there are now."""

    def append(self, table: str, rows: Rows) -> int:
        """Add rows to a declared table; return how many were added. A column that may be empty needn't be among theirs."""

    def prepare(self, table: str, rows: Rows | Records | Stream) -> AbstractContextManager[StagedRows]:
        """Make rows ready to be added to a declared table in a transaction that begins later.

        A stream of them is read once; no engine holds all of it in memory that keeps its rows elsewhere. Few rows may be
        dictionaries.
        """

    def counts(self, *tables: str) -> dict[str, int]:
        """Return the number of rows of each table; without names, of every declared table."""

    def scratch(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Open a DuckDB connection to prepare rows in.

        It is the warehouse's own where the warehouse is embedded, else an empty database that is gone afterwards.
        """

    def catalogue(self) -> dict[str, dict[str, str]]:
        """Return the full name of every table and view, declared or not, with its columns and their types."""

    def dbt_target(self) -> AbstractContextManager[Target]:
        """Let dbt, called in this process, reach the warehouse as long as the context is open.

        Raises:
            WorkFailed: another process holds the file of an embedded warehouse.
        """

    def publish(self) -> bool:
        """Let those who only read have the tables of core and marts as they are now; return whether any had changed.

        It is for engines whose readers have a copy of their own, since they would wait for those who write.

        Raises:
            WorkFailed: it can't be done; readers have the tables of before.
        """

    def maintain(self) -> list[str]:
        """Bring statistics, storage and materialized views up to date; return the statements that did it."""
