"""Tables and partitions of AWS Glue's catalogue, from the one declaration of each table."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Literal

from workbench.boto import aws_errors, client, error_code
from workbench.errors import UsageError, WorkFailed
from workbench.schema import DATASETS, TABLES
from workbench.schema.model import Column, Table

Change = Literal["made", "changed", "same"]

_TYPES = {
    "text": "string", "integer": "int", "bigint": "bigint", "double": "double", "boolean": "boolean",
    "date": "date", "timestamp": "timestamp", "json": "string", "codes": "array<string>",
}  # fmt: skip
_PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}
# Glue keeps no longer comment, and takes no more partitions at a time.
_COMMENT = 255
_AT_ONCE = 100

LAKE: tuple[Table, ...] = (*DATASETS.values(), TABLES["ops.quarantine"])
"""What lies in S3 too, as Parquet: the accepted rows of each dataset, and those that were set aside."""

PARTITION = "ingested_on"
"""The day on which a file was taken in, UTC: what the tables are partitioned by."""


def glue_type(column: Column) -> str:
    """Return the column's type in Hive's words, as Glue has them."""
    if column.kind == "decimal":
        return f"decimal({column.size[0]},{column.size[1]})"
    return _TYPES[column.kind]


def table_input(table: Table, place: str) -> dict[str, Any]:
    """Return Glue's ``TableInput`` of a table whose Parquet files lie under ``place/SCHEMA/TABLE/``.

    Raises:
        UsageError: the place isn't in S3.
    """
    if not place.startswith("s3://") or len(place) < 6:
        raise UsageError(f"tables of Glue lie in S3, s3://BUCKET/PREFIX, not at {place!r}")
    columns = [
        {"Name": column.name, "Type": glue_type(column), "Comment": column.comment[:_COMMENT]}
        for column in table.columns
    ]
    return {
        "Name": table.name,
        "Description": table.comment[:2048],
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE"},
        "PartitionKeys": [{"Name": PARTITION, "Type": "date", "Comment": "day of ingestion, UTC"}],
        "StorageDescriptor": {"Columns": columns, "Location": f"{location(table, place)}/", **_PARQUET},
    }


def location(table: Table, place: str) -> str:
    """Return where the files of a table lie."""
    return f"{place.rstrip('/')}/{table.schema}/{table.name}"


def write_tables(
    place: str, *, prefix: str = "workbench_", tables: Iterable[Table] | None = None
) -> dict[str, Change]:
    """Make Glue's tables as they are declared, in a database for each schema; return what was done by name.

    Args:
        place: where their files lie, ``s3://BUCKET/PREFIX``.
        prefix: of the databases' names.
        tables: those of the lake by default.

    Raises:
        UsageError: the place isn't in S3.
        WorkFailed: Glue refuses, or can't be reached.
    """
    chosen = list(LAKE if tables is None else tables)
    wanted = [(table, table_input(table, place)) for table in chosen]
    glue = client("glue")
    for schema in sorted({table.schema for table in chosen}):
        _make_database(glue, f"{prefix}{schema}")
    return {
        table.full_name: _write(glue, f"{prefix}{table.schema}", described) for table, described in wanted
    }


def write_partitions(place: str, table: Table, days: Iterable[date], *, prefix: str = "workbench_") -> int:
    """Register the partitions of a table that Glue doesn't have; return how many were new.

    Raises:
        WorkFailed: Glue refuses, or can't be reached.
    """
    glue, database = client("glue"), f"{prefix}{table.schema}"
    with aws_errors(f"Glue's partitions of {database}.{table.name}"):
        pages = glue.get_paginator("get_partitions").paginate(DatabaseName=database, TableName=table.name)
        known = {partition["Values"][0] for page in pages for partition in page["Partitions"]}
        fresh = sorted({day.isoformat() for day in days} - known)
        storage = table_input(table, place)["StorageDescriptor"]
        for start in range(0, len(fresh), _AT_ONCE):
            inputs = [
                {
                    "Values": [day],
                    "StorageDescriptor": {**storage, "Location": f"{storage['Location']}{PARTITION}={day}/"},
                }
                for day in fresh[start : start + _AT_ONCE]
            ]
            answer = glue.batch_create_partition(
                DatabaseName=database, TableName=table.name, PartitionInputList=inputs
            )
            # Another run may have been quicker.
            for problem in answer.get("Errors", ()):
                if problem["ErrorDetail"]["ErrorCode"] != "AlreadyExistsException":
                    raise WorkFailed(f"Glue refuses a partition: {problem['ErrorDetail']['ErrorMessage']}")
    return len(fresh)


def _make_database(glue: Any, name: str) -> None:
    try:
        with aws_errors(f"Glue's database {name}"):
            glue.create_database(DatabaseInput={"Name": name})
    except WorkFailed as error:
        if error_code(error) != "AlreadyExistsException":
            raise


def _write(glue: Any, database: str, wanted: dict[str, Any]) -> Change:
    with aws_errors(f"Glue's table {database}.{wanted['Name']}"):
        try:
            found = glue.get_table(DatabaseName=database, Name=wanted["Name"])["Table"]
        except glue.exceptions.EntityNotFoundException:
            glue.create_table(DatabaseName=database, TableInput=wanted)
            return "made"
        if _says(found, wanted):
            return "same"
        glue.update_table(DatabaseName=database, TableInput=wanted)
        return "changed"


def _says(found: Any, wanted: Any) -> bool:
    """Whether what Glue holds has all that is wanted; it adds keys of its own."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_says(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(_says, found, wanted))
    return bool(found == wanted)
