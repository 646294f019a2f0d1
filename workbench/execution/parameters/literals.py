"""Parameter values written out: as Python source that gives the very value back, and as JSON."""

from __future__ import annotations

import base64
import datetime
import decimal
import math
import re
from pathlib import PurePath
from typing import Any

from workbench.execution.parameters.conversion import BASE64
from workbench.secrets.secret import Secret
from workbench.times.durations import written


def literal(value: Any) -> str:
    """Return the Python expression of a converted value; what it needs is imported by :func:`assignments`."""
    match value:
        case float() if not math.isfinite(value):
            return f'float("{value}")'
        case datetime.datetime():
            naive = f"_datetime.datetime.fromisoformat({value.replace(tzinfo=None).isoformat()!r})"
            return naive if value.tzinfo is None else f"{naive}.replace(tzinfo={_zone(value)})"
        case datetime.date():
            return f"_datetime.date({value.year}, {value.month}, {value.day})"
        case datetime.time():
            naive = f"_datetime.time.fromisoformat({value.replace(tzinfo=None).isoformat()!r})"
            return naive if value.tzinfo is None else f"{naive}.replace(tzinfo={_zone(value)})"
        case datetime.timedelta():
            return f"_datetime.timedelta({value.days}, {value.seconds}, {value.microseconds})"
        case decimal.Decimal():
            return f'_decimal.Decimal("{value}")'
        case PurePath():
            return f"_pathlib.Path({str(value)!r})"
        case Secret():
            return f"_Secret({value.reference!r})"
        case list():
            return "[" + ", ".join(map(literal, value)) + "]"
        case tuple():
            return "(" + "".join(f"{literal(item)}, " for item in value).rstrip(" ") + ")"
        case frozenset():
            return f"frozenset([{', '.join(sorted(map(literal, value)))}])"
        case set():
            return "{" + ", ".join(sorted(map(literal, value))) + "}" if value else "set()"
        case dict():
            return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items()) + "}"
    return repr(value)


def _zone(value: datetime.datetime | datetime.time) -> str:
    offset = value.utcoffset() or datetime.timedelta()
    return f"_datetime.timezone({literal(offset)})"


def assignments(values: dict[str, Any]) -> str:
    """Return the source of a cell that assigns the values, each of its very type.

    Modules are imported under private names, so that a notebook's own imports stay what they are.
    """
    lines = [f"{name} = {literal(value)}" for name, value in values.items()]
    body = "\n".join(lines)
    imports = [
        f"import {module} as _{module}"
        for module in ("datetime", "decimal", "pathlib")
        if re.search(rf"(?<!\w)_{module}\.", body)
    ]
    if re.search(r"(?<!\w)_Secret\(", body):
        imports.append("from workbench.execution import Secret as _Secret")
    return "\n".join(["# Parameters of this run", *imports, *([""] if imports else []), *lines])


def to_json_value(value: Any) -> Any:
    """Return a value as JSON holds it: times in ISO form, bytes in base64, the rest as text.

    Half of a surrogate pair, which no file can hold, is written as an escape.
    """
    match value:
        case None | bool() | int():
            return value
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case bytes():
            return BASE64 + base64.b64encode(value).decode()
        case float():
            return value if math.isfinite(value) else str(value)
        case datetime.date() | datetime.time():
            return value.isoformat()
        case datetime.timedelta():
            sign, span = ("-", -value) if value.days < 0 else ("", value)
            return f"{sign}P{span.days}DT{span.seconds}.{span.microseconds:06}S"
        case Secret():
            return value.reference
        case list() | tuple():
            return [to_json_value(item) for item in value]
        case set() | frozenset():
            return sorted(map(to_json_value, value), key=repr)
        case dict():
            return {str(to_json_value(key)): to_json_value(item) for key, item in value.items()}
    return str(value)


def as_typed(value: Any) -> Any:
    """Return a value as JSON holds it and as people type it: durations, too, as ``90s`` or ``2h``."""
    match value:
        case datetime.timedelta():
            return written(value)
        case list() | tuple():
            return [as_typed(item) for item in value]
        case dict():
            return {str(to_json_value(key)): as_typed(item) for key, item in value.items()}
        case set() | frozenset():
            return sorted(map(as_typed, value), key=repr)
    return to_json_value(value)
