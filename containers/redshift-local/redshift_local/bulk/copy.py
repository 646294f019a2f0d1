"""COPY from S3: the files are read as columns and handed to PostgreSQL's own COPY, which checks every value."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from redshift_local.bulk import s3
from redshift_local.bulk.clean_columns import clean, cut, time_pattern
from redshift_local.bulk.json_paths import with_paths
from redshift_local.bulk.read_files import read
from redshift_local.bulk.rows import BadRow, Batch, Column
from redshift_local.context import SessionContext
from redshift_local.errors import SqlError
from redshift_local.operations import Copy, Location
from redshift_local.protocol.backend import Backend
from redshift_local.quoting import literal, quote

_UNQUOTED = pyarrow.csv.WriteOptions(include_header=False)
_PORTION = 1000
"""Rows between two savepoints of a COPY that may leave rows out."""
_POSITION = re.compile(r'line (\d+)(?:, column ([^:]+))?(?:: "(.*)")?', re.S)
_CODES = {"22P02": 1207, "22003": 1216, "22001": 1204, "22007": 1206, "22008": 1206, "23502": 1213}
"""Redshift's numbers of load errors, by PostgreSQL's SQLSTATE; any other is 1200."""
_TOO_LONG = "22001"
# Errors of a row's values; any other is one of the statement.
_OF_A_ROW = ("22", "23")


@dataclass
class _Load:
    """One COPY at work. ``ids`` are the numbers of the user, the table and the session, with commas."""

    spec: Copy
    columns: list[Column]
    ids: str
    bad: list[BadRow] = field(default_factory=list)

    def refuse(self, row: BadRow) -> None:
        """Note a row that is left out. Raises SqlError when it is one more than the statement allows."""
        self.bad.append(row)
        if len(self.bad) > self.spec.max_errors:
            raise self.failure()

    def failure(self) -> SqlError:
        row = self.bad[-1]
        position = f"{row.uri}, line {row.line}" + (f", column {row.column}" if row.column else "")
        return SqlError(
            "XX000",
            f"Load into table '{self.spec.table.rsplit('.', 1)[-1].strip(chr(34))}' failed.  "
            "Check 'stl_load_errors' system table for details.",
            detail=f"{position}: {row.reason}",
        )

    def statement(self) -> str:
        names = ", ".join(quote(column.name) for column in self.columns)
        return f"COPY {self.spec.table} ({names}) FROM STDIN (FORMAT csv, NULL '')"


async def copy(spec: Copy, session: SessionContext) -> None:
    """Load the files within the transaction that is open. Raises SqlError."""
    for pattern in {spec.date_format, spec.time_format} - {"auto", "epochsecs", "epochmillisecs"}:
        time_pattern(pattern)
    columns = await _columns(spec, session.backend)
    ((ids,),) = await session.backend.rows(
        "SELECT concat_ws(', ', u.usesysid, "
        f"{literal(spec.table)}::regclass::oid, pg_backend_pid()) FROM pg_catalog.pg_user u WHERE u.usename = current_user"
    )
    load = _Load(spec, columns, str(ids))
    loop = asyncio.get_running_loop()
    client = await loop.run_in_executor(None, s3.client_for, spec.access, session.server.s3)
    if spec.json_paths_at is not None:
        load.spec = await loop.run_in_executor(None, with_paths, client, spec, len(columns))
    locations = await loop.run_in_executor(None, _locations, client, spec)
    batches = read(client, locations, load.spec, load.columns, load.refuse)
    try:
        if spec.max_errors:
            await _portions(load, batches, session.backend)
        else:
            await _at_once(load, batches, session.backend)
    finally:
        batches.close()  # type: ignore[attr-defined]
        if load.bad:
            _record(load, session)


async def _columns(spec: Copy, backend: Backend) -> list[Column]:
    """Return the columns to load. Raises SqlError for a table or a column that isn't there."""
    rows = await backend.rows(
        "SELECT a.attname, t.typname, CASE WHEN a.atttypmod > 4 THEN a.atttypmod - 4 END, a.attidentity "
        "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid "
        f"WHERE a.attrelid = {literal(spec.table)}::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
    )
    known = {
        str(name): Column(
            str(name), str(kind), int(length) if length and kind in ("varchar", "bpchar") else None
        )
        for name, kind, length, _ in rows
    }
    counted = {str(name) for name, _, _, identity in rows if identity}
    if not spec.columns:
        return [column for name, column in known.items() if name not in counted or spec.explicit_ids]
    for name in spec.columns:
        if name not in known:
            raise SqlError("42703", f'column "{name}" of relation {spec.table} does not exist')
        if name in counted and not spec.explicit_ids:
            raise SqlError("42601", f'the IDENTITY column "{name}" takes values only with EXPLICIT_IDS')
    return [known[name] for name in spec.columns]


def _locations(client: Any, spec: Copy) -> list[Location]:
    locations = s3.listed(client, spec.source) if spec.manifest else s3.objects(client, spec.source)
    if not locations:
        raise SqlError(
            "XX000", f"The specified S3 prefix '{spec.source.key}' does not exist", detail=spec.source.uri
        )
    return locations


def _encode(batch: Batch, load: _Load) -> tuple[pa.RecordBatch, bytes]:
    """Return the batch as it is loaded, and as CSV in which an empty field is null and "" is empty."""
    data = batch.data
    if load.spec.format != "parquet":
        arrays = [
            clean(array, column, load.spec) for column, array in zip(load.columns, data.columns, strict=True)
        ]
        data = pa.RecordBatch.from_arrays(arrays, data.schema.names)
    elif load.spec.truncate:
        arrays = [
            cut(array, column.length) if column.is_text and column.length is not None else array
            for column, array in zip(load.columns, data.columns, strict=True)
        ]
        data = pa.RecordBatch.from_arrays(arrays, data.schema.names)
    sink = io.BytesIO()
    pyarrow.csv.write_csv(data, sink, _UNQUOTED)
    return data, sink.getvalue()


