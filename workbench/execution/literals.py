"""Parameter values written out: as Python source that gives the very value back, and as JSON."""

from __future__ import annotations

import datetime
import decimal
import math
import re
from pathlib import PurePath
from typing import Any

from workbench.execution.secret import Secret


def literal(value: Any) -> str:
    """Return the Python expression of a converted value; what it needs is imported by :func:`assignments`."""
    match value:
        case float() if not math.isfinite(value):
            return f'float("{value}")'
        case datetime.datetime():
            offset = value.utcoffset()
            naive = f"_datetime.datetime.fromisoformat({value.replace(tzinfo=None).isoformat()!r})"
            if offset is None:
                return naive
            seconds = offset.total_seconds()
            return f"{naive}.replace(tzinfo=_datetime.timezone(_datetime.timedelta(seconds={seconds!r})))"
        case datetime.date():
            return f"_datetime.date({value.year}, {value.month}, {value.day})"
        case decimal.Decimal():
            return f'_decimal.Decimal("{value}")'
        case PurePath():
            return f"_pathlib.Path({str(value)!r})"
        case Secret():
            return f"_Secret({value.reference!r})"
        case list() | tuple():
            return "[" + ", ".join(map(literal, value)) + "]"
    return repr(value)


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


def plain(value: Any) -> Any:
    """Return a value as JSON holds it: dates in ISO form, decimals, paths and references as text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case datetime.date():
            return value.isoformat()
        case Secret():
            return value.reference
        case list() | tuple():
            return [plain(item) for item in value]
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
    return str(value)
