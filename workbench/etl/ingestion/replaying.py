"""Rows that come back from quarantine: whether there is still a place for each, and what is noted of it.

A row goes in if it is still open where it was refused, and if no later line of its key is there: it counts as of the
file in which it came first. Both are looked at in the transaction that takes the rows in; where one has no place, the
transaction is done again without it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import duckdb

from workbench.etl.ingestion.check import Checked
from workbench.etl.ingestion.duplicates import batch_rows
from workbench.etl.ingestion.opened import OpenedFile
from workbench.etl.ingestion.reading.sent_back.file import Head, is_replay, read_head
from workbench.governance import ledger
from workbench.governance.quarantine.moves import last_move
from workbench.governance.quarantine.places import later_lines
from workbench.governance.quarantine.rows import NOT_OPEN, SUPERSEDED
from workbench.numbers import many
from workbench.schema import Table, cut
from workbench.sources.landing import FetchedFile
from workbench.warehouse import Session

_COLUMNS = "batch_id, row_number, move, into_batch_id, into_row_number, first_batch_id, first_row_number, moved_by, why, moved_at"


@dataclass(frozen=True)
class NoPlace:
    """A row that there is no place for; of one with a later line, where that is."""

    row: int
    reason: str
    later_batch_id: str | None = None
    later_row_number: int | None = None


class SomeHaveNoPlace(Exception):
    """The transaction has to be done again without some of its rows."""

    def __init__(self, rows: list[NoPlace]) -> None:
        super().__init__(many(len(rows), "row has", "rows have") + " no place")
        self.rows = rows


def head_of(opened: OpenedFile) -> Head | None:
    """Return who sends the rows of a file back from quarantine; None of any other file."""
    if opened.rows is None or not opened.rows.is_replay:
        return None
    return read_head(opened.file.path)


def timestamp_of(session: Session, file: FetchedFile) -> datetime:
    """Return a time for a batch: later than every other's, and of a replay later than every move in quarantine."""
    last = ledger.last_timestamp(session)
    if is_replay(file.path):
        moved = last_move(session)
        last = max(last, moved) if last and moved else last or moved
    return ledger.after(last)


def leave_out(connection: duckdb.DuckDBPyConnection, rows: list[NoPlace]) -> None:
    """Note rows in ``aside``, for another try without them."""
    connection.executemany(
        "INSERT INTO aside VALUES (?, ?, ?, ?)",
        [[row.row, row.reason, row.later_batch_id, row.later_row_number] for row in rows],
    )


def set_aside(
    connection: duckdb.DuckDBPyConnection, opened: OpenedFile, checked: Checked, timestamp: datetime
) -> Checked:
    """Refuse the rows of ``aside``; return the outcome."""
    if opened.rows is None or not opened.rows.is_replay:
        return checked
    mine = "_row_number IN (SELECT n FROM aside)"
    ((gone,),) = connection.execute(
        f"SELECT count(*) FROM {batch_rows(opened.table, timestamp)} WHERE {mine}"
    ).fetchall()
    connection.execute(
        f"DELETE FROM {opened.table.full_name} WHERE _ingested_at = TIMESTAMP '{timestamp}' AND {mine}"
    )
    connection.execute(
        "UPDATE refused SET reasons = list_append(reasons, aside.reason) FROM aside WHERE aside.n = refused.n"
    )
    connection.execute(
        f"INSERT INTO refused SELECT n, record, [reason] FROM aside JOIN {opened.rows.records} USING (n) "
        "WHERE n NOT IN (SELECT n FROM refused)"
    )
    if not gone:
        return checked
    return replace(
        checked, accepted=checked.accepted - gone, quarantined=checked.quarantined + gone, status="partial"
    )


def moves(opened: OpenedFile, head: Head) -> tuple[str, list[object]]:
    """Return the query for the rows of ``ops.quarantine_moves``, but for their time, the last parameter of each half."""
    batch, by, why = opened.file.batch_id, cut(head.by, 128), cut(head.why, 2048) or None
    sql = (
        "SELECT batch_id, row_number, 'replayed' AS move, CAST(? AS VARCHAR) AS into_batch_id, n AS into_row_number, "
        "first_batch_id, first_row_number, CAST(? AS VARCHAR) AS moved_by, CAST(? AS VARCHAR) AS why "
        f"FROM replayed WHERE kind = 'row' AND n NOT IN (SELECT n FROM aside WHERE reason = '{NOT_OPEN}') "
        "UNION ALL SELECT CAST(? AS VARCHAR), n, 'closed', later_batch_id, later_row_number, first_batch_id, "
        f"first_row_number, CAST(? AS VARCHAR), CASE aside.reason WHEN '{NOT_OPEN}' THEN 'the row was sent back before' "
        "ELSE 'a later line has its key' END FROM aside JOIN replayed USING (n)"
    )
    return sql, [batch, by, why, batch, by]


def note_moves(
    connection: duckdb.DuckDBPyConnection, opened: OpenedFile, head: Head, timestamp: datetime
) -> None:
    """Note in an embedded warehouse what became of the rows where they were refused."""
    sql, values = moves(opened, head)
    connection.execute(
        f"INSERT INTO ops.quarantine_moves ({_COLUMNS}) SELECT *, CAST(? AS TIMESTAMP) FROM ({sql})",
        [timestamp, *values],
    )


def check_places(session: Session, table: Table, batch_id: str, timestamp: datetime) -> None:
    """Check that there is a place for each row of a batch whose rows and moves are in.

    Raises:
        SomeHaveNoPlace: there isn't for some.
    """
    found = {
        row: NoPlace(row, SUPERSEDED, later_batch, later_row)
        for _, row, later_batch, later_row in session.execute(
            later_lines(table, "m.into_batch_id = ? AND m.moved_at = ? AND r._ingested_at = ?"),
            [batch_id, timestamp, timestamp],
        ).fetchall()
    }
    gone = session.execute(_NOT_OPEN, [timestamp, batch_id, timestamp]).fetchall()
    found |= {row: NoPlace(row, NOT_OPEN) for (row,) in gone}
    if found:
        raise SomeHaveNoPlace(list(found.values()))


_NOT_OPEN = """
    SELECT m.into_row_number FROM ops.quarantine_moves AS m INNER JOIN (
        SELECT batch_id, row_number, move,
               row_number() OVER (PARTITION BY batch_id, row_number ORDER BY moved_at DESC) AS age
        FROM ops.quarantine_moves WHERE moved_at < ?
    ) AS before ON before.batch_id = m.batch_id AND before.row_number = m.row_number AND before.age = 1
    WHERE m.into_batch_id = ? AND m.moved_at = ? AND m.move = 'replayed' AND before.move <> 'reopened'
"""
"""Query for rows that were replayed or closed before."""