async def _at_once(load: _Load, batches: Iterator[Batch], backend: Backend) -> int:
    """Load all rows by one COPY; the first bad value ends it."""
    # What was sent last, to find the row that PostgreSQL names by its line.
    sent: list[tuple[int, Batch, pa.RecordBatch]] = []
    loop = asyncio.get_running_loop()

    def following() -> tuple[Batch, pa.RecordBatch, bytes] | None:
        batch = next(batches, None)
        return None if batch is None else (batch, *_encode(batch, load))

    async def chunks() -> AsyncIterator[bytes]:
        line = 0
        while (found := await loop.run_in_executor(None, following)) is not None:
            batch, data, text = found
            sent.append((line, batch, data))
            del sent[:-8]
            line += text.count(b"\n")
            for start in range(0, len(text), 1 << 20):
                yield text[start : start + (1 << 20)]

    try:
        return await backend.copy_in(load.statement(), chunks())
    except SqlError as problem:
        found = _POSITION.search(problem.context)
        if found is None or not problem.code.startswith(_OF_A_ROW):
            raise
        line = int(found[1]) - 1
        for before, batch, data in reversed(sent):
            if line >= before:
                load.bad.append(_bad(problem, batch, _row(data, line - before), load))
                raise load.failure() from problem
        raise


async def _portions(load: _Load, batches: Iterator[Batch], backend: Backend) -> int:
    """Load the rows in portions, each without the rows that PostgreSQL refuses."""
    loop, count = asyncio.get_running_loop(), 0
    while (batch := await loop.run_in_executor(None, next, batches, None)) is not None:
        for start in range(0, len(batch.lines), _PORTION):
            portion = replace(
                batch, data=batch.data.slice(start, _PORTION), lines=batch.lines[start : start + _PORTION]
            )
            count += await _portion(load, portion, backend)
    return count


async def _portion(load: _Load, batch: Batch, backend: Backend) -> int:
    while len(batch.lines):
        data, text = _encode(batch, load)
        await backend.run("SAVEPOINT redshift_local_copy")
        try:
            count = await backend.copy_in(load.statement(), _once(text))
        except SqlError as problem:
            found = _POSITION.search(problem.context)
            if found is None or not problem.code.startswith(_OF_A_ROW):
                raise
            await backend.run(
                "ROLLBACK TO SAVEPOINT redshift_local_copy; RELEASE SAVEPOINT redshift_local_copy"
            )
            row = _row(data, int(found[1]) - 1)
            load.refuse(_bad(problem, batch, row, load))
            kept = [index for index in range(len(batch.lines)) if index != row]
            batch = replace(
                batch,
                data=batch.data.take(pa.array(kept, pa.int64())),
                lines=[batch.lines[index] for index in kept],
            )
            continue
        await backend.run("RELEASE SAVEPOINT redshift_local_copy")
        return count
    return 0


async def _once(text: bytes) -> AsyncIterator[bytes]:
    yield text


def _row(data: pa.RecordBatch, line: int) -> int:
    """Return the index of the row that a line belongs to: a value may hold line feeds.

    PostgreSQL names the last line of a row.
    """
    feeds = [0] * len(data)
    for array in data.columns:
        if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
            counts = pc.fill_null(pc.count_substring(array, "\n"), 0).to_pylist()
            feeds = [total + one for total, one in zip(feeds, counts, strict=True)]
    at = -1
    for index, count in enumerate(feeds):
        at += 1 + count
        if at >= line:
            return index
    return len(data) - 1


def _bad(problem: SqlError, batch: Batch, row: int, load: _Load) -> BadRow:
    """Return the record of a row that PostgreSQL refused."""
    found = _POSITION.search(problem.context)
    name = (found[2] or "") if found else ""
    column = next((column for column in load.columns if column.name == name.strip('"')), None)
    values = batch.data.slice(row, 1).to_pylist()[0]
    if column is None and problem.code == _TOO_LONG:
        column = next((one for one in load.columns if _is_too_long(values.get(one.name), one)), None)
        name = column.name if column else ""
    raw = values.get(column.name) if column else None
    return BadRow(
        batch.uri, batch.lines[row], _CODES.get(problem.code, 1200), problem.message, name,
        column.type if column else "", str((column and column.length) or ""),
        load.spec.delimiter.join("" if value is None else str(value) for value in values.values()),
        "" if raw is None else str(raw),
    )  # fmt: skip


def _is_too_long(value: object, column: Column) -> bool:
    return column.length is not None and len(str("" if value is None else value).encode()) > column.length


def _record(load: _Load, session: SessionContext) -> None:
    """Keep the bad rows for stl_load_errors, whatever becomes of the client's transaction."""
    started = datetime.now(UTC).replace(tzinfo=None).isoformat()
    lines = []
    for row in load.bad:
        user, table, process = load.ids.split(", ")
        kept = {
            "database": session.database, "userid": user, "tbl": table, "session": process, "starttime": started,
            "filename": row.uri[:256], "line_number": row.line, "colname": row.column[:127], "type": row.type,
            "col_length": row.length, "raw_line": row.raw_line[:1024], "raw_field_value": row.raw_value[:1024],
            "err_code": row.code, "err_reason": row.reason[:100],
        }  # fmt: skip
        lines.append(json.dumps(kept).replace("\\u0000", ""))
    with session.server.load_errors.open("a") as file:
        file.write("\n".join(lines) + "\n")
