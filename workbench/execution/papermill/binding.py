"""Parameters that papermill was called with, bound to what the notebook declares."""

from __future__ import annotations

import ast
from typing import Any

from workbench.errors import UsageError
from workbench.execution.notebook.notebook import INJECTED
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
from workbench.secrets.redact import Redactor


def bind_parameters(nb: Any, where: str) -> tuple[dict[str, Any], Redactor]:
    """Return the values papermill was called with, each of its declared type, and what blots out the secrets.

    Those of a notebook that declares none are as papermill has them.

    Raises:
        UsageError: a name nobody declares, a wrong type, a value missing, a secret that isn't set.
    """
    declared = _declared(nb, where)
    values = dict(nb.metadata.papermill.get("parameters") or {})
    if declared:
        values = convert_all(declared, values, where)
        require_all(declared, values, where)
    return values, Redactor(secret.reveal() for secret in secrets_of(declared, values))


def inject(nb: Any, values: dict[str, Any]) -> None:
    """Have the cell that papermill injected assign the values as they were bound."""
    for cell in nb.cells:
        if has_tag(cell, INJECTED):
            cell.source = assignments(values)
    nb.metadata.papermill["parameters"] = {name: to_json_value(value) for name, value in values.items()}


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
