"""The driver's rows as Arrow tables with exact types."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
from redshift_connector.utils.oids import RedshiftOID

from workbench.schema import TABLES
from workbench.warehouse.redshift.connection import RedshiftSession

_TYPES: dict[int, pa.DataType] = {
    RedshiftOID.BOOLEAN: pa.bool_(),
    RedshiftOID.SMALLINT: pa.int16(),
    RedshiftOID.INTEGER: pa.int32(),
    RedshiftOID.BIGINT: pa.int64(),
    RedshiftOID.OID: pa.int64(),
    RedshiftOID.REAL: pa.float32(),
    RedshiftOID.FLOAT: pa.float64(),
}
_TIMES: dict[int, tuple[str, pa.DataType]] = {
    RedshiftOID.DATE: ("DATE", pa.date32()),
    RedshiftOID.TIME: ("TIME", pa.time64("us")),
    RedshiftOID.TIMESTAMP: ("TIMESTAMP", pa.timestamp("us")),
    RedshiftOID.TIMESTAMPTZ: ("TIMESTAMPTZ", pa.timestamp("us", "UTC")),
}
_LISTS = {column.name for table in TABLES.values() for column in table.columns if column.kind == "codes"}
_HEADER = 4
_MOST_DIGITS = 38


def table_of(session: RedshiftSession) -> pa.Table:
    """Return the rows of the session's last statement."""
    return as_table(session.described, session.fetchall())


def as_table(described: Sequence[tuple[str, int, int]], rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Return rows as a table.

    A decimal has the precision and scale of its column, and where an expression has none, 38 digits with as many
    after the point as the values need. A list of codes is a list, as it is on an engine that has lists.

    Args:
        described: name, type and type modifier of each column.
        rows: their values, as the driver has them.
    """
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(described)
    arrays = [
        _array(name, oid, modifier, values)
        for (name, oid, modifier), values in zip(described, columns, strict=True)
    ]
    return pa.Table.from_arrays(arrays, names=[name for name, _, _ in described])


def _array(name: str, oid: int, modifier: int, values: Sequence[Any]) -> pa.Array:
    kind = _decimal(modifier, values) if oid == RedshiftOID.NUMERIC else _TYPES.get(oid)
    if kind is not None:
        # A server that is more liberal than Redshift may have a value that the type can't hold; it stays a text.
        with suppress(pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            return pa.array(values, kind)
    texts = [_as_text(value) for value in values]
    if oid in _TIMES:
        return _times(texts, *_TIMES[oid])
    if name in _LISTS and (lists := _as_lists(texts)) is not None:
        return lists
    return pa.array(texts, pa.string())


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, default=str) if isinstance(value, list | tuple) else str(value)


def _times(texts: Sequence[str | None], name: str, kind: pa.DataType) -> pa.Array:
    """Read what the server wrote, years before 1 and after 9999 and ``infinity`` too; texts where that fails."""
    # The usual ones; DuckDB, which takes longer to begin, knows all.
    with suppress(pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array(texts, pa.string()).cast(kind)
    marked = [text.replace(" BC", " (BC)") if text else text for text in texts]
    written = pa.table({"v": pa.array(marked, pa.string())})
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        read = connection.from_arrow(written).project(f"TRY_CAST(v AS {name})").to_arrow_table().column(0)
    found = read.combine_chunks().cast(kind)
    return found if found.null_count == sum(text is None for text in texts) else pa.array(texts, pa.string())


def _decimal(modifier: int, values: Sequence[Any]) -> pa.DataType:
    if modifier >= _HEADER:
        precision, scale = (modifier - _HEADER) >> 16, (modifier - _HEADER) & 0xFFFF
        return pa.decimal128(precision, scale)
    exponents = [value.as_tuple().exponent for value in values if isinstance(value, Decimal)]
    scale = max((-exponent for exponent in exponents if isinstance(exponent, int)), default=0)
    return pa.decimal128(_MOST_DIGITS, min(max(scale, 0), _MOST_DIGITS))


def as_lists(table: pa.Table) -> pa.Table:
    """Return a table whose columns of codes, JSON texts on Redshift, are lists."""
    for place, name in enumerate(table.column_names):
        if name in _LISTS and pa.types.is_string(table.column(place).type):
            lists = _as_lists(table.column(place).to_pylist())
            if lists is not None:
                table = table.set_column(place, name, lists)
    return table


def _as_lists(texts: Sequence[str | None]) -> pa.Array | None:
    """Return the lists that JSON texts hold; None unless all are lists of texts."""
    lists: list[list[str] | None] = []
    for text in texts:
        try:
            value = None if text is None else json.loads(text)
        except ValueError:
            return None
        if value is not None and not (
            isinstance(value, list) and all(isinstance(each, str) for each in value)
        ):
            return None
        lists.append(value)
    return pa.array(lists, pa.list_(pa.string()))
