"""Take landed files into the embedded warehouse: read, checked and kept on one connection."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from workbench.etl.ingestion import replaying
from workbench.etl.ingestion.batches import BeforeCommit, batch_of, enter, refused_rows
from workbench.etl.ingestion.check import Checked, refuse_file, split
from workbench.etl.ingestion.duplicates import count_duplicates
from workbench.etl.ingestion.faults import Fault, Left, fault_of, leaves_nothing, wrong_map
from workbench.etl.ingestion.memory import bounded
from workbench.etl.ingestion.opened import OpenedFile
from workbench.etl.ingestion.parts.divided import open_landed
from workbench.governance import ledger
from workbench.governance.ledger import Batch
from workbench.sources.landing import FetchedFile
from workbench.warehouse import Warehouse

_ONE_AT_A_TIME = threading.Lock()
"""The file keeps other processes out while this one has it open, and nothing keeps its threads apart."""

_AT_A_TIME = 0.5
"""Seconds after which the connection is closed between two files: others want to read."""


def take_in(
    warehouse: Warehouse,
    files: Iterable[FetchedFile],
    run_id: str | None,
    warn: Callable[[str], None],
    before_commit: BeforeCommit | None = None,
) -> Iterator[Batch | None]:
    """Take in files, one transaction each; None for one that another process took in since the ledger was read.

    To open the warehouse takes as long as a small file, so a connection takes as many as come in half a second.
    ``warn`` is told of a file that is left for another run. ``before_commit`` is called in the transaction of each
    file, when all is in; what it raises undoes that.
    """
    waiting = iter(files)
    file, fault = next(waiting, None), None
    while file is not None:
        with (
            tempfile.TemporaryDirectory(prefix="workbench-") as scratch,
            warehouse.scratch() as connection,
            bounded(connection),
        ):
            until = time.monotonic() + _AT_A_TIME
            while file is not None:
                try:
                    with _ONE_AT_A_TIME:
                        batch = _take_in(connection, file, Path(scratch), run_id, fault, before_commit)
                except duckdb.Error as error:
                    if fault or not leaves_nothing(error):
                        raise
                    # The file is refused with that, on a connection of its own.
                    fault = fault_of(error, file)
                    break
                except Left as left:
                    warn(str(left))
                else:
                    yield batch
                file, fault = next(waiting, None), None
                if time.monotonic() > until:
                    break


def _take_in(
    connection: duckdb.DuckDBPyConnection,
    file: FetchedFile,
    scratch: Path,
    run_id: str | None,
    fault: Fault | None,
    before_commit: BeforeCommit | None,
) -> Batch | None:
    # As long as this connection is open, no other process has one.
    if ledger.find(connection, file.batch_id):
        return None
    opened = fault or wrong_map(file) or _open_file(connection, file, scratch)
    while True:
        connection.begin()
        timestamp = replaying.timestamp_of(connection, file)
        try:
            if isinstance(opened, Fault):
                checked = refuse_file(connection, file, opened)
            else:
                checked = split(connection, opened, timestamp)
                checked = replaying.set_aside(connection, opened, checked, timestamp)
        except Exception as error:
            if leaves_nothing(error) or isinstance(opened, Fault):
                raise
            connection.rollback()
            connection.execute("RESET disabled_optimizers")
            opened = fault_of(error, file)
            continue
        try:
            batch = _commit(connection, file, opened, checked, run_id, timestamp)
            if before_commit:
                before_commit(connection, batch)
        except replaying.SomeHaveNoPlace as found:
            connection.rollback()
            replaying.leave_out(connection, found.rows)
            continue
        connection.commit()
        return batch


def _open_file(connection: duckdb.DuckDBPyConnection, file: FetchedFile, scratch: Path) -> OpenedFile | Fault:
    try:
        opened: OpenedFile | Fault = open_landed(connection, file, scratch)
    except Exception as error:
        if leaves_nothing(error):
            raise
        opened = fault_of(error, file)
    if departed := file.departed():
        raise Left(departed)
    return opened


def _commit(
    connection: Any,
    file: FetchedFile,
    opened: OpenedFile | Fault,
    checked: Checked,
    run_id: str | None,
    timestamp: datetime,
) -> Batch:
    if checked.quarantined:
        sql, values = refused_rows(file, opened, run_id)
        connection.execute(
            "INSERT INTO ops.quarantine (batch_id, dataset, row_number, record, reasons, run_id, form, quarantined_at) "
            f"SELECT *, CAST(? AS TIMESTAMP) FROM ({sql})",
            [timestamp, *values],
        )
    if isinstance(opened, OpenedFile) and (head := replaying.head_of(opened)):
        replaying.note_moves(connection, opened, head, timestamp)
        replaying.check_places(connection, opened.table, file.batch_id, timestamp)
    duplicates = count_duplicates(connection, file.dataset, timestamp) if checked.accepted else 0
    batch = batch_of(file, checked, duplicates, run_id, timestamp)
    return enter(connection, batch, file.name, checked.drift)
