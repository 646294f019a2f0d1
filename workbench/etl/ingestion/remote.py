"""Take a landed file into a warehouse elsewhere: read and checked here in DuckDB, then sent in one transaction."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from workbench.etl.ingestion import replaying
from workbench.etl.ingestion.batches import BeforeCommit, batch_of, enter, refused_rows
from workbench.etl.ingestion.check import Checked, refuse_file, split
from workbench.etl.ingestion.faults import Fault, Left, fault_of, wrong_map
from workbench.etl.ingestion.memory import bounded
from workbench.etl.ingestion.opened import OpenedFile
from workbench.etl.ingestion.parts.divided import open_landed
from workbench.etl.ingestion.unfit import set_unfit_aside
from workbench.governance import ledger
from workbench.governance.ledger import Batch
from workbench.governance.quarantine.moves import last_move
from workbench.schema import DATASETS, EXTRA, Table, create_table, quote
from workbench.sources.landing import FetchedFile
from workbench.warehouse import Session, StagedRows, Warehouse

_AT_A_TIME = 20_000


def take_in(
    warehouse: Warehouse,
    files: Iterable[FetchedFile],
    run_id: str | None,
    warn: Callable[[str], None],
    before_commit: BeforeCommit | None = None,
) -> Iterator[Batch | None]:
    """Take in files, one transaction each; None for one that another process took in since the ledger was read.

    ``warn`` is told of a file that is left for another run. ``before_commit`` is called in the transaction of each
    file, when all is in; what it raises undoes that.
    """
    for file in files:
        fault = wrong_map(file)
        try:
            try:
                batch = _take_in(warehouse, file, run_id, fault, before_commit)
            except _Wrong as wrong:
                batch = _take_in(warehouse, file, run_id, fault_of(wrong.error, file), before_commit)
        except Left as left:
            warn(str(left))
        else:
            yield batch


class _Wrong(Exception):
    """A file could not be read or checked."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def _take_in(
    warehouse: Warehouse,
    file: FetchedFile,
    run_id: str | None,
    fault: Fault | None,
    before_commit: BeforeCommit | None,
) -> Batch | None:
    """Take in one file, or enter it as refused for a fault.

    Everything is made ready before the transaction begins, so that others wait for the loading alone.
    """
    table = DATASETS[file.dataset]
    with (
        tempfile.TemporaryDirectory(prefix="workbench-") as scratch,
        warehouse.scratch() as connection,
        bounded(connection),
    ):
        opened = _open(connection, table, file, Path(scratch), fault)
        while True:
            checked = _check(connection, table, opened, file)
            batch_rows = _BatchRows(warehouse, connection, opened, file, run_id)
            try:
                return _send(warehouse, batch_rows, checked, before_commit)
            except replaying.SomeHaveNoPlace as found:
                replaying.leave_out(connection, found.rows)


def _send(
    warehouse: Warehouse, rows: _BatchRows, checked: Checked, before_commit: BeforeCommit | None
) -> Batch | None:
    """Load the rows of a file in one transaction.

    Raises:
        SomeHaveNoPlace: of rows from quarantine some have none.
    """
    file, run_id = rows.file, rows.run_id
    with warehouse.transaction() as session:
        timestamp = replaying.timestamp_of(session, file)

    def load(session: Session, staged: Sequence[StagedRows], at: datetime) -> Batch:
        batch = _commit(session, staged, rows, checked, at)
        if before_commit:
            before_commit(session, batch)
        return batch

    with rows.prepared(timestamp) as staged:

        def work(session: Session) -> Batch | None:
            # The lock comes first: what others committed before it is seen then, and nobody passes by.
            session.execute("LOCK ops.batches")
            entered = ledger.find(session, file.batch_id)
            if entered is not None:
                # Ours, if the connection broke just after it was committed and this is another try.
                return entered if (entered.run_id, entered.ingested_at) == (run_id, timestamp) else None
            earliest = replaying.timestamp_of(session, file)
            last = ledger.last_timestamp(session)
            if (last is None or last < timestamp) and not rows.is_overtaken(session, timestamp):
                return load(session, staged, timestamp)
            # Another file overtook this one; a batch's time is later than those before it.
            with rows.prepared(earliest) as anew:
                return load(session, anew, earliest)

        return warehouse.run(work, repeatable=True)


