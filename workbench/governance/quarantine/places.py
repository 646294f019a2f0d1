"""The place of rows that were sent back from quarantine: that of the row that was refused first, and one line's only."""

from __future__ import annotations

from workbench.errors import UsageError
from workbench.governance.ids import SHORT
from workbench.numbers import many
from workbench.schema import Table, quote
from workbench.warehouse import Session

ORIGINS = (
    "SELECT DISTINCT into_batch_id, into_row_number, first_batch_id, first_row_number "
    "FROM ops.quarantine_moves WHERE move = 'replayed'"
)
"""Query for the rows that were sent back, and where each was refused first."""


def later_lines(table: Table, condition: str) -> str:
    """Return the query for lines that were sent back and come after one of a later place, which they would supersede.

    The later line has the same key, and is of a later file or comes later in the same; it was taken in before. Columns:
    batch and row of the one that was sent back, batch and row of a later one.

    Args:
        table: of raw.
        condition: SQL on ``m`` (the move into a batch), ``r`` (the line that was sent back) and ``o`` (the later one).
    """
    keys = " AND ".join(f"o.{quote(name)} = r.{quote(name)}" for name in table.key)
    return f"""
        SELECT m.into_batch_id, m.into_row_number, min(o._batch_id), min(o._row_number)
        FROM ops.quarantine_moves AS m
        INNER JOIN {table.full_name} AS r ON r._batch_id = m.into_batch_id AND r._row_number = m.into_row_number
        INNER JOIN ops.batches AS b ON b.batch_id = m.first_batch_id
        INNER JOIN {table.full_name} AS o ON {keys}
        LEFT JOIN ({ORIGINS}) AS om ON om.into_batch_id = o._batch_id AND om.into_row_number = o._row_number
        INNER JOIN ops.batches AS ob ON ob.batch_id = coalesce(om.first_batch_id, o._batch_id)
        WHERE m.move = 'replayed' AND o._ingested_at < r._ingested_at
            AND (ob.ingested_at > b.ingested_at OR (ob.batch_id = b.batch_id
                AND coalesce(om.first_row_number, o._row_number) > m.first_row_number))
            AND {condition}
        GROUP BY m.into_batch_id, m.into_row_number
    """


def check_restored(session: Session, table: Table, batch_id: str) -> None:
    """Check that there is a place for each line of a batch that was put back into raw.

    Raises:
        UsageError: rows of it were sent back once more meanwhile, or others that are to count before its own.
    """
    name = batch_id[:SHORT]
    again = session.execute(
        f"""
        SELECT other.into_batch_id, count(*) FROM ({ORIGINS}) AS mine
        INNER JOIN {table.full_name} AS r ON r._batch_id = mine.into_batch_id AND r._row_number = mine.into_row_number
        INNER JOIN ({ORIGINS}) AS other ON other.first_batch_id = mine.first_batch_id
            AND other.first_row_number = mine.first_row_number AND other.into_batch_id <> mine.into_batch_id
        INNER JOIN {table.full_name} AS o ON o._batch_id = other.into_batch_id AND o._row_number = other.into_row_number
        WHERE mine.into_batch_id = ? GROUP BY other.into_batch_id ORDER BY other.into_batch_id
        """,
        [batch_id],
    ).fetchall()
    if again:
        other, rows = str(again[0][0])[:SHORT], int(again[0][1])
        raise UsageError(
            f"batch {name} can't be put back: {many(rows, 'row of it was', 'rows of it were')} sent back again "
            f"meanwhile, as batch {other}; withdraw that first: workbench batches withdraw {other}"
        )
    passed = session.execute(later_lines(table, "o._batch_id = ?"), [batch_id]).fetchall()
    if passed:
        other = str(passed[0][0])[:SHORT]
        raise UsageError(
            f"batch {name} can't be put back: {many(len(passed), 'earlier row', 'earlier rows')} of the same keys were "
            f"mended meanwhile, and would count in place of its own (batch {other}); withdraw that first: workbench "
            f"batches withdraw {other}"
        )
    passed = session.execute(later_lines(table, "m.into_batch_id = ?"), [batch_id]).fetchall()
    if passed:
        raise UsageError(
            f"batch {name} can't be put back: for {many(len(passed), 'row of it', 'rows of it')} a later line is there "
            f"(batch {str(passed[0][2])[:SHORT]}); its rows are open in quarantine: send them back anew, with another "
            "--because"
        )
