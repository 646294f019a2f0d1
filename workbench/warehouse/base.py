"""What every warehouse engine offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from workbench.schema import Dialect

if TYPE_CHECKING:
    import pandas
    import pyarrow


class Warehouse(Protocol):
    """A warehouse. A connection lives for one statement or one transaction, never longer."""

    dialect: Dialect
    url: str

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> pyarrow.Table:
        """Run one read-only statement and return its rows."""

    def frame(self, sql: str, parameters: Sequence[Any] = ()) -> pandas.DataFrame:
        """Run one read-only statement and return its rows for analysis; decimals become floats."""

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run one statement that writes."""

    def transaction(self) -> AbstractContextManager[Any]:
        """Open one transaction and yield the engine's connection: committed at the end, undone by an error."""

    def initialize(self) -> list[str]:
        """Make the declared schemas and tables that are missing; return the full names of those made."""

    def replace(self, table: str, rows: pyarrow.Table | pandas.DataFrame) -> int:
        """Replace all rows of a declared table in one transaction; return how many there are now."""

    def append(self, table: str, rows: pyarrow.Table | pandas.DataFrame) -> int:
        """Add rows to a declared table; return how many were added."""

    def append_all(self, rows: Mapping[str, pyarrow.Table]) -> None:
        """Add rows to several declared tables, in one transaction."""

    def counts(self, *tables: str) -> dict[str, int]:
        """Return the number of rows of each table; without names, of every declared table."""
