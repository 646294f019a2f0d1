"""Rows in quarantine and what became of each: open, replayed into a later batch, or closed by a person."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from workbench.errors import UsageError
from workbench.governance.audit import note
from workbench.governance.ids import SHORT
from workbench.governance.ledger import after
from workbench.governance.quarantine.moves import NEWEST_MOVES, insert_moves, last_move
from workbench.governance.quarantine.places import ORIGINS
from workbench.schema import cut
from workbench.warehouse import Session, Warehouse

Status = Literal["open", "replayed", "closed"]
STATUSES: tuple[Status, ...] = ("open", "replayed", "closed")

NOT_OPEN, SUPERSEDED = "replay:not_open", "key:superseded"
"""Reasons of rows that came back and have no place: they were sent back before, or a later line has their key."""

EXPORTED = "_quarantine_batch"
"""The column by which rows that were exported to be mended are known."""

REFUSED_WHOLE = "batch:too_many_refused"
"""The reason of rows with which nothing is wrong but that too many others of their file were refused."""

_ROWS = f"""
    SELECT q.batch_id, q.dataset, q.row_number, q.record, q.reasons, q.form, q.quarantined_at,
           CASE WHEN m.move IS NULL OR m.move = 'reopened' THEN 'open' ELSE m.move END AS status,
           m.into_batch_id, m.into_row_number, m.moved_by, m.why, m.moved_at,
           coalesce(f.first_batch_id, q.batch_id) AS first_batch_id,
           coalesce(f.first_row_number, q.row_number) AS first_row_number, b.uri, b.mapping, b.ingested_at
    FROM ops.quarantine AS q
    INNER JOIN ops.batches AS b ON b.batch_id = q.batch_id
    LEFT JOIN ({NEWEST_MOVES}) AS m ON m.batch_id = q.batch_id AND m.row_number = q.row_number
    LEFT JOIN ({ORIGINS}) AS f ON f.into_batch_id = q.batch_id AND f.into_row_number = q.row_number"""

OPEN_ROWS = f"""
    SELECT q.batch_id, q.dataset, q.row_number, q.reasons, q.quarantined_at FROM ops.quarantine AS q
    LEFT JOIN ({NEWEST_MOVES}) AS m ON m.batch_id = q.batch_id AND m.row_number = q.row_number
    WHERE m.move IS NULL OR m.move = 'reopened'"""
"""Query for the rows that nobody has replayed or closed."""


@dataclass(frozen=True)
class Refused:
    """A row in quarantine, and how it stands."""

    batch_id: str
    dataset: str
    row_number: int
    record: str
    reasons: list[str]
    form: str | None
    quarantined_at: datetime
    status: Status
    into_batch_id: str | None
    into_row_number: int | None
    moved_by: str | None
    why: str | None
    moved_at: datetime | None
    first_batch_id: str
    first_row_number: int
    uri: str
    mapping: str | None
    ingested_at: datetime


@dataclass(frozen=True)
class Filter:
    """Which rows are meant; what isn't given leaves out none.

    ``reason`` is a code (``quantity:zero``), its column or what is wrong with it. ``since`` is UTC, without zone.
    """

    dataset: str = ""
    batch_id: str = ""
    reason: str = ""
    since: datetime | None = None
    status: Status | None = "open"


def require_current(warehouse: Warehouse) -> None:
    """Check that a warehouse knows what became of rows in quarantine.

    Raises:
        UsageError: it is of an earlier version.
    """
    if "ops.quarantine_moves" not in warehouse.catalogue():
        raise UsageError(
            f"{warehouse.url} is of an earlier version; bring it up to date with: workbench init"
        )


def find(warehouse: Warehouse, wanted: Filter, limit: int | None = None) -> list[Refused]:
    """Return rows in quarantine: by batch, the one that was taken in first first, and by their place in it."""
    conditions, values = _conditions(wanted)
    sql = f"{_ROWS} WHERE {conditions} ORDER BY b.ingested_at, q.batch_id, q.row_number"
    if limit is not None and not wanted.reason:
        sql += f" LIMIT {int(limit)}"
    rows = [Refused(**row) for row in warehouse.query(sql, values).to_pylist()]
    found = [row for row in rows if not wanted.reason or _is_for(row.reasons, wanted.reason)]
    return found if limit is None else found[:limit]


def summed(warehouse: Warehouse, wanted: Filter) -> list[dict[str, Any]]:
    """Return batch, dataset, file, number of rows and the count of each reason of the batches that have such rows."""
    conditions, values = _conditions(wanted)
    counts: dict[str, dict[str, int]] = {}
    batches: dict[str, dict[str, Any]] = {}
    for row in warehouse.query(
        "SELECT batch_id, dataset, uri, ingested_at, reasons, count(*) AS n FROM "
        f"({_ROWS} WHERE {conditions}) AS found GROUP BY batch_id, dataset, uri, ingested_at, reasons ORDER BY ingested_at",
        values,
    ).to_pylist():
        file = row["uri"].replace("\\", "/").rpartition("/")[2]
        batch = {"batch": row["batch_id"][:SHORT], "dataset": row["dataset"], "file": file, "rows": 0}
        batches.setdefault(row["batch_id"], batch)["rows"] += row["n"]
        of_batch = counts.setdefault(row["batch_id"], {})
        for reason in row["reasons"]:
            of_batch[reason] = of_batch.get(reason, 0) + row["n"]
    for batch_id, of_batch in counts.items():
        worst_first = sorted(of_batch.items(), key=lambda each: (-each[1], each[0]))
        batches[batch_id]["reasons"] = ", ".join(f"{reason} {n}" for reason, n in worst_first)
    return list(batches.values())


def _conditions(wanted: Filter) -> tuple[str, list[Any]]:
    conditions, values = ["true"], list[Any]()
    for condition, value in (
        ("q.dataset = ?", wanted.dataset),
        ("q.batch_id = ?", wanted.batch_id),
        ("q.quarantined_at >= ?", wanted.since),
        ("position(? IN CAST(q.reasons AS VARCHAR(65535))) > 0", wanted.reason),
    ):
        if value:
            conditions.append(condition)
            values.append(value)
    if wanted.status == "open":
        conditions.append("(m.move IS NULL OR m.move = 'reopened')")
    elif wanted.status:
        conditions.append("m.move = ?")
        values.append(wanted.status)
    return " AND ".join(conditions), values


def _is_for(reasons: Sequence[str], wanted: str) -> bool:
    return any(wanted in (reason, *reason.split(":", 1)) for reason in reasons)


def came_from(warehouse: Warehouse, batches: Collection[str]) -> dict[tuple[str, int], dict[str, Any]]:
    """Return, for each row of some batches that came back from quarantine, where it was refused: the last and first time."""
    if not batches:
        return {}
    rows = warehouse.rows(
        "SELECT into_batch_id, into_row_number, batch_id, row_number, first_batch_id, first_row_number, moved_by, why "
        f"FROM ops.quarantine_moves WHERE move = 'replayed' AND into_batch_id IN ({', '.join('?' for _ in batches)}) "
        "ORDER BY moved_at",
        list(batches),
    )
    return {(row.pop("into_batch_id"), row.pop("into_row_number")): row for row in rows}


def close(warehouse: Warehouse, rows: Sequence[Refused], why: str, actor: str) -> int:
    """Say of rows that nothing is lost with them; return how many of them were open still.

    Raises:
        UsageError: there is no reason.
    """
    if not why.strip():
        raise UsageError("say why nothing is lost with them: --because 'a test of the till'")

    def work(session: Session) -> int:
        warehouse.lock(session, "ops.batches")
        moved_at = after(last_move(session))
        closed = 0
        for batch_id in dict.fromkeys(row.batch_id for row in rows):
            numbers = {row.row_number: row for row in rows if row.batch_id == batch_id}
            still = session.execute(
                f"SELECT row_number FROM ({OPEN_ROWS}) AS open_rows WHERE batch_id = ?", [batch_id]
            ).fetchall()
            mine = [numbers[number] for (number,) in still if number in numbers]
            insert_moves(
                session,
                [
                    {
                        "batch_id": row.batch_id, "row_number": row.row_number, "move": "closed",
                        "first_batch_id": row.first_batch_id, "first_row_number": row.first_row_number,
                        "moved_by": cut(actor, 128), "why": cut(why, 2048), "moved_at": moved_at,
                    }
                    for row in mine
                ],
            )  # fmt: skip
            if mine:
                note(
                    session, actor, "close quarantine", batch_id, {"reason": why, "rows": len(mine)}, moved_at
                )
            closed += len(mine)
        return closed

    return warehouse.run(work)
