"""Rows of a database as a table with types: told from the values, so that one odd value spoils no other's."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow

_EXACT = 1 << 53


def table_of(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> pyarrow.Table:
    """Return rows as a table; a column whose values are of several types, or of one that Parquet lacks, is of text."""
    import pyarrow

    columns = [_column([row[place] for row in rows]) for place in range(len(names))]
    return pyarrow.Table.from_arrays(columns, names=list(_distinct(names)))


def _column(values: list[Any]) -> Any:
    import pyarrow

    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float} and all(abs(value) <= _EXACT for value in values if type(value) is int):
        kinds = {float}
    kind = next(iter(kinds)) if len(kinds) == 1 else None
    types = {
        bool: pyarrow.bool_(), int: pyarrow.int64(), float: pyarrow.float64(), str: pyarrow.string(),
        date: pyarrow.date32(), Decimal: None,
    }  # fmt: skip
    try:
        if kind is datetime:
            zones = {value.tzinfo is not None for value in values if value is not None}
            if len(zones) == 1:
                return pyarrow.array(values, pyarrow.timestamp("us", "UTC" if zones == {True} else None))
        elif kind in types:
            return pyarrow.array(values, types[kind])
    except (pyarrow.ArrowException, OverflowError, ValueError, TypeError):
        # Larger than Parquet has, or no number at all.
        pass
    return pyarrow.array([_text(value) for value in values], pyarrow.string())


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes | bytearray | memoryview):
        data = bytes(value)
        try:
            return data.decode()
        except UnicodeDecodeError:
            return "\\x" + data.hex()
    if isinstance(value, dict | list):
        return json.dumps(value, default=str, ensure_ascii=False)
    if (isinstance(value, float) and math.isfinite(value)) or (
        isinstance(value, Decimal) and value.is_finite()
    ):
        # Ingestion takes plain decimals, however small or large a number is: 1e-07 is none.
        return f"{Decimal(str(value)):f}"
    return str(value)


def _distinct(names: Sequence[str]) -> list[str]:
    """Return names of which none comes twice, as a query may have them."""
    found: list[str] = []
    for name in names:
        number, fresh = 2, name
        while fresh in found:
            fresh, number = f"{name}_{number}", number + 1
        found.append(fresh)
    return found
