"""The warehouse for those who only read: core and marts are read in the replica, and so nobody waits for who writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

from workbench.errors import UsageError, WorkFailed, first_line
from workbench.schema import PUBLISHED, TABLES, sql_type
from workbench.warehouse.duckdb.engine import DuckDBWarehouse
from workbench.warehouse.duckdb.opening import Unopened
from workbench.warehouse.pieces import Handed, Take

if TYPE_CHECKING:
    import pandas
    import pyarrow

T = TypeVar("T")

_DAMAGES = (
    duckdb.IOException,
    duckdb.InternalException,
    duckdb.FatalException,
    duckdb.SerializationException,
)
"""What DuckDB raises where a part of a file that it opened isn't what it was."""


class _Copy(DuckDBWarehouse):
    """The replica's file, which nobody ever writes."""

    _in_turn = False


class DuckDBReader(DuckDBWarehouse):
    """A warehouse that is read in its replica; what that lacks is read in the warehouse itself.

    ``as_of`` says when the tables were as the last answer has them, UTC; None where they are so now.
    """

    as_of: datetime | None = None
    damage: str | None = None
    """What is wrong with the replica, and what becomes of it, in words; None where nothing is known to be."""

    @property
    def is_behind(self) -> bool:
        """Whether the last answer is from the replica, and the warehouse was written since."""
        return self.as_of is not None and self.replica.is_due()

    def query(self, sql: str, parameters: Sequence[Any] = (), *, unload: bool | None = None) -> pyarrow.Table:
        """Run one read-only statement and return its rows."""
        return self._ask(lambda where: DuckDBWarehouse.query(where, sql, parameters))

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Run one read-only statement and return its rows as dictionaries."""
        return self._ask(lambda where: DuckDBWarehouse.rows(where, sql, parameters))

    def frame(
        self, sql: str, parameters: Sequence[Any] = (), *, unload: bool | None = None
    ) -> pandas.DataFrame:
        """Run one read-only statement and return its rows for analysis; decimals become floats."""
        return self._ask(lambda where: DuckDBWarehouse.frame(where, sql, parameters))

    def read(self, sql: str, take: Take) -> None:
        """Run a person's statement that can do nothing but read the warehouse, and hand its rows on.

        Raises:
            WorkFailed: a part of the replica is damaged that comes after rows which were handed on.
        """
        handed = Handed(take)

        def ask(where: DuckDBWarehouse) -> None:
            try:
                DuckDBWarehouse.read(where, sql, handed)
            except duckdb.Error as error:
                if not (handed.any and isinstance(where, _Copy) and _is_damage(error)):
                    raise
                self.replica.damaged()
                raise WorkFailed(
                    f"{self._unread(error)}, and these are not all rows; make a new one with: workbench maintain"
                ) from None

        self._ask(ask)

    def counts(self, *tables: str) -> dict[str, int]:
        """Return the number of rows of each table; without names, of every declared table."""
        return self._ask(lambda where: DuckDBWarehouse.counts(where, *tables))

    def catalogue(self) -> dict[str, dict[str, str]]:
        """Return the full name of every table and view of core and marts, and of those declared beside, with columns."""
        beside = {
            name: {column.name: sql_type(column) for column in table.columns}
            for name, table in TABLES.items()
            if table.schema not in PUBLISHED
        }
        found = self._ask(DuckDBWarehouse.catalogue)
        return beside | {name: each for name, each in found.items() if name.partition(".")[0] != "main"}

    def ensure(self, *, to_read: bool = False) -> None:
        """Make the declared tables where there is nothing to read yet."""
        if not self.replica.exists():
            DuckDBWarehouse(self.url, self.lock_timeout).ensure(to_read=to_read)

    @contextmanager
    def connection(
        self, *, read_only: bool = False, linger: bool = True
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a connection to the warehouse itself for a moment.

        Raises:
            UsageError: it is to write.
        """
        if not read_only:
            raise UsageError("this warehouse was opened to read; connect() without read_only writes")
        with super().connection(read_only=True, linger=linger) as connection:
            yield connection

    def _ask(self, ask: Callable[[DuckDBWarehouse], T]) -> T:
        self.as_of = self.replica.as_of() if self._replicates else None
        damage: Exception | None = None
        if self.as_of is not None and self.replica.written_by_others:
            damage = Unopened("somebody opened it to write")
        elif self.as_of is not None:
            try:
                return ask(_Copy(f"duckdb:///{self.replica.path}", self.lock_timeout))
            except duckdb.CatalogException:
                # Of another schema, or new.
                pass
            except duckdb.BinderException:
                if not self.replica.is_due():
                    raise
            except Unopened as error:
                damage = error
            except duckdb.Error as error:
                if not _is_damage(error):
                    raise
                damage = error
        self.as_of = None
        told = self._unread(damage)
        try:
            answer = ask(DuckDBWarehouse(self.url, self.lock_timeout, replicates=self._replicates))
        except WorkFailed as busy:
            raise WorkFailed(f"{busy}; {told}") if damage else busy from None
        if damage:
            # What the warehouse answers was no fault of the question's.
            self.replica.damaged()
            self.damage = f"{told}, and the warehouse was asked; the next run makes a new one, and so does: workbench maintain"
        return answer

    def _unread(self, damage: Exception | None) -> str:
        return f"readers' copy {self.replica.path} can't be read ({first_line(str(damage))})"


def _is_damage(error: duckdb.Error) -> bool:
    # It has no class of its own for a block whose checksum is wrong.
    return isinstance(error, _DAMAGES) or type(error) is duckdb.Error
