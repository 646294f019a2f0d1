"""UNLOAD: a query's rows go to files of the front's and, when all are there, to S3."""

from __future__ import annotations

import asyncio
import io
import json
import queue
import tempfile
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet as pq

from redshift_local.bulk import s3
from redshift_local.bulk.escaped_text import as_redshift, unescaped
from redshift_local.context import SessionContext
from redshift_local.errors import SqlError, not_imitated
from redshift_local.operations import Location, Unload
from redshift_local.protocol.backend import Backend
from redshift_local.protocol.wire import Field
from redshift_local.quoting import literal, quote

_CHUNK = 1 << 18
# Stands for null where values are written bare, for the null string itself may hold a backslash.
_NULL = "\x02redshift_local_null\x03"
_SUFFIXES = {"": "", "gzip": ".gz", "bz2": ".bz2", "zstd": ".zst"}
_PLAIN = {
    16: pa.bool_(), 21: pa.int16(), 23: pa.int32(), 20: pa.int64(), 700: pa.float32(), 701: pa.float64(),
    25: pa.string(), 1042: pa.string(), 1043: pa.string(), 19: pa.string(), 705: pa.string(), 1082: pa.date32(),
    1114: pa.timestamp("us"), 1184: pa.timestamp("us", "UTC"),
}  # fmt: skip
_NUMERIC, _TIMESTAMPTZ = 1700, 1184


def arrow_type(field: Field) -> pa.DataType:
    """Return the type of a column in Parquet. Raises SqlError for one that has none."""
    if field.type == _NUMERIC:
        if field.modifier < 4:
            raise SqlError(
                "42846",
                f"UNLOAD as Parquet needs the precision and scale of column {field.name}: "
                f"cast it, such as {field.name}::decimal(18,2)",
            )
        return pa.decimal128((field.modifier - 4) >> 16, (field.modifier - 4) & 0xFFFF)
    if field.type not in _PLAIN:
        raise not_imitated(f"UNLOAD as Parquet of column {field.name} of PostgreSQL's type {field.type}")
    return _PLAIN[field.type]


async def unload(spec: Unload, session: SessionContext) -> None:
    """Write the query's rows within the transaction that is open. Raises SqlError."""
    fields = await session.backend.describe(spec.query)
    _check(spec, fields)
    loop = asyncio.get_running_loop()
    client = await loop.run_in_executor(None, s3.client_for, spec.access, session.server.s3)
    present = await loop.run_in_executor(None, s3.objects, client, spec.target)
    if present and not (spec.overwrite or spec.clean):
        raise SqlError(
            "XX000",
            "Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, manually "
            "removing the target files in S3, or using the ALLOWOVERWRITE option.",
            detail=spec.target.uri,
        )
    with tempfile.TemporaryDirectory(prefix="redshift-unload-") as name:
        folder = Path(name)
        await _write(spec, session.backend, fields, folder)
        await loop.run_in_executor(None, _send, client, spec, folder, present)


def _check(spec: Unload, fields: list[Field]) -> None:
    names = [field.name for field in fields]
    for name in spec.partition:
        if name not in names:
            raise SqlError("42703", f"PARTITION BY names the column {name}, which the query doesn't select")
    if len(set(names)) < len(names) and spec.format == "parquet":
        raise SqlError("42701", "UNLOAD as Parquet needs columns of different names")
    if spec.format == "parquet":
        for field in fields:
            arrow_type(field)


def _statement(spec: Unload, fields: list[Field]) -> str:
    if spec.format == "parquet":
        names = [f"c{index}" for index in range(len(fields))]
        # A time with a zone is written in UTC, without saying so: that is what its Arrow type says.
        picked = [
            f"{name} AT TIME ZONE 'UTC'" if field.type == _TIMESTAMPTZ else name
            for name, field in zip(names, fields, strict=True)
        ]
        return f"COPY (SELECT {', '.join(picked)} FROM ({spec.query}\n) AS u({', '.join(names)})) TO STDOUT (FORMAT csv)"
    null = _NULL if _is_bare(spec) else spec.null
    options = [f"DELIMITER {literal(spec.delimiter)}", f"NULL {literal(null)}"]
    if spec.escape or _is_bare(spec):
        options.append("FORMAT text")
    else:
        options += ["FORMAT csv", *(["FORCE_QUOTE *"] if spec.add_quotes else [])]
    return f"COPY ({spec.query}\n) TO STDOUT ({', '.join(options)})"


def _is_bare(spec: Unload) -> bool:
    """Whether values are written as they are, with nothing to tell a delimiter in them from one between them."""
    return spec.format == "delimited" and not (spec.escape or spec.add_quotes)


def _written(spec: Unload, row: bytes) -> bytes:
    """Return a row of PostgreSQL's as the files have it."""
    if spec.escape:
        return as_redshift(row)
    if _is_bare(spec):
        return unescaped(row).replace(_NULL.encode(), spec.null.encode())
    return row


class _Stream(io.RawIOBase):
    """Bytes that one thread puts in and another reads."""

    def __init__(self) -> None:
        super().__init__()
        self.chunks: queue.Queue[bytes | None] = queue.Queue(8)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            chunk = self.chunks.get()
            if chunk is None:
                self.chunks.put(None)
                return 0
            self._rest = chunk
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


