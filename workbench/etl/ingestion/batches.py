"""Write the ledger: the entry of a landed file, in the transaction that takes the file in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, TypeAlias

from workbench.etl.ingestion.check import Checked
from workbench.etl.ingestion.drift import drift_of, stopped
from workbench.etl.ingestion.faults import Fault
from workbench.etl.ingestion.limits import unusual
from workbench.etl.ingestion.opened import OpenedFile
from workbench.governance import alerts
from workbench.governance.alerts import Alert
from workbench.governance.drift import Change, note_drift
from workbench.governance.ledger import Batch
from workbench.schema import cut
from workbench.sources.landing import FetchedFile
from workbench.warehouse import Session

BeforeCommit: TypeAlias = Callable[[Session, Batch], None]
"""Called in the transaction of a file with the entry of its batch, when all of it is in."""

_LONGEST_MESSAGE = 500
"""Characters: with four bytes for each the ledger's column holds them, and more isn't read anyway."""


def batch_of(
    file: FetchedFile, checked: Checked, duplicates: int, run_id: str | None, timestamp: datetime
) -> Batch:
    """Return the entry for a file that was checked, at the time of its batch."""
    return Batch(
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
        verdict=checked.verdict,
        mapping=file.map.canonical.decode() if file.map else None,
        lacks=checked.lacks,
    )


def refused_rows(file: FetchedFile, opened: OpenedFile | Fault, run_id: str | None) -> tuple[str, list[Any]]:
    """Return the query for the rows of ``refused`` as those of ``ops.quarantine``, but for the time, and its values."""
    rows = opened.rows if isinstance(opened, OpenedFile) else None
    sql = (
        "SELECT CAST(? AS VARCHAR) AS batch_id, CAST(? AS VARCHAR) AS dataset, n AS row_number, record, reasons, "
        f"CAST(? AS VARCHAR) AS run_id, {rows.record_form if rows else 'CAST(NULL AS VARCHAR)'} AS form FROM refused ORDER BY n"
    )
    return sql, [file.batch_id, file.dataset, run_id]


def _shortened(message: str | None) -> str | None:
    """Return a message that the ledger holds, however many names of others are in it."""
    if message is None:
        return None
    message = message.replace("\0", "\\0")
    return message if len(message) <= _LONGEST_MESSAGE else message[:_LONGEST_MESSAGE] + " …"


def enter(session: Session, batch: Batch, name: str, drift: Mapping[str, Change]) -> Batch:
    """Write the entry, and an alert if the file was refused whole; return it as it is entered.

    Args:
        session: in the transaction that takes the file in.
        batch: its entry.
        name: the file's name.
        drift: the columns of it that differ from what is declared.
    """
    if batch.verdict in ("publish", "warn") and (odd := unusual(session, batch.dataset, batch.rows_landed)):
        batch = replace(
            batch, verdict="warn", message=_shortened("; ".join(filter(None, [odd, batch.message])))
        )
    if ended := stopped(session, batch):
        told = f"it lacks {', '.join(ended)}, which the files of its kind before it had"
        batch = replace(
            batch, verdict="warn", message=_shortened("; ".join(filter(None, [told, batch.message])))
        )
        drift = {**drift, **drift_of(stopped=ended)}
    values = asdict(batch)
    names = ", ".join(values)
    marks = ", ".join("?" for _ in values)
    session.execute(f"INSERT INTO ops.batches ({names}) VALUES ({marks})", list(values.values()))
    if batch.status == "rejected":
        subject, message = f"{batch.dataset}/{name}", f"{name} was refused whole: {batch.message}"
        refused = Alert("rejected_batch", "critical", subject, message, finding=(batch.batch_id,))
        alerts.put(session, [refused], batch.run_id)
    note_drift(session, batch, name, drift)
    return batch