class _BatchRows:
    """The rows of a file in a scratch database, to be staged with the time of their batch."""

    def __init__(
        self,
        warehouse: Warehouse,
        connection: duckdb.DuckDBPyConnection,
        opened: OpenedFile | Fault,
        file: FetchedFile,
        run_id: str | None,
    ) -> None:
        self._warehouse, self._connection, self._opened = warehouse, connection, opened
        self.table, self.file, self.run_id = DATASETS[file.dataset], file, run_id
        self._head = replaying.head_of(opened) if isinstance(opened, OpenedFile) else None

    @property
    def are_from_quarantine(self) -> bool:
        """Whether they come back from there."""
        return self._head is not None

    def is_overtaken(self, session: Session, timestamp: datetime) -> bool:
        """Whether something happened in quarantine since a time was chosen for rows from there."""
        last = last_move(session) if self.are_from_quarantine else None
        return last is not None and last >= timestamp

    @contextmanager
    def prepared(self, timestamp: datetime) -> Iterator[Sequence[StagedRows]]:
        """Make accepted and refused rows ready for the warehouse, and what becomes of those from quarantine."""
        accepted = f"SELECT * REPLACE (CAST(? AS TIMESTAMP) AS _ingested_at) FROM {self.table.full_name}"
        queries: list[tuple[str, str, list[Any]]] = [(self.table.full_name, accepted, [timestamp])]
        sql, values = refused_rows(self.file, self._opened, self.run_id)
        timed = "SELECT *, CAST(? AS TIMESTAMP) AS {} FROM ({})"
        queries.append(("ops.quarantine", timed.format("quarantined_at", sql), [timestamp, *values]))
        if self._head and isinstance(self._opened, OpenedFile):
            sql, values = replaying.moves(self._opened, self._head)
            queries.append(("ops.quarantine_moves", timed.format("moved_at", sql), [timestamp, *values]))
        with ExitStack() as stack:
            yield [
                stack.enter_context(self._warehouse.prepare(table, self._rows(query, parameters)))
                for table, query, parameters in queries
            ]

    def _rows(self, sql: str, parameters: list[Any]) -> pa.RecordBatchReader:
        """Return rows of the scratch database, to be read once and some thousands at a time."""
        # A relation is refused while a result of before isn't read to its end.
        self._connection.execute("SELECT 1").fetchall()
        return self._connection.sql(sql, params=parameters).to_arrow_reader(_AT_A_TIME)


def _open(
    connection: duckdb.DuckDBPyConnection, table: Table, file: FetchedFile, scratch: Path, fault: Fault | None
) -> OpenedFile | Fault:
    """Read the file into the scratch database, beside a raw table of its own."""
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {table.schema}")
    connection.execute(create_table(table, "duckdb")[0])
    if fault:
        return fault
    try:
        opened = open_landed(connection, file, scratch, elsewhere=True)
    except Exception as error:
        raise Left(departed) if (departed := file.departed()) else _Wrong(error) from error
    if departed := file.departed():
        raise Left(departed)
    return opened


def _check(
    connection: duckdb.DuckDBPyConnection, table: Table, opened: OpenedFile | Fault, file: FetchedFile
) -> Checked:
    """Put the file's rows into the scratch database's own raw table and into ``refused``."""
    connection.execute(f"DELETE FROM {table.full_name}")
    if isinstance(opened, Fault):
        return refuse_file(connection, file, opened)
    try:
        timestamp = ledger.after(None)
        checked = split(connection, opened, timestamp)
        checked = replaying.set_aside(connection, opened, checked, timestamp)
        checked = set_unfit_aside(connection, opened, checked) if checked.accepted else checked
    except Exception as error:
        raise Left(departed) if (departed := file.departed()) else _Wrong(error) from error
    if departed := file.departed():
        raise Left(departed)
    return checked


def _commit(
    session: Session, staged: Sequence[StagedRows], rows: _BatchRows, checked: Checked, timestamp: datetime
) -> Batch:
    table, file = rows.table, rows.file
    for staged_rows in staged:
        staged_rows.load(session)
    if rows.are_from_quarantine:
        replaying.check_places(session, table, file.batch_id, timestamp)
    duplicates = _count_duplicates(session, table, timestamp) if checked.accepted else 0
    batch = batch_of(file, checked, duplicates, rows.run_id, timestamp)
    return enter(session, batch, file.name, checked.drift)


def _count_duplicates(session: Session, table: Table, timestamp: datetime) -> int:
    """Return how many rows of the batch of a moment repeat exactly a row of it, or of a batch before."""
    names = [column.name for column in table.columns if not column.name.startswith("_")] + [EXTRA]
    columns = ", ".join(f"r.{quote(name)}" for name in names)
    keys = " AND ".join(f"r.{quote(name)} = b.{quote(name)}" for name in table.key)
    key = ", ".join(map(quote, table.key))
    batch = f"{table.full_name} AS r WHERE r._ingested_at = ?"
    # DISTINCT and INTERSECT take two missing values for the same, as a comparison doesn't.
    ((repeated,),) = session.execute(
        f"SELECT (SELECT count(*) FROM {batch}) - (SELECT count(*) FROM (SELECT DISTINCT {columns} FROM {batch}) AS d)",
        [timestamp, timestamp],
    ).fetchall()
    ((known,),) = session.execute(
        f"SELECT count(*) FROM (SELECT {columns} FROM {batch} INTERSECT SELECT {columns} FROM {table.full_name} AS r "
        f"JOIN (SELECT DISTINCT {key} FROM {table.full_name} WHERE _ingested_at = ?) AS b ON {keys} "
        "WHERE r._ingested_at < ?) AS known",
        [timestamp, timestamp, timestamp],
    ).fetchall()
    return int(repeated) + int(known)
