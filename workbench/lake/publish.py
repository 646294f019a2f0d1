"""The lake: what was taken in, as Parquet files in S3 that Athena and Redshift Spectrum can read through Glue.

The warehouse's ledger is the truth. A batch has one file a table, named by its id; those that are missing are
written from the warehouse, so a run that died, or a lake set later, is made up for by the next one. Those of batches that
were withdrawn since are deleted.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from workbench.boto import aws_errors, client
from workbench.lake.glue import LAKE, PARTITION, location, write_partitions, write_tables
from workbench.numbers import many
from workbench.schema import Table, quote
from workbench.settings import get_settings
from workbench.warehouse import Warehouse

if TYPE_CHECKING:
    import pyarrow

_BATCHES = (
    "SELECT batch_id, dataset, rows_accepted - coalesce(rows_withdrawn, 0) AS rows_accepted, rows_withdrawn, "
    "rows_quarantined, ingested_at FROM ops.batches ORDER BY ingested_at"
)


@dataclass(frozen=True)
class Published:
    """What was added to the lake: files, rows in them, and partitions new in Glue; and files deleted that were withdrawn."""

    place: str
    files: int = 0
    rows: int = 0
    partitions: int = 0
    withdrawn: int = 0

    def __str__(self) -> str:
        if not self.place:
            return "No lake is set (WORKBENCH_LAKE_URI): rows are kept in the warehouse alone."
        gone = f", {many(self.withdrawn, 'withdrawn file')} deleted" if self.withdrawn else ""
        return (
            f"{many(self.files, 'file')} with {many(self.rows, 'row')} added to {self.place}, "
            f"{many(self.partitions, 'partition')} new in Glue{gone}"
        )


def publish(warehouse: Warehouse, place: str | None = None) -> Published:
    """Write the batches that the lake lacks, and register their partitions; nothing if no lake is set.

    Args:
        warehouse: whose ledger says what was taken in.
        place: ``s3://BUCKET/PREFIX``; the settings' ``lake_uri`` if None.

    Raises:
        UsageError: the place isn't in S3.
        WorkFailed: S3 or Glue refuses, or can't be reached.
    """
    place = (get_settings().lake_uri if place is None else place).rstrip("/")
    if not place:
        return Published("")
    write_tables(place)
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    s3, files, rows, partitions, gone = client("s3"), 0, 0, 0, 0
    batches = warehouse.query(_BATCHES).to_pylist()
    for table in LAKE:
        base = location(table, prefix).lstrip("/")
        wanted = {f"{base}/{_name(batch)}": batch for batch in batches if _rows(table, batch)}
        unwanted = {f"{base}/{_name(batch)}" for batch in batches if batch["rows_withdrawn"]} - wanted.keys()
        with aws_errors(f"the lake at {place}"):
            there = set(_keys(s3, bucket, f"{base}/")) if wanted or unwanted else set()
            for key in unwanted & there:
                s3.delete_object(Bucket=bucket, Key=key)
                gone += 1
        missing = wanted.keys() - there
        for key in (name for name in wanted if name in missing):
            content = warehouse.query(*_statement(table, wanted[key]))
            with aws_errors(f"the lake at {place}"):
                s3.put_object(Bucket=bucket, Key=key, Body=_parquet(content))
            files, rows = files + 1, rows + content.num_rows
        # Of all files, not of the new ones alone: a run may have died before it came to this.
        if wanted:
            partitions += write_partitions(place, table, {_day(batch) for batch in wanted.values()})
    return Published(place, files, rows, partitions, gone)


def _rows(table: Table, batch: dict[str, Any]) -> int:
    if table.schema == "raw":
        return int(batch["rows_accepted"]) if batch["dataset"] == table.name else 0
    return int(batch["rows_quarantined"])


def _day(batch: dict[str, Any]) -> date:
    day: date = batch["ingested_at"].date()
    return day


def _name(batch: dict[str, Any]) -> str:
    return f"{PARTITION}={_day(batch).isoformat()}/{batch['batch_id']}.parquet"


def _keys(s3: Any, bucket: str, prefix: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from (found["Key"] for found in page.get("Contents", ()))


def _statement(table: Table, batch: dict[str, Any]) -> tuple[str, list[Any]]:
    identity, place = ("_batch_id", "_row_number") if table.schema == "raw" else ("batch_id", "row_number")
    columns = ", ".join(map(quote, table.column_names))
    return f"SELECT {columns} FROM {table.full_name} WHERE {identity} = ? ORDER BY {place}", [
        batch["batch_id"]
    ]


def _parquet(rows: pyarrow.Table) -> bytes:
    import pyarrow.parquet

    buffer = io.BytesIO()
    pyarrow.parquet.write_table(rows, buffer, compression="zstd", coerce_timestamps="us")
    return buffer.getvalue()
