"""Reads Parquet files of a COPY."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from redshift_local.bulk import s3
from redshift_local.bulk.rows import ROWS, Batch, Column
from redshift_local.errors import SqlError, not_imitated
from redshift_local.operations import Location

_INCOMPATIBLE = "XX000"


def read_parquet(client: Any, location: Location, columns: Sequence[Column]) -> Iterator[Batch]:
    """Yield the rows of one file. Raises SqlError when its columns aren't of the table's kinds."""
    with tempfile.TemporaryDirectory(prefix="redshift-copy-") as folder:
        path = Path(folder) / "object.parquet"
        s3.download(client, location, path)
        try:
            file = pq.ParquetFile(path)
        except pa.ArrowException as problem:
            raise SqlError("XX000", f"{location.uri} is no Parquet file") from problem
        with file:
            check_schema(file.schema_arrow, columns, location)
            line = 1
            for batch in file.iter_batches(ROWS):
                arrays = [_plain(array) for array in batch.columns]
                names = [column.name for column in columns]
                yield Batch(
                    location.uri, pa.RecordBatch.from_arrays(arrays, names), range(line, line + len(batch))
                )
                line += len(batch)


_FAMILIES: dict[str, tuple[str, Callable[[pa.DataType], bool]]] = {
    "int2": ("an integer", pa.types.is_integer), "int4": ("an integer", pa.types.is_integer),
    "int8": ("an integer", pa.types.is_integer), "numeric": ("a decimal", pa.types.is_decimal),
    "float4": ("a float", pa.types.is_floating), "float8": ("a float", pa.types.is_floating),
    "bool": ("a boolean", pa.types.is_boolean), "date": ("a date", pa.types.is_date),
    "timestamp": ("a timestamp", pa.types.is_timestamp), "timestamptz": ("a timestamp", pa.types.is_timestamp),
    "time": ("a time", pa.types.is_time),
}  # fmt: skip


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def check_schema(schema: pa.Schema, columns: Sequence[Column], location: Location) -> None:
    """Raise SqlError unless the file's columns, by their order, are of the kinds of the table's."""
    if len(schema) != len(columns):
        raise SqlError(
            _INCOMPATIBLE,
            f"{location.uri} has {len(schema)} columns and {len(columns)} are to be loaded: Parquet goes by the order of columns",
        )
    for given, column in zip(schema, columns, strict=True):
        kind = given.type.value_type if pa.types.is_dictionary(given.type) else given.type
        if pa.types.is_nested(kind):
            raise not_imitated(f"COPY of the nested column {given.name} of Parquet (SERIALIZETOJSON, SUPER)")
        wanted, fits = _FAMILIES.get(column.type, ("a string", _is_string))
        if not (fits(kind) or pa.types.is_null(kind)):
            raise SqlError(
                _INCOMPATIBLE,
                f"{location.uri} has an incompatible Parquet schema for column {column.name}: "
                f"{kind} where {wanted} is wanted ({column.type})",
            )


def _plain(array: pa.Array) -> pa.Array:
    """Return a column of Parquet with a type that can be written as CSV."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return array.dictionary_decode()
    if pa.types.is_timestamp(kind):
        return pc.cast(array, pa.timestamp("us", kind.tz), safe=False)
    if pa.types.is_date64(kind):
        return array.cast(pa.date32())
    return array
