"""Take a landed file into a warehouse elsewhere: read and checked here in DuckDB, then sent in one transaction."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from workbench.etl.ingestion.batches import batch_of, enter
from workbench.etl.ingestion.check import Checked, OpenedFile, open_file, refuse_file, split
from workbench.etl.ingestion.faults import Fault, Left, fault_of, wrong_map
from workbench.etl.ingestion.memory import bounded
from workbench.governance import ledger
from workbench.governance.ledger import Batch
from workbench.schema import DATASETS, EXTRA, Table, create_table, quote
from workbench.sources.landing import FetchedFile
from workbench.warehouse import Session, StagedRows, Warehouse

_LONGEST = 65_535
"""Bytes that the longest text of a column may have in the warehouse; JSON is kept as text there."""
_AT_A_TIME = 20_000


def take_in(
    warehouse: Warehouse, files: Iterable[FetchedFile], run_id: str | None, warn: Callable[[str], None]
) -> Iterator[Batch | None]:
    """Take in files, one transaction each; None for one that another process took in since the ledger was read.

    ``warn`` is told of a file that is left for another run.
    """
    for file in files:
        fault = wrong_map(file)
        try:
            try:
                batch = _take_in(warehouse, file, run_id, fault)
            except _Wrong as wrong:
                batch = _take_in(warehouse, file, run_id, fault_of(wrong.error, file))
        except Left as left:
            warn(str(left))
        else:
            yield batch


class _Wrong(Exception):
    """A file could not be read or checked."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def _take_in(
    warehouse: Warehouse, file: FetchedFile, run_id: str | None, fault: Fault | None
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
        checked = _check(connection, table, file, Path(scratch), fault)
        batch_rows = _BatchRows(warehouse, connection, table, file, run_id)
        with warehouse.transaction() as session:
            timestamp = ledger.after(ledger.last_timestamp(session))
        with batch_rows.prepared(timestamp) as staged:

            def work(session: Session) -> Batch | None:
                # The lock comes first: what others committed before it is seen then, and nobody passes by.
                session.execute("LOCK ops.batches")
                entered = ledger.find(session, file.batch_id)
                if entered is not None:
                    # Ours, if the connection broke just after it was committed and this is another try.
                    return entered if (entered.run_id, entered.ingested_at) == (run_id, timestamp) else None
                last = ledger.last_timestamp(session)
                if last is None or last < timestamp:
                    return _commit(session, staged, table, file, checked, run_id, timestamp)
                # Another file overtook this one; a batch's time is later than those before it.
                later = ledger.after(last)
                with batch_rows.prepared(later) as anew:
                    return _commit(session, anew, table, file, checked, run_id, later)

            return warehouse.run(work, repeatable=True)


class _BatchRows:
    """The rows of a file in a scratch database, to be staged with the time of their batch."""

    def __init__(
        self,
        warehouse: Warehouse,
        connection: duckdb.DuckDBPyConnection,
        table: Table,
        file: FetchedFile,
        run_id: str | None,
    ) -> None:
        self._warehouse, self._connection, self._table = warehouse, connection, table
        self._file, self._run_id = file, run_id

    @contextmanager
    def prepared(self, timestamp: datetime) -> Iterator[tuple[StagedRows, StagedRows]]:
        """Make accepted and refused rows ready for the warehouse."""
        accepted = f"SELECT * REPLACE (CAST(? AS TIMESTAMP) AS _ingested_at) FROM {self._table.full_name}"
        refused = (
            "SELECT ? AS batch_id, ? AS dataset, n AS row_number, record, reasons, ? AS run_id, "
            "CAST(? AS TIMESTAMP) AS quarantined_at FROM refused ORDER BY n"
        )
        about = [self._file.batch_id, self._file.dataset, self._run_id]
        with (
            self._warehouse.prepare(self._table.full_name, self._rows(accepted, [timestamp])) as good,
            self._warehouse.prepare("ops.quarantine", self._rows(refused, [*about, timestamp])) as bad,
        ):
            yield good, bad

    def _rows(self, sql: str, parameters: list[Any]) -> pa.RecordBatchReader:
        """Return rows of the scratch database, to be read once and some thousands at a time."""
        # A relation is refused while a result of before isn't read to its end.
        self._connection.execute("SELECT 1").fetchall()
        return self._connection.sql(sql, params=parameters).to_arrow_reader(_AT_A_TIME)


def _check(
    connection: duckdb.DuckDBPyConnection, table: Table, file: FetchedFile, scratch: Path, fault: Fault | None
) -> Checked:
    """Put the file's rows into the scratch database's own raw table and into ``refused``."""
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {table.schema}")
    connection.execute(create_table(table, "duckdb")[0])
    if fault:
        return refuse_file(connection, file, fault)
    try:
        staged = open_file(connection, file, scratch)
        checked = split(connection, staged, ledger.after(None))
        checked = _set_aside(connection, staged, checked) if checked.accepted else checked
    except Exception as error:
        raise Left(departed) if (departed := file.departed()) else _Wrong(error) from error
    if departed := file.departed():
        raise Left(departed)
    return checked


def _set_aside(connection: duckdb.DuckDBPyConnection, staged: OpenedFile, checked: Checked) -> Checked:
    """Refuse the rows whose values the warehouse can't hold: JSON that is too long, texts with a NUL in them."""
    table = staged.table
    assert staged.rows is not None  # noqa: S101 - nothing is accepted from a file without a byte
    reasons = []
    for column in table.columns:
        if column.kind == "json":
            reasons.append(
                (f"strlen(CAST({quote(column.name)} AS VARCHAR)) > {_LONGEST}", column.name, "too_long")
            )
        if column.kind == "text":
            reasons.append((f"contains({quote(column.name)}, chr(0))", column.name, "nul_byte"))
    cases = ", ".join(f"CASE WHEN {condition} THEN '{name}:{code}' END" for condition, name, code in reasons)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE unfit AS SELECT n, reasons FROM ("
        f"SELECT _row_number AS n, list_filter([{cases}], lambda reason: reason IS NOT NULL) AS reasons "
        f"FROM {table.full_name} WHERE {' OR '.join(condition for condition, _, _ in reasons)})"
    )
    ((count,),) = connection.execute("SELECT count(*) FROM unfit").fetchall()
    if not count:
        return checked
    connection.execute(f"DELETE FROM {table.full_name} WHERE _row_number IN (SELECT n FROM unfit)")
    connection.execute(
        f"INSERT INTO refused SELECT n, record, reasons FROM unfit JOIN {staged.rows.records} USING (n)"
    )
    return replace(
        checked, accepted=checked.accepted - count, quarantined=checked.quarantined + count, status="partial"
    )


def _commit(
    session: Session,
    staged: tuple[StagedRows, StagedRows],
    table: Table,
    file: FetchedFile,
    checked: Checked,
    run_id: str | None,
    timestamp: datetime,
) -> Batch:
    for staged_rows in staged:
        staged_rows.load(session)
    duplicates = _count_duplicates(session, table, timestamp) if checked.accepted else 0
    batch = batch_of(file, checked, duplicates, run_id, timestamp)
    enter(session, batch, file.name)
    return batch


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
