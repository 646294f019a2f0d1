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


class Json(str):
    """JSON in the words in which the database tells it: a number with a point would lose digits as a float."""

    __slots__ = ()


def decoded(data: bytes) -> str:
    """Return bytes that should be a text in UTF-8 as one, of which :func:`encoded` makes the same bytes again."""
    return data.decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    """Return the bytes that a text was."""
    return text.encode("utf-8", "surrogateescape")


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
    texts = [_text(value) for value in values]
    try:
        return pyarrow.array(texts, pyarrow.string())
    except UnicodeEncodeError:
        # One that is no UTF-8 lands as the bytes it is: ingestion refuses its row, and takes the others for texts.
        return pyarrow.array([None if text is None else encoded(text) for text in texts], pyarrow.binary())


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
        return _json(value)
    if (isinstance(value, float) and math.isfinite(value)) or (
        isinstance(value, Decimal) and value.is_finite()
    ):
        # Ingestion takes plain decimals, however small or large a number is: 1e-07 is none.
        return f"{Decimal(str(value)):f}"
    return str(value)


def _json(value: Any) -> str:
    """Return a value within lists and objects as JSON, to which what JSON has no form for is the text that it is elsewhere."""
    if isinstance(value, Json):
        return str(value)
    if isinstance(value, dict):
        members = (f"{_name(name)}: {_json(item)}" for name, item in value.items())
        return f"{{{', '.join(members)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_json, value))}]"
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return json.dumps(value)
    return _quoted(json.dumps(value) if isinstance(value, float) else str(_text(value)))


def _name(value: Any) -> str:
    """Return the name of a member, which is a text whatever it is in the database."""
    text = _json(value)
    return text if text.startswith('"') else _quoted(text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _distinct(names: Sequence[str]) -> list[str]:
    """Return names of which none comes twice, as a query may have them."""
    found: list[str] = []
    for name in names:
        number, fresh = 2, name
        while fresh in found:
            fresh, number = f"{name}_{number}", number + 1
        found.append(fresh)
    return found
