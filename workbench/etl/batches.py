"""The ledger, ``ops.batches``: one entry a landed file, written in the transaction that takes the file in."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from workbench.etl.check import Checked
from workbench.governance import alerts
from workbench.governance.alerts import Alert
from workbench.schema import cut
from workbench.sources.landing import FetchedFile
from workbench.warehouse import Session

Status = Literal["loaded", "partial", "empty", "rejected"]
_LONGEST_MESSAGE = 500
"""Characters: with four bytes for each the ledger's column holds them, and more isn't read anyway."""


@dataclass(frozen=True)
class Batch:
    """One line of the ledger; ``rows_landed = rows_accepted + rows_quarantined``."""

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

    @classmethod
    def of(
        cls, file: FetchedFile, checked: Checked, duplicates: int, run_id: str | None, timestamp: datetime
    ) -> Batch:
        """Return the entry for a file that was checked, at the time of its batch."""
        return cls(
            batch_id=file.batch_id,
            dataset=file.dataset,
            uri=cut(file.uri, 2048),
            rows_landed=checked.accepted + checked.quarantined,
            rows_accepted=checked.accepted,
            rows_quarantined=checked.quarantined,
            rows_duplicate=duplicates,
            status=checked.status,
            message=_shortened(checked.message),
            run_id=run_id,
            ingested_at=timestamp,
        )


def _shortened(message: str | None) -> str | None:
    """Return a message that the ledger holds, however many names of others are in it."""
    if message is None:
        return None
    message = message.replace("\0", "\\0")
    return message if len(message) <= _LONGEST_MESSAGE else message[:_LONGEST_MESSAGE] + " …"


def timestamp_after(last: datetime | None) -> datetime:
    """Return the time of a new batch: now, but later than every batch before, whatever the clock does."""
    now = datetime.now(UTC).replace(tzinfo=None)
    return max(now, last + timedelta(microseconds=1)) if last else now


def last_timestamp(session: Session) -> datetime | None:
    """Return the time of the last batch; None if there is none."""
    ((last,),) = session.execute("SELECT max(ingested_at) FROM ops.batches").fetchall()
    return last


def find(session: Session, batch_id: str) -> Batch | None:
    """Return the entry of a batch."""
    names = ", ".join(Batch.__dataclass_fields__)
    rows = session.execute(f"SELECT {names} FROM ops.batches WHERE batch_id = ?", [batch_id]).fetchall()
    return Batch(*rows[0]) if rows else None


def enter(session: Session, batch: Batch, name: str) -> None:
    """Write the entry, and an alert if the file was refused whole; ``name`` is the file's."""
    values = asdict(batch)
    names = ", ".join(values)
    marks = ", ".join("?" for _ in values)
    session.execute(f"INSERT INTO ops.batches ({names}) VALUES ({marks})", list(values.values()))
    if batch.status == "rejected":
        subject, message = f"{batch.dataset}/{name}", f"{name} was refused whole: {batch.message}"
        refused = Alert("rejected_batch", "critical", subject, message, finding=(subject, message))
        alerts.put(session, [refused], batch.run_id)
