"""Moves of rows in quarantine: replayed into a batch, closed by a person, or reopened.

A row that was refused stays where it is, as it came. What is done with it is a move, and the newest of its moves says
how it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from workbench.governance.ledger import after
from workbench.governance.quarantine.places import ORIGINS
from workbench.schema import Table, cut
from workbench.warehouse import Session

_MOVES = "batch_id, row_number, move, into_batch_id, into_row_number, first_batch_id, first_row_number, moved_by, why, moved_at"
NEWEST_MOVES = f"""
    SELECT {_MOVES}, before FROM (
        SELECT {_MOVES}, row_number() OVER (PARTITION BY batch_id, row_number ORDER BY moved_at DESC) AS age,
               lag(move) OVER (PARTITION BY batch_id, row_number ORDER BY moved_at) AS before
        FROM ops.quarantine_moves
    ) AS moves WHERE age = 1"""
"""Query for the newest move of each row that has one, and for what the move ``before`` it was."""


def mended_in(session: Session, batch_id: str) -> dict[str, int]:
    """Return which other batches hold rows that were refused in a batch and mended later, and how many each."""
    rows = session.execute(
        f"""
        SELECT m.into_batch_id, count(*) FROM ({NEWEST_MOVES}) AS m
        INNER JOIN ops.batches AS b ON b.batch_id = m.into_batch_id
        LEFT JOIN ops.quarantine AS q ON q.batch_id = m.into_batch_id AND q.row_number = m.into_row_number
        WHERE m.move = 'replayed' AND m.first_batch_id = ? AND m.into_batch_id <> ? AND b.withdrawn_at IS NULL
            AND q.batch_id IS NULL
        GROUP BY m.into_batch_id ORDER BY m.into_batch_id
        """,
        [batch_id, batch_id],
    ).fetchall()
    return {str(name): int(count) for name, count in rows}


def last_move(session: Session) -> datetime | None:
    """Return the time of the last move; None if there is none."""
    ((last,),) = session.execute("SELECT max(moved_at) FROM ops.quarantine_moves").fetchall()
    return last


def reopen(session: Session, batch_id: str, actor: str, why: str) -> int:
    """Open rows again that went into a batch, or were closed for a line of it, whose rows leave raw; return how many.

    Rows that were refused there once more are open there, or have moved on from there.
    """
    return _answer(
        session,
        f"""
        SELECT m.batch_id, m.row_number, 'reopened', m.into_batch_id, m.into_row_number, m.first_batch_id,
               m.first_row_number
        FROM ({NEWEST_MOVES}) AS m
        LEFT JOIN ops.quarantine AS again ON again.batch_id = m.into_batch_id AND again.row_number = m.into_row_number
        WHERE m.into_batch_id = ? AND m.move <> 'reopened' AND again.batch_id IS NULL
        """,
        batch_id, actor, why,
    )  # fmt: skip


def settle_again(session: Session, table: Table, batch_id: str, actor: str, why: str) -> int:
    """Undo :func:`reopen` for a batch whose rows are in raw again; return how many rows are settled.

    A row that is in the batch and was reopened, refused again or closed meanwhile is in the batch, wherever it was last.
    """
    settled = _answer(
        session,
        f"""
        SELECT m.batch_id, m.row_number, m.before, m.into_batch_id, m.into_row_number, m.first_batch_id,
               m.first_row_number
        FROM ({NEWEST_MOVES}) AS m WHERE m.into_batch_id = ? AND m.move = 'reopened'
        """,
        batch_id, actor, why,
    )  # fmt: skip
    return settled + _answer(
        session,
        f"""
        SELECT q.batch_id, q.row_number, 'replayed', mine.into_batch_id, mine.into_row_number, mine.first_batch_id,
               mine.first_row_number
        FROM ops.quarantine AS q
        LEFT JOIN ({NEWEST_MOVES}) AS m ON m.batch_id = q.batch_id AND m.row_number = q.row_number
        LEFT JOIN ({ORIGINS}) AS f ON f.into_batch_id = q.batch_id AND f.into_row_number = q.row_number
        INNER JOIN ({ORIGINS}) AS mine ON mine.first_batch_id = coalesce(f.first_batch_id, q.batch_id)
            AND mine.first_row_number = coalesce(f.first_row_number, q.row_number)
        INNER JOIN {table.full_name} AS r ON r._batch_id = mine.into_batch_id AND r._row_number = mine.into_row_number
        WHERE mine.into_batch_id = ? AND (m.move IS NULL OR m.move <> 'replayed')
        """,
        batch_id, actor, why,
    )  # fmt: skip


def _answer(session: Session, query: str, batch_id: str, actor: str, why: str) -> int:
    """Insert the moves of a query, but for who made them, why and when; return how many."""
    ((count,),) = session.execute(f"SELECT count(*) FROM ({query}) AS moved", [batch_id]).fetchall()
    if count:
        moved_at = after(last_move(session))
        session.execute(
            f"INSERT INTO ops.quarantine_moves ({_MOVES}) SELECT moved.*, CAST(? AS VARCHAR(128)), "
            f"CAST(? AS VARCHAR(2048)), CAST(? AS TIMESTAMP) FROM ({query}) AS moved",
            [cut(actor, 128), cut(why, 2048), moved_at, batch_id],
        )
    return int(count)


def insert_moves(session: Session, moves: Sequence[dict[str, Any]]) -> None:
    """Insert moves, some hundreds at a time."""
    names = _MOVES.split(", ")
    for start in range(0, len(moves), 500):
        chunk = moves[start : start + 500]
        marks = ", ".join(f"({', '.join('?' * len(names))})" for _ in chunk)
        values = [move.get(name) for move in chunk for name in names]
        session.execute(f"INSERT INTO ops.quarantine_moves ({_MOVES}) VALUES {marks}", values)
