"""Take in what landed: every row of every file goes to raw or to quarantine, and the ledger says how many."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from workbench.errors import WorkFailed
from workbench.etl import embedded, remote
from workbench.etl.batches import Batch, Status
from workbench.sources.files import Landed, landed
from workbench.warehouse import Warehouse


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
    warehouse: Warehouse,
    files: Iterable[Landed] | None = None,
    *,
    run_id: str | None = None,
    progress: Callable[[Batch], None] | None = None,
) -> IngestResult:
    """Take in each landed file that the ledger doesn't know, one transaction a file.

    Args:
        warehouse: where to; its tables must be there.
        files: what landed, in order of landing; everything in landing if not given.
        run_id: the run to name in the ledger; the one whose stage this process executes, if not given.
        progress: called after each batch.

    Returns:
        The batches; none for files taken in before.
    """
    run_id = run_id or os.environ.get("WORKBENCH_RUN_ID")
    known = {row["batch_id"] for row in warehouse.query("SELECT batch_id FROM ops.batches").to_pylist()}
    take_in = embedded.take_in if warehouse.dialect == "duckdb" else remote.take_in
    batches: list[Batch] = []
    repeated = 0

    def fresh() -> Iterator[Landed]:
        nonlocal repeated
        for file in landed() if files is None else files:
            if file.batch_id in known:
                repeated += 1
            else:
                known.add(file.batch_id)
                yield file

    for batch in take_in(warehouse, fresh(), run_id):
        if batch is None:
            repeated += 1
            continue
        batches.append(batch)
        if progress:
            progress(batch)
    return IngestResult(tuple(batches), repeated)


__all__ = ["Batch", "IngestResult", "Status", "ingest"]
