"""The warehouse on Redshift."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import duckdb

from workbench.errors import UsageError
from workbench.schema import REPORTS, TABLES, Dialect, count_rows
from workbench.schema import table as declared
from workbench.warehouse import catalogue
from workbench.warehouse.access import infrastructure, note_tables
from workbench.warehouse.base import Records, Rows, Session, Stream
from workbench.warehouse.dbt import Target
from workbench.warehouse.pieces import Take
from workbench.warehouse.redshift import dbt, errors, loading, reading, retrying, unloading
from workbench.warehouse.redshift.address import Address
from workbench.warehouse.redshift.connection import RedshiftSession, open_session
from workbench.warehouse.redshift.errors import Conflict, Unreachable
from workbench.warehouse.redshift.loading import bound
from workbench.warehouse.redshift.migrating import Migration, anew
from workbench.warehouse.redshift.results import table_of
from workbench.warehouse.redshift.staging import Staging

if TYPE_CHECKING:
    import pandas
    import pyarrow

T = TypeVar("T")
# Functions that give another answer each time, but do nothing else.
_HARMLESS = frozenset({
    "random", "timeofday", "clock_timestamp", "pg_backend_pid", "pg_last_copy_count", "pg_last_copy_id",
    "pg_last_query_id", "pg_last_unload_count", "pg_last_unload_id",
})  # fmt: skip
# Whatever the catalogue says of them.
_ACTS = (
    "pg_terminate_", "pg_cancel_", "pg_reload_", "pg_rotate_", "pg_sleep", "pg_advisory_", "pg_try_advisory_",
    "pg_read_", "pg_ls_", "pg_stat_file", "pg_notify", "pg_start_", "pg_stop_", "pg_switch_", "pg_export_",
    "lo_", "dblink", "set_config", "nextval", "setval", "query_to_xml", "cursor_to_xml", "ts_stat",
)  # fmt: skip


class RedshiftWarehouse:
    """A :class:`~workbench.warehouse.base.Warehouse` on the Redshift of a ``redshift://`` URL.

    Args:
        address: where it is, and the login.
        staging: the place in S3 through which rows come and go in bulk; without one, only by the driver.
    """

    dialect: Dialect = "redshift"
    is_embedded = False

    def __init__(self, address: Address, staging: Staging | None = None) -> None:
        self.address = address
        self.staging = staging

    @property
    def url(self) -> str:
        """The address without the password."""
        return self.address.url

    @property
    def database(self) -> str:
        """The database of the address."""
        return self.address.database

    def require(self) -> None:
        """Check that the schemas are there.

        Raises:
            UsageError: they aren't, or the login is refused.
        """
        if not self._has_schemas():
            raise UsageError(f"no warehouse at {self.url}; make one with: workbench init")

    def _has_schemas(self) -> bool:
        found = self.query("SELECT count(*) FROM pg_namespace WHERE nspname IN ('raw', 'ops')", unload=False)
        return bool(found.column(0)[0].as_py() == 2)

    def query(self, sql: str, parameters: Sequence[Any] = (), *, unload: bool | None = None) -> pyarrow.Table:
        """Run one read-only statement and return its rows.

        They come through S3 if ``unload`` is true, or by default if the planner guesses at least 100,000; by the
        driver where there is no place in S3, the statement ends in a LIMIT or has parameters.
        """
        staging = self.staging
        ways: tuple[Literal["unload", "driver"], ...] = ("driver",)
        if unload is not False and staging is not None and unloading.can_unload(sql, parameters):
            ways = ("unload",) if unload else ("unload", "driver")

        def work(session: RedshiftSession) -> pyarrow.Table:
            if (
                staging is not None
                and "unload" in ways
                and (len(ways) == 1 or unloading.is_large(session, sql))
            ):
                return unloading.unload(session, sql, staging)
            session.keep_times_as_text()
            session.execute(sql, bound(parameters))
            if not session.described:
                raise UsageError("the statement returns no rows")
            return table_of(session)

        # UNLOAD writes, though not to the warehouse; what may be unloaded was found to be a mere SELECT.
        return retrying.run(self.address, work, read_only="unload" not in ways, repeatable=True)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Run one read-only statement and return its rows as dictionaries."""
        return list(self.query(sql, parameters, unload=False).to_pylist())

    def frame(
        self, sql: str, parameters: Sequence[Any] = (), *, unload: bool | None = None
    ) -> pandas.DataFrame:
        """Run one read-only statement and return its rows for analysis; decimals become floats."""
        rows = self.query(sql, parameters, unload=unload)
        # DuckDB makes the frame, so that a column is of the same type whichever engine it came from.
        with duckdb.connect() as connection:
            return connection.from_arrow(rows).df()

    def read(self, sql: str, take: Take) -> None:
        """Run a person's statement that can do nothing but read the warehouse, and hand its rows on."""
        from workbench.warehouse.read_only import one_read_only_statement

        calls = one_read_only_statement(sql, self.dialect)
        self._vouch(calls.names - _HARMLESS)
        # By the driver: UNLOAD can't run in a transaction that only reads.
        reading.hand_on(self.address, sql, take)

    def _vouch(self, names: frozenset[str]) -> None:
        """Raise a UsageError for a function that the catalogue calls volatile: only such a one can do something."""
        from workbench.warehouse.read_only import does_more

        for name in sorted(names):
            if name.startswith(_ACTS):
                raise does_more(name)
        if names:
            placeholders = ", ".join("?" * len(names))
            found = self.query(
                "SELECT proname FROM pg_proc "
                f"WHERE provolatile = 'v' AND lower(proname) IN ({placeholders}) ORDER BY proname LIMIT 1",
                sorted(names),
                unload=False,
            )
            if found.num_rows:
                raise does_more(str(found.column(0)[0]))

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run one statement that writes, outside of any other transaction, as some of Redshift's have to be."""

        def once() -> None:
            with open_session(self.address) as session:
                session.execute(sql, bound(parameters))

        retrying.again(once, (Conflict, Unreachable))

    def transaction(self) -> AbstractContextManager[RedshiftSession]:
        """Open one transaction: committed at the end, undone by an error."""
        return retrying.transaction(self.address)

    def run(self, work: Callable[[RedshiftSession], T], *, repeatable: bool = False) -> T:
        """Do work in one transaction, all of it again where others were in the way or the connection broke."""
        return retrying.run(self.address, work, repeatable=repeatable)

    def is_conflict(self, message: str) -> bool:
        """Return whether a message of the server's, as dbt hands it on, tells of transactions in the way."""
        return errors.is_conflict(message)

    def ensure(self, *, to_read: bool = False) -> None:
        """Make or upgrade the declared tables."""
        self.initialize()

    @infrastructure()
    def initialize(self) -> list[str]:
        """Make or upgrade the declared schemas, tables and views; return the full names of the tables made."""

        def once() -> list[str]:
            with open_session(self.address) as session:
                migration = Migration.of(session)
                migration.apply(session)
            return list(migration.made)

        return retrying.again(once, (Unreachable,))

    @infrastructure()
    def plan(self) -> list[str]:
        """Return the statements that `initialize` would run now, in order."""

        def once() -> list[str]:
            with open_session(self.address) as session:
                return list(Migration.of(session).statements)

        return retrying.again(once)

    @infrastructure()
    def remake(self, tables: Sequence[str], *, always: bool = False) -> None:
        """Make tables anew that are missing or not as declared, or all of them; rows they had are gone."""
        with open_session(self.address) as session:
            anew(session, [declared(name) for name in tables], always=always)
            # The reports over them.
            Migration.of(session).apply(session)

    def lock(self, session: Session, *tables: str) -> None:
        """Keep other writers out of tables until the transaction ends, and see what those before it left there."""
        for table in tables:
            session.execute(f"LOCK TABLE {table}")

    def refresh(self, tables: Sequence[str]) -> None:
        """Bring the materialized views over these tables up to date: AUTO REFRESH does it at a quieter time."""
        stale = [report for report in REPORTS if set(report.reads) & set(tables)]
        if stale:
            with open_session(self.address) as session:
                for report in stale:
                    session.execute(f"REFRESH MATERIALIZED VIEW {report.materialized_name}")

    def replace(self, table: str, rows: Rows) -> int:
        """Replace all rows of a declared table in one transaction; return how many there are now."""
        name = declared(table).full_name
        with self.prepare(table, rows) as staged_rows:

            def work(session: RedshiftSession) -> int:
                self.lock(session, name)
                session.execute(f"DELETE FROM {name}")
                return staged_rows.load(session)

            return self.run(work, repeatable=True)

    def append(self, table: str, rows: Rows) -> int:
        """Add rows to a declared table; return how many were added."""
        with self.prepare(table, rows) as staged_rows:
            return self.run(staged_rows.load)

    def prepare(
        self, table: str, rows: Rows | Records | Stream
    ) -> AbstractContextManager[loading.Inserts | loading.Files]:
        """Make rows ready to be added in a transaction that begins later: as files in S3 if they are many."""
        return loading.prepared(table, rows, self.staging)

    def counts(self, *tables: str) -> dict[str, int]:
        """Return the number of rows of each table; without names, of every declared table."""
        wanted = [declared(name) for name in tables] or list(TABLES.values())
        note_tables(reads=[table.full_name for table in wanted])
        with infrastructure():
            found = self.query(count_rows(wanted), unload=False).to_pylist()
        return {row["name"]: int(row["rows"]) for row in found}

    @contextmanager
    def scratch(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open an empty DuckDB database to prepare rows in; it is gone afterwards."""
        import tempfile
        from pathlib import Path

        with (
            tempfile.TemporaryDirectory(prefix="workbench-scratch-") as folder,
            duckdb.connect(Path(folder) / "scratch.duckdb") as connection,
        ):
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET temp_directory = ?", [f"{folder}/temp"])
            yield connection

    def catalogue(self) -> dict[str, dict[str, str]]:
        """Return the full name of every table and view, declared or not, with its columns and their types."""
        # The standard's catalogue leaves out views that bind late.
        return catalogue.by_table(self.query(catalogue.listing("svv_columns")))

    def dbt_target(self) -> AbstractContextManager[Target]:
        """Let dbt, called in this process, log in as long as the context is open."""
        return dbt.reached(self.address)

    def publish(self) -> bool:
        """Return False: readers have what is committed, and wait for nobody."""
        return False

    def maintain(self) -> list[str]:
        """Sort and reclaim what was deleted, renew statistics and materialized views; return the statements."""
        statements = [
            *(f"VACUUM {name}" for name, table in TABLES.items() if not table.view),
            "ANALYZE",
            *(f"REFRESH MATERIALIZED VIEW {report.materialized_name}" for report in REPORTS),
        ]
        with open_session(self.address) as session:
            for statement in statements:
                session.execute(statement)
        return statements
