"""Send rows from quarantine back: as files in landing, from which ingestion takes them like any other."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import UsageError
from workbench.etl.ingest import ingest
from workbench.etl.ingestion import embedded, remote
from workbench.etl.ingestion.reading.sent_back.file import Head, write_items
from workbench.etl.sending_back.files import Group, grouped, items_of
from workbench.etl.sending_back.mending import Key, Mended
from workbench.governance.ids import SHORT
from workbench.governance.ledger import Batch
from workbench.governance.quarantine.rows import REFUSED_WHOLE, Refused
from workbench.sources.landing import FetchedFile, LandedFile, Landing, open_landing
from workbench.sources.landing.base import Warn, batch_id, chunks
from workbench.sources.maps import Map
from workbench.warehouse import Session, Warehouse


@dataclass(frozen=True)
class Replay:
    """What became of rows that were sent back: the entry of their batch, and how many were refused again, by reason.

    ``batch`` is None where the very same rows had been sent back before, so that nothing was done; ``withdrawn`` is the
    batch that they were then, if that was withdrawn.
    """

    rows: int
    batch: Batch | None
    reasons: dict[str, int]
    withdrawn: str | None = None


def replayable(
    rows: Sequence[Refused], are_mended: Collection[Key] = (), *, force: bool = False
) -> tuple[list[Refused], list[str]]:
    """Return the rows that can go back, and a sentence for each kind of others.

    Args:
        rows: open rows.
        are_mended: those of them that somebody mended, by batch and row.
        force: whether rows go back with which nothing is wrong but the rest of their batch.
    """
    unread = [row for row in rows if row.form is None]
    whole = [
        row
        for row in rows
        if REFUSED_WHOLE in row.reasons and (row.batch_id, row.row_number) not in are_mended and not force
    ]
    told = []
    if unread:
        told.append(
            f"{len(unread):,} can't be sent back, for nobody knows how their text is read: load their file again, and "
            "close them with: workbench quarantine close"
        )
    if whole:
        batches = ", ".join(sorted({row.batch_id[:SHORT] for row in whole}))
        told.append(
            f"{len(whole):,} stay, for their batch was refused whole ({batches}); take it in with: workbench batches accept"
        )
    left = {id(row) for row in (*unread, *whole)}
    return [row for row in rows if id(row) not in left], told


def replay(
    warehouse: Warehouse,
    rows: Sequence[Refused],
    mended: Mapping[Key, Mended] | None = None,
    *,
    by: str,
    why: str = "",
    mapping: Map | None = None,
    dry_run: bool = False,
    run_id: str | None = None,
    landing: Landing | None = None,
) -> list[Replay]:
    """Send rows back, and take them in: one batch for each dataset and map.

    A process that is killed in between leaves a file in landing, which the next ingestion takes in.

    Args:
        warehouse: where they are in quarantine.
        rows: rows of which the form is known.
        mended: what people made of them; the others go back as they came.
        by: who sends them back.
        why: why.
        mapping: a map in place of those that they were read by.
        dry_run: only find out what would become of them; nothing is written.
        run_id: the run to name in the ledger.
        landing: where files land; that of the settings if not given.

    Raises:
        UsageError: a map doesn't fit, or looks at other rows of a file that is no longer there.
    """
    landing = landing or open_landing()
    done = []
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        for group in grouped(warehouse, rows, mapping):
            path = Path(folder) / f"replay-of-{group.rows[0].batch_id[:SHORT]}.jsonl"
            count = write_items(path, Head(by, why), items_of(warehouse, landing, group, mended or {}))
            identity = _identity(path, group)
            if _was_withdrawn(warehouse, identity):
                done.append(Replay(count, None, {}, withdrawn=identity))
                continue
            outcome = None
            if dry_run or group.map:
                outcome = _rehearse(warehouse, path, group, identity)
                if outcome and outcome[0].status == "rejected":
                    raise UsageError(f"nothing was sent back: {outcome[0].message}")
            if not dry_run:
                fetched = landing.put(path, group.dataset, group.map)
                result = ingest(warehouse, _Only(landing, fetched.landed), run_id=run_id)
                outcome = (
                    (result.batches[0], reasons_of(warehouse, fetched.batch_id)) if result.batches else None
                )
            batch, reasons = outcome or (None, {})
            done.append(Replay(count, batch, reasons))
    return done


def reasons_of(warehouse: Warehouse, batch: str) -> dict[str, int]:
    """Count the reasons for which rows of a batch were refused."""
    found = warehouse.query("SELECT reasons FROM ops.quarantine WHERE batch_id = ?", [batch]).to_pylist()
    return _counted(row["reasons"] for row in found)


def _counted(reasons: Iterable[Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for listed in reasons:
        for reason in json.loads(listed) if isinstance(listed, str) else listed:
            counts[reason] = counts.get(reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


class _Only:
    """Landing with one file in it."""

    def __init__(self, landing: Landing, file: LandedFile) -> None:
        self._landing, self._file = landing, file

    @property
    def uri(self) -> str:
        return self._landing.uri

    def files(self, warn: Warn = lambda _: None) -> Iterator[LandedFile]:
        yield self._file

    def key_of(self, address: str) -> str | None:
        return self._landing.key_of(address)

    def find(self, key: str) -> LandedFile:
        return self._landing.find(key)

    def fetch(self, file: LandedFile) -> AbstractContextManager[FetchedFile]:
        return self._landing.fetch(file)

    def put(self, path: Path, dataset: str, mapping: Map | None) -> FetchedFile:
        return self._landing.put(path, dataset, mapping)


class _Rehearsed(Exception):
    """All of it is in, and is undone."""

    def __init__(self, batch: Batch, reasons: dict[str, int]) -> None:
        self.batch, self.reasons = batch, reasons


def _identity(path: Path, group: Group) -> str:
    with path.open("rb") as content:
        return batch_id(group.dataset, group.map.canonical if group.map else b"", chunks(content))


def _was_withdrawn(warehouse: Warehouse, identity: str) -> bool:
    found = "SELECT 1 AS found FROM ops.batches WHERE batch_id = ? AND withdrawn_at IS NOT NULL"
    return bool(warehouse.rows(found, [identity]))


def _rehearse(
    warehouse: Warehouse, path: Path, group: Group, identity: str
) -> tuple[Batch, dict[str, int]] | None:
    """Take a file in, in a transaction that is undone; return what it would be; None if its rows were sent back before."""
    about = path.stat()
    landed = LandedFile(path.name, str(path), group.dataset, about.st_size, "", "", 0, 0)
    file = FetchedFile(landed, identity, path, group.map)

    def undo(session: Session, batch: Batch) -> None:
        found = session.execute(
            "SELECT reasons FROM ops.quarantine WHERE batch_id = ?", [identity]
        ).fetchall()
        raise _Rehearsed(batch, _counted(reasons for (reasons,) in found))

    take_in = embedded.take_in if warehouse.is_embedded else remote.take_in
    warnings: list[str] = []
    try:
        list(take_in(warehouse, [file], None, warnings.append, before_commit=undo))
    except _Rehearsed as done:
        return done.batch, done.reasons
    if warnings:
        raise UsageError(warnings[0])
    return None


def accept(
    warehouse: Warehouse,
    batch: Batch,
    rows: Sequence[Refused],
    *,
    by: str,
    why: str,
    run_id: str | None = None,
) -> list[Replay]:
    """Take in the rows of a batch that was refused whole with which nothing else is wrong.

    Raises:
        UsageError: there is no such row, or no reason.
    """
    if not why.strip():
        raise UsageError("say why it is right after all: --because 'the supplier says so'")
    if not rows:
        raise UsageError(
            f"no row of batch {batch.batch_id[:SHORT]} waits for that: it wasn't refused for its share of faults, or was "
            "taken in before"
        )
    return replay(warehouse, rows, by=by, why=why, run_id=run_id)


__all__ = ["REFUSED_WHOLE", "Replay", "accept", "reasons_of", "replay", "replayable"]
