"""A parameters cell read, and values given for it."""

from __future__ import annotations

from typing import Any

from workbench.execution.parameters.declarations import Parameter, convert_all, parse_cell


def declared(cell: str) -> dict[str, Parameter]:
    return {parameter.name: parameter for parameter in parse_cell(cell, "stage try")}


def bound(cell: str, **values: Any) -> dict[str, Any]:
    return convert_all(declared(cell), values, "stage try")
