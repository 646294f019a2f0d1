"""Take in what landed: every row of every file goes to raw or to quarantine, and the ledger says how many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from workbench.errors import WorkFailed
from workbench.etl.ingestion import embedded, remote
from workbench.governance.ids import SHORT
from workbench.governance.ledger import Batch, Status
from workbench.governance.this_run import this_run
from workbench.sources.landing import FetchedFile, KnownFiles, LandedFile, Landing, Unavailable, open_landing
from workbench.warehouse import Warehouse

_MOST_TOLD = 20


@dataclass(frozen=True)
class IngestResult:
    """What one ingestion did: the batches it took in, and how many files it had taken in before.

    ``refused_before`` tells of files that still lie in landing and were refused by an earlier ingestion, ``left`` of
    what lies there and couldn't be taken in now or belongs to no dataset; a sentence each.
    """

    batches: tuple[Batch, ...]
    known_files: int
    refused_before: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def rejected(self) -> tuple[Batch, ...]:
        """The batches refused whole."""
        return tuple(batch for batch in self.batches if batch.status == "rejected")

    @property
    def counts(self) -> dict[str, int]:
        """Sums over the batches, for the run record."""
        names = ("rows_landed", "rows_accepted", "rows_quarantined", "rows_duplicate")
        sums = {name: sum(getattr(batch, name) for batch in self.batches) for name in names}
        return {
            "files_new": len(self.batches),
            "files_known": self.known_files,
            "files_refused": len(self.rejected) + len(self.refused_before),
            "files_left": len(self.left),
            **sums,
        }

    @property
    def warnings(self) -> list[str]:
        """What a person should see to, a sentence each: files refused whole, now or before, odd ones, and left ones."""
        now = [f"{Path(batch.uri).name} was refused whole: {batch.message}" for batch in self.rejected]
        odd = [
            f"{Path(batch.uri).name}: {batch.message}" for batch in self.batches if batch.verdict == "warn"
        ]
        messages = [*now, *odd, *self.left, *self.refused_before]
        more = [f"and {len(messages) - _MOST_TOLD} more files"] if len(messages) > _MOST_TOLD else []
        return messages[:_MOST_TOLD] + more

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
        """Raise if this ingestion refused a file whole; everything else is in by then.

        Raises:
            WorkFailed: naming each such file and what is wrong with it.
        """
        if self.rejected:
            messages = "; ".join(f"{Path(batch.uri).name}: {batch.message}" for batch in self.rejected)
            raise WorkFailed(
                f"{len(self.rejected)} of {len(self.batches)} new files refused whole: {messages}"
            )


def ingest(
    warehouse: Warehouse,
    landing: Landing | None = None,
    *,
    run_id: str | None = None,
    progress: Callable[[Batch], None] | None = None,
) -> IngestResult:
    """Take in each landed file that the ledger doesn't know, one transaction a file.

    A file is read only if it wasn't read before in the state that it is in. What is wrong with one file is recorded
    with it, and stops no other.

    Args:
        warehouse: where to; its tables must be there.
        landing: where files landed; that of the settings if not given.
        run_id: the run to name in the ledger; the one whose stage this process executes, if not given.
        progress: called after each batch.

    Returns:
        The batches; none for files taken in before.
    """
    run_id = run_id or this_run()
    rows = warehouse.query(
        "SELECT batch_id, CASE WHEN status = 'rejected' THEN coalesce(message, '') END AS refused, "
        "CASE WHEN withdrawn_at IS NOT NULL THEN uri END AS withdrawn FROM ops.batches"
    ).to_pylist()
    withdrawn = {row["batch_id"]: row["withdrawn"] for row in rows if row["withdrawn"]}
    ledger = {row["batch_id"]: row["refused"] for row in rows}
    place, known = landing or open_landing(), KnownFiles(warehouse)
    take_in = embedded.take_in if warehouse.is_embedded else remote.take_in
    batches: list[Batch] = []
    refused: list[str] = []
    left: list[str] = []
    repeated = 0

    def in_ledger(file: LandedFile, batch_id: str | None) -> bool:
        nonlocal repeated
        if batch_id not in ledger:
            return False
        repeated += 1
        if why := ledger[batch_id]:
            refused.append(f"{file.name} was refused whole before and still lies in landing: {why}")
        return True

    def fresh() -> Iterator[FetchedFile]:
        for file in place.files(left.append):
            if in_ledger(file, known.batch_id(file)):
                continue
            with ExitStack() as at_hand:
                try:
                    fetched = at_hand.enter_context(place.fetch(file))
                except Unavailable as reason:
                    left.append(str(reason))
                    continue
                known.note(fetched)
                if withdrawn.get(fetched.batch_id, file.uri) != file.uri:
                    left.append(
                        f"{file.name} has the content of a batch that was withdrawn; if it is right after all, put that "
                        f"back with: workbench batches restore {fetched.batch_id[:SHORT]}"
                    )
                if not in_ledger(file, fetched.batch_id):
                    ledger[fetched.batch_id] = None
                    yield fetched

    for batch in take_in(warehouse, fresh(), run_id, left.append):
        if batch is None:
            repeated += 1
            continue
        batches.append(batch)
        if progress:
            progress(batch)
    known.save()
    return IngestResult(tuple(batches), repeated, tuple(refused), tuple(left))


__all__ = ["Batch", "IngestResult", "Status", "ingest"]
