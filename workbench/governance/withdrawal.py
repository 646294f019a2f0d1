"""Take a batch out of raw that should never have been loaded, and put it back: one transaction, and nothing is lost.

Its rows go to the table of the same name in the schema ``withdrawn``, the ledger says so, and whoever has worked with
them is told what to work out anew (:mod:`workbench.governance.readers`). The batch stays known, so its file isn't taken
in again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from workbench.errors import UsageError
from workbench.governance.audit import note
from workbench.governance.ids import SHORT
from workbench.governance.ledger import Batch, after, find
from workbench.governance.quarantine.moves import mended_in, reopen, settle_again
from workbench.governance.quarantine.places import check_restored
from workbench.governance.readers import READERS
from workbench.schema import DATASETS, cut, quote
from workbench.warehouse import Session, Warehouse

LAST_MOVE = "SELECT max(happened_at) FROM ops.audit_log WHERE action IN ('withdraw batch', 'restore batch')"
"""Query for the time at which a batch was withdrawn or restored last."""


@dataclass(frozen=True)
class Withdrawal:
    """What was done with a batch: how many rows went which way, and how many members each model works out anew.

    ``mended`` are the batches that hold rows which were refused in this one and mended later, with how many: they stay.
    """

    batch: Batch
    rows: int
    told: dict[str, int]
    mended: dict[str, int] = field(default_factory=dict)


def withdraw(warehouse: Warehouse, batch_id: str, reason: str, actor: str) -> Withdrawal:
    """Take the rows of a batch out of raw; what is worked out from raw forgets them at its next build.

    Args:
        warehouse: where.
        batch_id: of the batch, whole.
        reason: why, for the ledger.
        actor: who does it.

    Raises:
        UsageError: there is no such batch, it was withdrawn before, none of its rows was accepted, or there is no reason.
    """
    return warehouse.run(lambda session: take_out(_alone(session, warehouse), batch_id, reason, actor))


def restore(warehouse: Warehouse, batch_id: str, reason: str, actor: str) -> Withdrawal:
    """Put the rows of a withdrawn batch back into raw, as they were there.

    Raises:
        UsageError: there is no such batch, it isn't withdrawn, or other rows have the place of some of its own by now.
    """
    return warehouse.run(lambda session: put_back(_alone(session, warehouse), batch_id, reason, actor))


def _alone(session: Session, warehouse: Warehouse) -> Session:
    """Wait for builds, then for ingestions: no build waits for the ledger while it is waited for."""
    warehouse.lock(session, "ops.watermarks", "ops.batches")
    return session


def take_out(session: Session, batch_id: str, reason: str, actor: str) -> Withdrawal:
    """Do inside the caller's transaction what :func:`withdraw` does."""
    if not reason.strip():
        raise UsageError("say why: --because 'sent twice under another name'")
    batch = _known(session, batch_id)
    if batch.withdrawn_at:
        raise UsageError(
            f"batch {batch_id[:SHORT]} was withdrawn on {batch.withdrawn_at:%Y-%m-%d %H:%M} by {batch.withdrawn_by}: "
            f"{batch.withdrawn_why}; put it back with: workbench batches restore {batch_id[:SHORT]}"
        )
    if not batch.rows_accepted:
        raise UsageError(
            f"no row of batch {batch_id[:SHORT]} was accepted, so there is none to withdraw ({batch.status})"
        )
    rows, told = _move(session, batch, "raw", "withdrawn")
    moved = _audit(session, "withdraw", batch, actor, reason, rows)
    session.execute(
        "UPDATE ops.batches SET withdrawn_at = ?, withdrawn_by = ?, withdrawn_why = ?, rows_withdrawn = ? "
        "WHERE batch_id = ?",
        [moved, cut(actor, 128), cut(reason, 2048), rows, batch_id],
    )
    reopen(
        session,
        batch_id,
        actor,
        f"batch {batch_id[:SHORT]}, which had the row or a later line, was withdrawn",
    )
    return Withdrawal(_known(session, batch_id), rows, told, mended_in(session, batch_id))


def put_back(session: Session, batch_id: str, reason: str, actor: str) -> Withdrawal:
    """Do inside the caller's transaction what :func:`restore` does."""
    batch = _known(session, batch_id)
    if not batch.withdrawn_at:
        raise UsageError(f"batch {batch_id[:SHORT]} isn't withdrawn")
    rows, told = _move(session, batch, "withdrawn", "raw")
    _audit(session, "restore", batch, actor, reason, rows)
    session.execute(
        "UPDATE ops.batches SET withdrawn_at = NULL, withdrawn_by = NULL, withdrawn_why = NULL, rows_withdrawn = NULL "
        "WHERE batch_id = ?",
        [batch_id],
    )
    table = DATASETS[batch.dataset]
    check_restored(session, table, batch_id)
    settle_again(session, table, batch_id, actor, f"batch {batch_id[:SHORT]} was restored")
    return Withdrawal(_known(session, batch_id), rows, told)


def _move(session: Session, batch: Batch, source: str, target: str) -> tuple[int, dict[str, int]]:
    """Move the rows of a batch between the schemas; return how many, and how many members each model was told of."""
    table = DATASETS[batch.dataset]
    columns, key = ", ".join(map(quote, table.column_names)), quote(table.key[0])
    whole = f"{source}.{table.name} AS r WHERE r._batch_id = ?"
    told = {reader.model: 0 for reader in READERS[batch.dataset]}
    for reader in READERS[batch.dataset]:
        members, values = f"SELECT {reader.member} AS member FROM {whole}", [batch.batch_id]
        if reader.of_all:
            members += (
                f" UNION SELECT {reader.member} AS member FROM raw.{table.name} AS r "
                f"WHERE r.{key} IN (SELECT r.{key} FROM {whole})"
            )
            values *= 2
        ((count,),) = session.execute(
            f"SELECT count(DISTINCT member) FROM ({members}) AS m", values
        ).fetchall()
        session.execute(
            "INSERT INTO staging.touched (model, kind, member) SELECT DISTINCT ?, ?, CAST(member AS VARCHAR(128)) "
            f"FROM ({members}) AS m WHERE member IS NOT NULL",
            [reader.model, reader.kind, *values],
        )
        told[reader.model] += int(count)
    ((rows,),) = session.execute(f"SELECT count(*) FROM {whole}", [batch.batch_id]).fetchall()
    session.execute(
        f"INSERT INTO {target}.{table.name} ({columns}) SELECT {columns} FROM {whole}", [batch.batch_id]
    )
    session.execute(f"DELETE FROM {source}.{table.name} WHERE _batch_id = ?", [batch.batch_id])
    return int(rows), told


def _known(session: Session, batch_id: str) -> Batch:
    batch = find(session, batch_id)
    if batch is None:
        raise UsageError(f"unknown batch {batch_id!r}; workbench batches list shows them")
    return batch


def _audit(session: Session, action: str, batch: Batch, actor: str, reason: str, rows: int) -> datetime:
    """Note who did it; return the time, later than that of every move before: it is the version of what raw has lost."""
    ((last,),) = session.execute(LAST_MOVE).fetchall()
    details: dict[str, Any] = {"reason": reason, "rows": rows, "dataset": batch.dataset, "uri": batch.uri}
    moved = after(last)
    note(session, actor, f"{action} batch", batch.batch_id, details, moved)
    return moved
