"""Parameters that papermill was called with, bound to what the notebook declares."""

from __future__ import annotations

import ast
from typing import Any

from workbench.errors import UsageError
from workbench.execution.notebook.notebook import INJECTED
from workbench.execution.notebook.redact import Redactor
from workbench.execution.parameters.declarations import (
    TAG,
    Parameter,
    convert_all,
    has_tag,
    read_parameters,
    require_all,
    secrets_of,
)
from workbench.execution.parameters.literals import assignments, to_json_value
from workbench.execution.parameters.syntax import parse


def bind_parameters(nb: Any, where: str) -> None:
    """Give the injected cell of a notebook the values papermill was called with, each of its declared type.

    A notebook that declares none is left as papermill made it.

    Raises:
        UsageError: a name nobody declares, a wrong type, a value missing, a secret that isn't set.
    """
    declared = _declared(nb, where)
    values = nb.metadata.papermill.get("parameters") or {}
    if declared:
        values = convert_all(declared, values, where)
        require_all(declared, values, where)
    for cell in nb.cells:
        if has_tag(cell, INJECTED):
            cell.source = assignments(values)
    nb.metadata.papermill["parameters"] = {name: to_json_value(value) for name, value in values.items()}


def redactor_of(nb: Any, where: str) -> Redactor:
    """Return what blots out the secrets a parameterized notebook is called with."""
    declared = _declared(nb, where)
    values = convert_all(declared, nb.metadata.papermill.get("parameters") or {}, where) if declared else {}
    return Redactor(secret.reveal() for secret in secrets_of(declared, values))


def _declared(nb: Any, where: str) -> dict[str, Parameter]:
    """Return the parameters that a notebook declares.

    None if its cell holds other statements and no annotation: papermill allows them, and gives no types.
    """
    try:
        return read_parameters(nb, where)
    except UsageError:
        if any(has_tag(cell, TAG) and _annotates(cell.source) for cell in nb.cells):
            raise
        return {}


def _annotates(source: str) -> bool:
    try:
        return any(isinstance(node, ast.AnnAssign) for node in parse(source).body)
    except SyntaxError:
        return True