async def _write(spec: Unload, backend: Backend, fields: list[Field], folder: Path) -> None:
    """Write the rows to files in the folder."""
    stream, loop, result = _Stream(), asyncio.get_running_loop(), list[Any]()

    def work() -> None:
        try:
            if spec.format == "parquet":
                _parquet(spec, stream, fields, folder)
            else:
                _text(spec, stream, fields, folder)
        except Exception as problem:
            result.append(problem)
        # After a failure the rest is taken and dropped, so that the query can end.
        while stream.chunks.get() is not None:
            pass

    worker = threading.Thread(target=work, name="unload", daemon=True)
    worker.start()
    held = bytearray()
    try:
        async for row in backend.copy_out(_statement(spec, fields)):
            held += _written(spec, row)
            if len(held) >= _CHUNK:
                await loop.run_in_executor(None, stream.chunks.put, bytes(held))
                held.clear()
        if held:
            await loop.run_in_executor(None, stream.chunks.put, bytes(held))
    finally:
        # Both the reader and the one that drops the rest wait for an end of their own.
        await loop.run_in_executor(None, stream.chunks.put, None)
        await loop.run_in_executor(None, worker.join)
    if result:
        words = str(result[0]).splitlines()[0]
        raise SqlError("XX000", f"the rows can't be written: {words}") from result[0]


def _parquet(spec: Unload, stream: _Stream, fields: list[Field], folder: Path) -> None:
    schema = pa.schema([pa.field(field.name, arrow_type(field)) for field in fields])
    written = pa.schema(
        [pa.field(f.name, f.type if f.type != _PLAIN[_TIMESTAMPTZ] else pa.timestamp("us")) for f in schema]
    )
    try:
        reader = pyarrow.csv.open_csv(
            io.BufferedReader(stream),
            pyarrow.csv.ReadOptions(use_threads=False, block_size=4 << 20, column_names=schema.names),
            pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            pyarrow.csv.ConvertOptions(
                column_types=written, null_values=[""], true_values=["t"], false_values=["f"], strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )  # fmt: skip
    except pa.ArrowInvalid as problem:
        if "Empty CSV file" not in str(problem):
            raise
        if not spec.partition:
            pq.write_table(schema.empty_table(), folder / "0000_part_00.parquet")
        return
    if spec.partition:
        batches = (batch.cast(schema) for batch in reader)
        _partitioned(spec, schema, batches, folder)
        return
    part, writer = 0, None
    for batch in reader:
        if writer is None:
            path = folder / f"{part:04d}_part_00.parquet"
            writer = pq.ParquetWriter(path, schema)
        writer.write_batch(batch.cast(schema))
        if path.stat().st_size >= spec.size:
            writer.close()
            part, writer = part + 1, None
    if writer is not None:
        writer.close()


def _partitioned(spec: Unload, schema: pa.Schema, batches: Any, folder: Path) -> None:
    """Write a folder for each value, `column=value/`, null being __HIVE_DEFAULT_PARTITION__."""
    if spec.include_partition:
        raise not_imitated("UNLOAD with PARTITION BY ... INCLUDE")
    keys = pa.schema([schema.field(name) for name in spec.partition])
    pyarrow.dataset.write_dataset(
        batches, folder, schema=schema, format="parquet", basename_template="000{i}_part_00.parquet",
        partitioning=pyarrow.dataset.partitioning(keys, flavor="hive"), existing_data_behavior="overwrite_or_ignore",
        max_partitions=10_000,
    )  # fmt: skip


def _text(spec: Unload, stream: _Stream, fields: list[Field], folder: Path) -> None:
    """Write files of about the stated size, each with the header if there is one. A chunk is whole rows."""
    header = b""
    if spec.header:
        header = (spec.delimiter.join(_heading(field.name, spec) for field in fields) + "\n").encode()
    suffix = spec.extension or _SUFFIXES[spec.compression]
    part, chunk = 0, stream.chunks.get()
    while chunk is not None or part == 0:
        path = folder / f"{f'{part:04d}_part_00' if spec.parallel else f'{part:03d}'}{suffix}"
        with pa.output_stream(path, compression=spec.compression or None) as out:
            size = len(header)
            out.write(header)
            while chunk is not None and (size <= len(header) or size + len(chunk) <= spec.size):
                size += len(chunk)
                out.write(chunk)
                chunk = stream.chunks.get()
        part += 1
    # The end is read again by whoever drops the rest.
    stream.chunks.put(None)


def _heading(name: str, spec: Unload) -> str:
    return quote(name) if spec.add_quotes or spec.delimiter in name else name


def _send(client: Any, spec: Unload, folder: Path, present: list[Location]) -> None:
    """Upload the files, after clearing the target if that was asked for; what a failure leaves half is taken away."""
    if spec.clean:
        s3.delete(client, present)
    sent: list[Location] = []
    entries = []
    try:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                location = Location(spec.target.bucket, spec.target.key + path.relative_to(folder).as_posix())
                s3.upload(client, path, location)
                sent.append(location)
                entries.append({"url": location.uri, "meta": {"content_length": path.stat().st_size}})
        if spec.manifest:
            with s3.errors_as_sql(spec.target.uri):
                client.put_object(
                    Bucket=spec.target.bucket, Key=f"{spec.target.key}manifest",
                    Body=json.dumps({"entries": entries}).encode(),
                )  # fmt: skip
    except SqlError:
        if sent:
            s3.delete(client, sent)
        raise
