"""Whether two warehouses hold the same: a checksum for each table, and where they differ, how many rows.

Checksums are of rows in any order, as often as they are there. What a row says of the run that wrote it is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import duckdb

from workbench.schema import TABLES, quote
from workbench.schema.model import Column
from workbench.warehouse import Warehouse

OF_THE_RUN = frozenset({"run_id", "_ingested_at", "ingested_at", "quarantined_at", "_run_id"})
"""Who wrote a row, and when: not what it says."""


@dataclass(frozen=True)
class Compared:
    """A table of two warehouses: rows and checksum of each, and how many rows only one of them has."""

    table: str
    rows: tuple[int, int]
    checksums: tuple[str, str]
    lost: int
    added: int

    @property
    def is_equal(self) -> bool:
        """Whether both hold the same rows."""
        return (self.rows[0], self.checksums[0]) == (self.rows[1], self.checksums[1])


def compare(
    original: Warehouse, restored: Warehouse, tables: Collection[str], ignored: Collection[str] = OF_THE_RUN
) -> list[Compared]:
    """Compare tables of two warehouses.

    Args:
        tables: full names of declared ones.
        ignored: columns that may differ.
    """
    return [_compare(name, original, restored, ignored) for name in tables]


def _compare(name: str, original: Warehouse, restored: Warehouse, ignored: Collection[str]) -> Compared:
    columns = [column for column in TABLES[name].columns if column.name not in ignored]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = [
            _checksum(connection, side, warehouse, name, columns)
            for side, warehouse in (("original", original), ("restored", restored))
        ]
        (rows, checksum), (other_rows, other_checksum) = found
        lost = added = 0
        if (rows, checksum) != (other_rows, other_checksum):
            lost, added = (
                connection.execute(
                    f"SELECT count(*) FROM (SELECT text FROM {one} EXCEPT ALL SELECT text FROM {other})"
                ).fetchall()[0][0]
                for one, other in (("original", "restored"), ("restored", "original"))
            )
        return Compared(name, (rows, other_rows), (checksum, other_checksum), lost, added)


def _checksum(
    connection: duckdb.DuckDBPyConnection,
    side: str,
    warehouse: Warehouse,
    name: str,
    columns: Sequence[Column],
) -> tuple[int, str]:
    """Keep a table's rows as texts; return their number and checksum."""
    names = ", ".join(quote(column.name) for column in columns)
    connection.register("rows", warehouse.query(f"SELECT {names} FROM {name}"))
    row = ", ".join(f"{quote(column.name)} := {_exact(column)}" for column in columns)
    connection.execute(f"CREATE TABLE {side} AS SELECT CAST(struct_pack({row}) AS VARCHAR) AS text FROM rows")
    connection.unregister("rows")
    # A sum, as a row that is there twice would take itself out of an exclusive or.
    ((rows, checksum),) = connection.execute(
        f"SELECT count(*), sum(CAST(('0x' || md5(text)[:16]) AS HUGEINT)) FROM {side}"
    ).fetchall()
    return int(rows), f"{int(checksum or 0) % 2**64:016x}"


def _exact(column: Column) -> str:
    """What of a value counts: of a float, which depends on the order of adding up, nine digits."""
    name = quote(column.name)
    return f"format('{{:.9g}}', {name})" if column.kind == "double" else name
