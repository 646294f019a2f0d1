"""An answer's values as text, exactly: whatever type an engine has for them, and far beyond Python's calendar."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    import pyarrow

_NUMBERS = {
    "tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint", "uhugeint",
    "bignum", "boolean",
}  # fmt: skip
_PLAIN = _NUMBERS | {
    "float",
    "double",
    "decimal",
    "date",
    "uuid",
    "timestamp",
    "timestamp with time zone",
    "time",
}
"""Types no value of which needs quotes in CSV."""
_NESTED = {"list", "array", "struct", "map"}
# What Python takes off the ends of a text.
_BLANKS = "".join(each for each in map(chr, range(0x3001)) if each.isspace())
_NO_ASCII = re.compile(r"[^\x00-\x7e]")


class Texts:
    """Writes the pieces of one answer, by a DuckDB of its own, which closes with the context.

    A piece is a table of Arrow with the columns of the answer, whose names may repeat.
    """

    def __init__(self) -> None:
        self._connection = duckdb.connect()
        self._connection.execute("SET TimeZone = 'UTC'")
        # All texts of a piece may be longer than two gigabytes.
        self._connection.execute("SET arrow_large_buffer_size = true")

    def __enter__(self) -> Texts:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def rows(self, piece: pyarrow.Table) -> list[tuple[str | None, ...]]:
        """Return the rows' values as text, None for NULL; lists, structs and maps as JSON."""
        relation = self._relation(piece)
        return relation.project(", ".join(_columns(relation, _shown))).fetchall()

    def csv(self, piece: pyarrow.Table) -> str:
        """Return the rows as lines of CSV: NULL is an empty field and an empty text is quoted.

        But for NULL as a row's only field, which is quoted: an empty line is no row to those who read it.
        """
        relation = self._relation(piece)
        # To concat() a NULL is an empty text.
        fields = ", ',', ".join(_columns(relation, _csv_field))
        return _joined(
            relation.project(f"concat({_alone(fields) if piece.num_columns == 1 else fields}, chr(10))")
        )

    def json(self, piece: pyarrow.Table) -> str:
        """Return the rows as JSON objects in ASCII, indented for an array, a comma and a line's end before each of them.

        Whole numbers, floats and booleans are JSON's; decimals and all else that JSON has no type for are texts, as are
        NaN and the infinities (``"NaN"``, ``"Infinity"``, ``"-Infinity"``). Of columns of one name, the second is called
        ``name_2``.
        """
        relation = self._relation(piece)
        keys = [_literal(f"    {json.dumps(name)}: ") for name in distinct(piece.column_names)]
        values = [f"coalesce({each}, 'null')" for each in _columns(relation, _json_value)]
        members = " ',\n', ".join(f"{key}, {value}," for key, value in zip(keys, values, strict=True))
        written = _joined(relation.project(f"concat(',\n  {{\n', {members} '\n  }}')"))
        # DEL, too, is written out.
        return written if written.isascii() and "\x7f" not in written else _NO_ASCII.sub(_escaped, written)

    def _relation(self, piece: pyarrow.Table) -> duckdb.DuckDBPyRelation:
        return self._connection.from_arrow(piece.rename_columns([f"c{n}" for n in range(piece.num_columns)]))


def csv_heading(names: Sequence[str]) -> str:
    """Return the line of CSV above the rows."""
    fields = [_quoted(name) if _needs_quotes(name) else name for name in names]
    return ",".join(fields) + "\n"


def distinct(names: Sequence[str]) -> list[str]:
    """Return the names with a number behind each that repeats one before it."""
    found: list[str] = []
    for name in names:
        number, tried = 1, name
        while tried in found or (number > 1 and tried in names):
            number += 1
            tried = f"{name}_{number}"
        found.append(tried)
    return found


def _columns(relation: duckdb.DuckDBPyRelation, written: Callable[[str, Any], str]) -> list[str]:
    return [written(f"c{place}", kind) for place, kind in enumerate(relation.types)]


def _joined(lines: duckdb.DuckDBPyRelation) -> str:
    """Return the texts of a relation's only column, none NULL, one behind the other."""
    import pyarrow

    parts = []
    for chunk in lines.to_arrow_table().column(0).chunks:
        _, places, texts = chunk.buffers()
        if not len(chunk) or texts is None:
            continue
        # They lie so in memory; where each begins, and the last ends, is in the list of places.
        ends = memoryview(places).cast("q" if pyarrow.types.is_large_string(chunk.type) else "i")
        parts.append(str(memoryview(texts)[ends[chunk.offset] : ends[chunk.offset + len(chunk)]], "utf-8"))
    return "".join(parts)


def _shown(value: str, kind: Any) -> str:
    return _json_value(value, kind) if kind.id in _NESTED else f"CAST({value} AS VARCHAR)"


def _json_value(value: str, kind: Any) -> str:
    return f"CASE WHEN {value} IS NOT NULL THEN {_as_json(value, kind)} END"


def _csv_field(value: str, kind: Any) -> str:
    text = _shown(value, kind)
    if kind.id in _PLAIN:
        return text
    # An empty text begins with one that all texts contain.
    marks = [f"contains({_literal(_BLANKS)}, {end}({text}, 1))" for end in ("left", "right")]
    marks += [f"contains({text}, {mark})" for mark in ("','", "'\"'", "chr(10)", "chr(13)")]
    return f"CASE WHEN {' OR '.join(marks)} THEN concat('\"', replace({text}, '\"', '\"\"'), '\"') ELSE {text} END"


def _alone(field: str) -> str:
    return f"""coalesce({field}, '""')"""


def _needs_quotes(text: str) -> bool:
    return not text or text != text.strip() or any(each in text for each in ',"\r\n')


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


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


def _escaped(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]
