"""Take in what landed: every row of every file goes to raw or to quarantine, and the ledger says how many."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from workbench.errors import WorkFailed
from workbench.etl import alerts
from workbench.etl.check import Checked, count_duplicates, refuse_file, split, stage
from workbench.etl.read import UnreadableFile
from workbench.sources.files import Landed, landed
from workbench.warehouse.duckdb import DuckDBWarehouse

Status = Literal["loaded", "partial", "empty", "rejected"]


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


@dataclass(frozen=True)
class IngestResult:
    """What one ingestion did: the batches it took in, and how many files it had taken in before."""

    batches: tuple[Batch, ...]
    known_files: int

    @property
    def rejected(self) -> tuple[Batch, ...]:
        """The batches refused whole."""
        return tuple(batch for batch in self.batches if batch.status == "rejected")

    @property
    def counts(self) -> dict[str, int]:
        """Sums over the batches, for the run record."""
        names = ("rows_landed", "rows_accepted", "rows_quarantined", "rows_duplicate")
        sums = {name: sum(getattr(batch, name) for batch in self.batches) for name in names}
        return {"files_new": len(self.batches), "files_known": self.known_files, **sums}

    def frame(self) -> pd.DataFrame:
        """One row a batch, for display."""
        columns = [
            "dataset",
            "file",
            "status",
            "rows_landed",
            "rows_accepted",
            "rows_quarantined",
            "rows_duplicate",
            "message",
        ]
        rows = [{**asdict(batch), "file": Path(batch.uri).name} for batch in self.batches]
        return pd.DataFrame(rows, columns=columns)

    def raise_for_rejected(self) -> None:
        """Raise if a file was refused whole; everything else is in by then.

        Raises:
            WorkFailed: naming each such file and what is wrong with it.
        """
        if self.rejected:
            told = "; ".join(f"{Path(batch.uri).name}: {batch.message}" for batch in self.rejected)
            raise WorkFailed(f"{len(self.rejected)} of {len(self.batches)} new files refused whole: {told}")


def ingest(
    warehouse: DuckDBWarehouse,
    files: Iterable[Landed] | None = None,
    *,
    run_id: str | None = None,
    progress: Callable[[Batch], None] | None = None,
) -> IngestResult:
    """Take in each landed file that the ledger doesn't know, one transaction a file.

    Args:
        warehouse: where to; its tables must be there.
        files: what landed, in order of landing; everything in landing if not given.
        run_id: the run to name in the ledger.
        progress: called after each batch.

    Returns:
        The batches; none for files taken in before.
    """
    known = {row["batch_id"] for row in warehouse.query("SELECT batch_id FROM ops.batches").to_pylist()}
    batches: list[Batch] = []
    repeated = 0
    for file in landed() if files is None else files:
        if file.batch_id in known:
            repeated += 1
            continue
        known.add(file.batch_id)
        batch = _take_in(warehouse, file, run_id)
        if batch is None:
            repeated += 1
            continue
        batches.append(batch)
        if progress:
            progress(batch)
    return IngestResult(tuple(batches), repeated)


def _take_in(warehouse: DuckDBWarehouse, file: Landed, run_id: str | None) -> Batch | None:
    """Take in one file; None if another process did so since the ledger was read."""
    with tempfile.TemporaryDirectory(prefix="workbench-") as scratch, warehouse.connection() as connection:
        # As long as this connection is open, no other process has one.
        if connection.execute("SELECT 1 FROM ops.batches WHERE batch_id = ?", [file.batch_id]).fetchone():
            return None
        staged, why = None, ""
        try:
            staged = stage(connection, file, Path(scratch) / "lines")
        except UnreadableFile as error:
            why = str(error)
        connection.begin()
        moment = _moment(connection)
        checked = (
            split(connection, staged, moment) if staged else refuse_file(connection, str(file.path), why)
        )
        batch = _commit(connection, file, checked, run_id, moment)
        connection.commit()
    return batch


def _commit(connection: Any, file: Landed, checked: Checked, run_id: str | None, moment: datetime) -> Batch:
    if checked.quarantined:
        _into_quarantine(connection, file, run_id, moment)
    batch = Batch(
        batch_id=file.batch_id,
        dataset=file.dataset,
        uri=str(file.path),
        rows_landed=checked.accepted + checked.quarantined,
        rows_accepted=checked.accepted,
        rows_quarantined=checked.quarantined,
        rows_duplicate=count_duplicates(connection, file.dataset, moment) if checked.accepted else 0,
        status=checked.status,
        message=checked.message,
        run_id=run_id,
        ingested_at=moment,
    )
    _into_ledger(connection, batch)
    if batch.status == "rejected":
        alerts.put(
            connection,
            kind="rejected_batch",
            subject=f"{file.dataset}/{file.path.name}",
            severity="critical",
            message=f"{file.path.name} was refused whole: {batch.message}",
            run_id=run_id,
        )
    return batch


def _moment(connection: Any) -> datetime:
    """Return the time of this batch: now, but later than every batch before, whatever the clock does."""
    now = datetime.now(UTC).replace(tzinfo=None)
    (last,) = connection.execute("SELECT max(ingested_at) FROM ops.batches").fetchone()
    return max(now, last + timedelta(microseconds=1)) if last else now


def _into_quarantine(connection: Any, file: Landed, run_id: str | None, moment: datetime) -> None:
    connection.execute(
        "INSERT INTO ops.quarantine (batch_id, dataset, row_number, record, reasons, run_id, quarantined_at) "
        "SELECT ?, ?, n, record, reasons, ?, ? FROM refused ORDER BY n",
        [file.batch_id, file.dataset, run_id, moment],
    )


def _into_ledger(connection: Any, batch: Batch) -> None:
    values = asdict(batch)
    names = ", ".join(values)
    marks = ", ".join("?" for _ in values)
    connection.execute(f"INSERT INTO ops.batches ({names}) VALUES ({marks})", list(values.values()))
