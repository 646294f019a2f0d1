"""SQL for values as JSON that every reader of JSON takes, whatever their type."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

NESTED = ("struct", "list", "array", "map", "union", "variant")


def literal(value: str) -> str:
    """Return a text as an SQL literal; a NUL in it would end the statement."""
    parts = ("'" + part.replace("'", "''") + "'" for part in value.split("\0"))
    return " || chr(0) || ".join(parts)


def is_blank(text: str) -> str:
    """Return SQL for whether a text has blanks only. Of most the first letter tells, and ``trim`` takes thirty times as long."""
    return f"(({text} < '!' OR {text} >= chr(127)) AND trim({text}) = '')"


def as_text(blob: str) -> str:
    """Return SQL for bytes as the text they are; those that are no UTF-8 with ``\\xNN`` where need be."""
    return f"coalesce(TRY(decode({blob})), CAST({blob} AS VARCHAR))"


def as_json(value: str, kind: Any, depth: int = 0) -> str:
    """Return SQL for a value as JSON.

    JSON has no NaN and no infinity: they are written as texts. Bytes are the text they are.

    Args:
        value: SQL of the value.
        kind: its ``DuckDBPyType``.
        depth: of nesting, for a name of its own in each lambda.
    """
    if not _has(kind, {"float", "double", "blob"}):
        return f"to_json({value})"
    item = f"v{depth}"
    match kind.id:
        case "float" | "double":
            text = f"replace(CAST({value} AS VARCHAR), '-nan', 'nan')"
            odd = f"replace(replace({text}, 'nan', 'NaN'), 'inf', 'Infinity')"
            # A FLOAT as text has the digits it was written with.
            plain = f"to_json({value})" if kind.id == "double" else f"CAST(CAST({value} AS VARCHAR) AS JSON)"
            return f"CASE WHEN isfinite({value}) THEN {plain} ELSE to_json({odd}) END"
        case "blob":
            return f"to_json({as_text(value)})"
        case "list" | "array":
            inner = as_json(item, kind.children[0][1], depth + 1)
            return f"to_json(list_transform({value}, lambda {item}: {inner}))"
        case "map":
            inner = as_json(f"{item}.value", kind.children[1][1], depth + 1)
            # The keys of an object are texts.
            key = f"CAST({item}.key AS VARCHAR)"
            return as_object_of_pairs(
                f"list_transform(map_entries({value}), lambda {item}: {pair(key, inner)})", value
            )
        case "struct":
            pairs = ", ".join(
                f"{literal(name)}, {as_json(f'struct_extract_at({value}, {place})', child, depth + 1)}"
                for place, (name, child) in enumerate(kind.children, 1)
            )
            return f"CASE WHEN {value} IS NOT NULL THEN json_object({pairs}) END"
        case _:
            return f"to_json(CAST({value} AS VARCHAR))"


def pair(key: str, value: str) -> str:
    """Return SQL for a member of an object, from SQL of its name and of its value as JSON."""
    return f"CAST(to_json({key}) AS VARCHAR) || ':' || coalesce(CAST({value} AS VARCHAR), 'null')"


def as_object_of_pairs(pairs: str, value: str) -> str:
    """Return SQL for an object of a list of members; null where a value is."""
    return (
        f"CASE WHEN {value} IS NOT NULL THEN CAST('{{' || array_to_string({pairs}, ',') || '}}' AS JSON) END"
    )


def extra(members: Iterable[tuple[str, str]]) -> str:
    """Return SQL for the JSON object of the members that have a value; null if none has.

    Args:
        members: name, and SQL of the value as JSON.
    """
    # One without a value is NULL, which is left out.
    texts = [f"{literal(_encoded(name) + ':')} || CAST({value} AS VARCHAR)" for name, value in members]
    if not texts:
        return "CAST(NULL AS JSON)"
    return f"CAST('{{' || nullif(concat_ws(',', {', '.join(texts)}), '') || '}}' AS JSON)"


def extra_of_list(names: Sequence[str], values: str) -> str:
    """Return SQL for the JSON object of texts in a list; null if there is none.

    What the engine needs of :func:`extra` grows with the square of the members, and this doesn't.

    Args:
        names: those of the members, in the order of the list.
        values: SQL of the list.
    """
    heads = f"from_json({literal(json.dumps([f'{_encoded(name)}:' for name in names]))}, '[\"VARCHAR\"]')"
    members = f"list_transform(list_zip({heads}, {values}), lambda m: m[1] || CAST(to_json(m[2]) AS VARCHAR))"
    return f"CAST('{{' || nullif(array_to_string({members}, ','), '') || '}}' AS JSON)"


def record(members: Iterable[tuple[str, str]]) -> str:
    """Return SQL for the text of a JSON object of all members, those without a value too."""
    cases = [
        f"{literal(_encoded(name) + ':')} || coalesce(CAST({value} AS VARCHAR), 'null')"
        for name, value in members
    ]
    return f"'{{' || concat_ws(',', {', '.join(cases)}) || '}}'"


def _encoded(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _has(kind: Any, wanted: set[str]) -> bool:
    if kind.id in wanted or kind.id in ("union", "variant"):
        return True
    if kind.id in ("struct", "list", "array", "map"):
        return any(_has(child, wanted) for _, child in kind.children if hasattr(child, "id"))
    return False
