"""Rows that come back from quarantine through a map that looks at the other rows of their file."""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from workbench.etl.ingestion.faults import MovesOthers
from workbench.etl.ingestion.reading import Rows
from workbench.schema import Table, quote


def map_replayed(
    connection: duckdb.DuckDBPyConnection, table: Table, rows: Rows, shaped: Callable[[str], str]
) -> None:
    """Make ``mapped`` of rows from quarantine, whose windows look at the other rows of their file.

    Raises:
        MovesOthers: with the rows as they are now, others of the file would have another key than they have.
    """

    def relation(left_out: str) -> str:
        return shaped(
            f"(SELECT * FROM {rows.relation} WHERE n NOT IN (SELECT n FROM replayed WHERE kind = '{left_out}'))"
        )

    connection.execute(f"CREATE OR REPLACE TEMP TABLE mapped AS SELECT * FROM {relation('before')}")
    key = ", ".join(quote(f"s:{name}") for name in table.key)
    context = "WHERE n IN (SELECT n FROM replayed WHERE kind = 'context')"
    ((moved,),) = connection.execute(
        f"SELECT count(*) FROM (SELECT n, {key} FROM mapped {context} "
        f"EXCEPT SELECT n, {key} FROM {relation('row')} {context})"
    ).fetchall()
    if moved:
        raise MovesOthers(moved)
    connection.execute("DELETE FROM mapped WHERE n IN (SELECT n FROM replayed WHERE kind <> 'row')")
