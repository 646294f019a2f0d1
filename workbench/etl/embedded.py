"""Take landed files into the embedded warehouse: read, checked and kept on one connection."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from workbench.etl import batches
from workbench.etl.batches import Batch
from workbench.etl.check import Checked, count_duplicates, refuse_file, split, stage
from workbench.etl.memory import bounded
from workbench.etl.reading import UnreadableFile
from workbench.sources.files import Landed
from workbench.warehouse import Warehouse

_AT_A_TIME = 0.5
"""Seconds after which the connection is closed between two files: others want to read."""


def take_in(warehouse: Warehouse, files: Iterable[Landed], run_id: str | None) -> Iterator[Batch | None]:
    """Take in files, one transaction each; None for one that another process took in since the ledger was read.

    To open the warehouse takes as long as a small file, so a connection takes as many as come in half a second.
    """
    waiting = iter(files)
    file = next(waiting, None)
    while file is not None:
        with (
            tempfile.TemporaryDirectory(prefix="workbench-") as scratch,
            warehouse.scratch() as connection,
            bounded(connection),
        ):
            until = time.monotonic() + _AT_A_TIME
            while file is not None:
                yield _take_in(connection, file, Path(scratch), run_id)
                file = next(waiting, None)
                if time.monotonic() > until:
                    break


def _take_in(
    connection: duckdb.DuckDBPyConnection, file: Landed, scratch: Path, run_id: str | None
) -> Batch | None:
    # As long as this connection is open, no other process has one.
    if batches.find(connection, file.batch_id):
        return None
    staged, why = None, ""
    try:
        staged = stage(connection, file, scratch)
    except UnreadableFile as error:
        why = str(error)
    connection.begin()
    moment = batches.moment_after(batches.last_moment(connection))
    checked = split(connection, staged, moment) if staged else refuse_file(connection, str(file.path), why)
    batch = _commit(connection, file, checked, run_id, moment)
    connection.commit()
    return batch


def _commit(connection: Any, file: Landed, checked: Checked, run_id: str | None, moment: datetime) -> Batch:
    if checked.quarantined:
        connection.execute(
            "INSERT INTO ops.quarantine (batch_id, dataset, row_number, record, reasons, run_id, quarantined_at) "
            "SELECT ?, ?, n, record, reasons, ?, ? FROM refused ORDER BY n",
            [file.batch_id, file.dataset, run_id, moment],
        )
    duplicates = count_duplicates(connection, file.dataset, moment) if checked.accepted else 0
    batch = Batch.of(file, checked, duplicates, run_id, moment)
    batches.enter(connection, batch, file.path.name)
    return batch
