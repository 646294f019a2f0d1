"""An answer's values as text, exactly: whatever type an engine has for them, and far beyond Python's calendar."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    import pyarrow

_NUMBERS = {
    "tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint", "uhugeint",
    "bignum", "boolean",
}  # fmt: skip
_NESTED = {"list", "array", "struct", "map"}


def as_texts(rows: pyarrow.Table) -> list[list[str | None]]:
    """Return the rows' values as text, None for NULL; lists, structs and maps as JSON.

    Args:
        rows: of an answer; names may repeat.
    """
    return [list(row) for row in _written(rows, nested_only=True)]


def as_json(rows: pyarrow.Table) -> str:
    """Return the rows as a JSON array of objects, in ASCII.

    Whole numbers, floats and booleans are JSON's; decimals and all else that JSON has no type for are texts, as are
    NaN and the infinities (``"NaN"``, ``"Infinity"``, ``"-Infinity"``). Of columns of one name, the second is called
    ``name_2``.
    """
    keys = [_ascii(json.dumps(name)) for name in distinct(rows.column_names)]
    objects = [
        ",\n".join(f"    {key}: {'null' if value is None else _ascii(value)}" for key, value in zip(keys, row, strict=True))
        for row in _written(rows, nested_only=False)
    ]  # fmt: skip
    return "[\n" + ",\n".join(f"  {{\n{each}\n  }}" for each in objects) + "\n]" if objects else "[]"


def distinct(names: list[str]) -> list[str]:
    """Return the names with a number behind each that repeats one before it."""
    found: list[str] = []
    for name in names:
        number, tried = 1, name
        while tried in found or (number > 1 and tried in names):
            number += 1
            tried = f"{name}_{number}"
        found.append(tried)
    return found


def _written(rows: pyarrow.Table, *, nested_only: bool) -> list[tuple[str | None, ...]]:
    """Have DuckDB write every value, by its type."""
    if not rows.num_columns:
        return []
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        relation = connection.from_arrow(rows.rename_columns([f"c{n}" for n in range(rows.num_columns)]))
        written = ", ".join(
            f"CAST(c{place} AS VARCHAR)"
            if nested_only and kind.id not in _NESTED
            else f"CASE WHEN c{place} IS NOT NULL THEN {_as_json(f'c{place}', kind)} END"
            for place, kind in enumerate(relation.types)
        )
        return relation.project(written).fetchall()


def _as_json(value: str, kind: Any, depth: int = 0) -> str:
    """Return the expression that writes a value, not NULL, of a type as JSON."""
    text = f"CAST({value} AS VARCHAR)"
    if kind.id in _NUMBERS:
        return text
    if kind.id in ("float", "double"):
        return (
            f"CASE WHEN isfinite({value}) THEN {text} WHEN isnan({value}) THEN '\"NaN\"' "
            f"WHEN {value} > 0 THEN '\"Infinity\"' ELSE '\"-Infinity\"' END"
        )
    if kind.id not in _NESTED:
        return f"CAST(to_json({text}) AS VARCHAR)"
    children = kind.children
    each = f"e{depth}"
    if kind.id in ("list", "array"):
        item = _or_null(each, children[0][1], depth)
        values = f"CAST({value} AS {children[0][1]}[])" if kind.id == "array" else value
        return f"'[' || array_to_string(list_transform({values}, lambda {each}: {item}), ', ') || ']'"
    if kind.id == "map":
        key = f"CAST(to_json(CAST({each}.key AS VARCHAR)) AS VARCHAR)"
        entry = f"{key} || ': ' || {_or_null(f'{each}.value', children[1][1], depth)}"
        entries = f"list_transform(map_entries({value}), lambda {each}: {entry})"
        return f"'{{' || array_to_string({entries}, ', ') || '}}'"
    parts = [
        f"{_literal(json.dumps(name) + ': ')} || "
        + _or_null(f"struct_extract({value}, {_literal(name)})", child, depth)
        for name, child in children
    ]
    return " || ".join(["'{'", " || ', ' || ".join(parts), "'}'"])


def _or_null(value: str, kind: Any, depth: int) -> str:
    return f"CASE WHEN {value} IS NULL THEN 'null' ELSE {_as_json(value, kind, depth + 1)} END"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _ascii(text: str) -> str:
    return re.sub(r"[^\x00-\x7e]", lambda found: json.dumps(found[0])[1:-1], text)
