"""A notebook's typed parameters as those of a DAG: JSON schema, default and description."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from airflow.sdk import Param

from workbench.execution.parameters.declarations import Parameter
from workbench.execution.parameters.literals import as_typed, to_json_value
from workbench.secrets.secret import Secret

_SCHEMAS: dict[Any, dict[str, Any]] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    str: {"type": "string"},
    datetime.date: {"type": "string", "format": "date"},
    datetime.datetime: {"type": "string", "format": "date-time"},
    datetime.time: {"type": "string", "format": "time"},
    decimal.Decimal: {
        "type": ["number", "string"],
        "pattern": r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$",
    },
    type(None): {"type": "null"},
}
# Written as text; the runner reads it as the notebook's own type, and refuses what it can't read.
_TEXTS = (bytes, datetime.timedelta, Path, Secret)
_ANY = {"type": ["string", "number", "boolean", "array", "object", "null"]}


def schema_of(kind: Any) -> dict[str, Any]:
    """Return the JSON schema of a type that a parameter may have."""
    if kind in _SCHEMAS:
        return dict(_SCHEMAS[kind])
    if kind in _TEXTS:
        return {"type": "string"}
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": [to_json_value(each) for each in inner]}
    if origin in (Union, UnionType):
        return _united([schema_of(each) for each in inner])
    if origin in (list, set, frozenset, tuple):
        items = {each for each in inner if each is not ...}
        return {"type": "array"} | ({"items": schema_of(items.pop())} if len(items) == 1 else {})
    if origin is dict:
        return {"type": "object"}
    return dict(_ANY)


def _united(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the schema of one of several; ``X | None`` keeps the shape that a form knows how to draw."""
    null = {"type": "null"}
    others = [each for each in schemas if each != null]
    if len(others) != 1:
        return {"anyOf": schemas}
    if len(schemas) == 1:
        return others[0]
    (one,) = others
    if "enum" in one:
        return one | {"enum": [*one["enum"], None]}
    if "type" not in one:
        return {"anyOf": [one, null]}
    types = one["type"] if isinstance(one["type"], list) else [one["type"]]
    return one | {"type": list(dict.fromkeys(["null", *types]))}


def dag_params(
    declared: Mapping[str, Mapping[str, Parameter]], values: Mapping[str, Mapping[str, Any]]
) -> dict[str, Param]:
    """Return the parameters of a DAG, each of a stage's notebook; those of one name are one.

    Where stages differ in what they take by default, the DAG's own default is null: each stage then keeps its own.

    Args:
        declared: of each stage, by name.
        values: what the map gives each stage, by name.
    """
    by_name: dict[str, list[tuple[str, Parameter, Any]]] = {}
    for stage, parameters in declared.items():
        for name, parameter in parameters.items():
            default = values[stage].get(name, parameter.default)
            by_name.setdefault(name, []).append(
                (stage, parameter, as_typed(default) if default is not ... else ...)
            )
    return {name: _param(found) for name, found in by_name.items()}


def _param(found: list[tuple[str, Parameter, Any]]) -> Param:
    schemas = _distinct(schema_of(parameter.type) for _, parameter, _ in found)
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    defaults = _distinct(default for _, _, default in found)
    help_texts = _distinct(parameter.help for _, parameter, _ in found if parameter.help)
    stages = ", ".join(stage for stage, _, _ in found)
    text = f"{'; '.join(help_texts)} ({found[0][1].annotation}; {stages})".strip()
    computed = any(parameter.computed for _, parameter, _ in found)
    if len(defaults) == 1 and defaults[0] is not ... and not computed:
        return Param(defaults[0], text, schema=schema)
    if len(defaults) == 1 and not computed:
        return Param(description=text, schema=schema)
    return Param(None, f"{text}; empty: as each stage has it", schema=_united([schema, {"type": "null"}]))


def _distinct(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if not any(value == each and type(value) is type(each) for each in found):
            found.append(value)
    return found
