"""The ledger, ``ops.batches``: one entry a landed file, which says what became of its rows."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Literal

from workbench.errors import UsageError
from workbench.governance.ids import row_named
from workbench.warehouse import Session, Warehouse

Status = Literal["loaded", "partial", "empty", "rejected"]


@dataclass(frozen=True)
class Batch:
    """One entry; ``rows_landed = rows_accepted + rows_quarantined``, and the accepted rows are in raw or withdrawn."""

    batch_id: str
    dataset: str
    uri: str
    rows_landed: int
    rows_accepted: int
    rows_quarantined: int
    rows_duplicate: int
    status: Status
    message: str | None
    run_id: str | None
    ingested_at: datetime
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None
    withdrawn_why: str | None = None
    rows_withdrawn: int | None = None
    verdict: str | None = None
    mapping: str | None = None
    lacks: str | None = None

    @property
    def file(self) -> str:
        """The name of its file, without the folders."""
        return self.uri.replace("\\", "/").rpartition("/")[2]


_COLUMNS = ", ".join(field.name for field in fields(Batch))


def after(last: datetime | None) -> datetime:
    """Return a time for what happens now: later than the last, whatever the clock does."""
    now = datetime.now(UTC).replace(tzinfo=None)
    return max(now, last + timedelta(microseconds=1)) if last else now


def last_timestamp(session: Session) -> datetime | None:
    """Return the time of the last batch; None if there is none."""
    ((last,),) = session.execute("SELECT max(ingested_at) FROM ops.batches").fetchall()
    return last


def find(session: Session, batch_id: str) -> Batch | None:
    """Return the entry of a batch."""
    rows = session.execute(f"SELECT {_COLUMNS} FROM ops.batches WHERE batch_id = ?", [batch_id]).fetchall()
    return Batch(*rows[0]) if rows else None


def require_current(warehouse: Warehouse) -> None:
    """Check that a warehouse knows of withdrawals.

    Raises:
        UsageError: it is of an earlier version.
    """
    if "withdrawn_at" not in warehouse.catalogue().get("ops.batches", ()):
        raise UsageError(
            f"{warehouse.url} is of an earlier version; bring it up to date with: workbench init"
        )


def recent(warehouse: Warehouse, limit: int, *, dataset: str = "") -> list[Batch]:
    """Return the entries of the batches taken in last, the newest first; with ``dataset``, of this one alone."""
    only, values = ("WHERE dataset = ?", [dataset]) if dataset else ("", [])
    found = warehouse.query(
        f"SELECT {_COLUMNS} FROM ops.batches {only} ORDER BY ingested_at DESC LIMIT {int(limit)}", values
    )
    return [Batch(**row) for row in found.to_pylist()]


def named(warehouse: Warehouse, beginning: str) -> Batch:
    """Return the entry of the batch whose id begins so.

    Raises:
        UsageError: there is none, or several.
    """
    row = row_named(
        warehouse, "ops.batches", "batch_id", _COLUMNS, beginning, kind="batch", newest="ingested_at"
    )
    return Batch(**row)
