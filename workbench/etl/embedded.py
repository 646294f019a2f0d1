"""Take a landed file into the embedded warehouse: read, checked and kept on one connection."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.etl import batches
from workbench.etl.batches import Batch
from workbench.etl.check import Checked, count_duplicates, refuse_file, split, stage
from workbench.etl.read import UnreadableFile
from workbench.sources.files import Landed
from workbench.warehouse import Warehouse


def take_in(warehouse: Warehouse, file: Landed, run_id: str | None) -> Batch | None:
    """Take in one file; None if another process did so since the ledger was read."""
    with tempfile.TemporaryDirectory(prefix="workbench-") as scratch, warehouse.scratch() as connection:
        # As long as this connection is open, no other process has one.
        if batches.find(connection, file.batch_id):
            return None
        staged, why = None, ""
        try:
            staged = stage(connection, file, Path(scratch) / "lines")
        except UnreadableFile as error:
            why = str(error)
        connection.begin()
        moment = batches.moment_after(batches.last_moment(connection))
        checked = (
            split(connection, staged, moment) if staged else refuse_file(connection, str(file.path), why)
        )
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
