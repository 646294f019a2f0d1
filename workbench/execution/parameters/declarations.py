"""The parameters a notebook declares, read as syntax, and values checked against them before it runs.

The cell tagged ``parameters`` holds annotated assignments, such as
``as_of: datetime.date | None = None  # last day``.
"""

from __future__ import annotations

import ast
import difflib
import io
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import UsageError
from workbench.execution.parameters.annotations import Mismatch, read_default, read_type, type_of
from workbench.execution.parameters.conversion import convert
from workbench.execution.parameters.syntax import parse
from workbench.secrets.secret import Secret

REQUIRED: Any = ...
TAG = "parameters"
PRIVATE = ("_datetime", "_decimal", "_pathlib", "_Secret")
"""Names under which the cell that sets the values imports what it needs."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a notebook.

    ``type`` is the evaluated type, ``annotation`` the text it was written as. ``default`` is ``REQUIRED``
    where there is none, and ``None`` with ``computed`` set where only running the notebook would tell.
    """

    name: str
    type: Any
    annotation: str
    default: Any = REQUIRED
    help: str = ""
    computed: bool = False
    annotated: bool = True

    @property
    def required(self) -> bool:
        """True if a value must be given."""
        return self.default is REQUIRED and not self.computed


def has_tag(cell: Mapping[str, Any], tag: str) -> bool:
    """Return whether a notebook's cell carries a tag."""
    tags = cell.get("metadata", {}).get("tags")
    return isinstance(tags, list) and tag in tags


def read_parameters(notebook: Mapping[str, Any], where: str) -> dict[str, Parameter]:
    """Return the declared parameters of a notebook, in order; none if no cell is tagged.

    Args:
        notebook: a notebook node, or its JSON.
        where: what messages call the notebook.

    Raises:
        UsageError: several cells are tagged, the cell isn't valid, or a declaration isn't of a known type.
    """
    tagged = [cell for cell in notebook["cells"] if cell["cell_type"] == "code" and has_tag(cell, TAG)]
    if len(tagged) > 1:
        raise UsageError(f"{where} has {len(tagged)} cells tagged `{TAG}`; one declares all parameters")
    if not tagged:
        return {}
    source = tagged[0]["source"]
    found = parse_cell(source if isinstance(source, str) else "".join(source), where)
    return {parameter.name: parameter for parameter in found}


def parse_cell(source: str, where: str) -> list[Parameter]:
    """Return what the source of a parameters cell declares.

    Raises:
        UsageError: as for :func:`read_parameters`.
    """
    try:
        tree = parse(source)
    except SyntaxError as error:
        raise UsageError(f"the parameters cell of {where}, line {error.lineno}: {error.msg}") from None
    except ValueError as error:
        raise UsageError(f"the parameters cell of {where}: {error}") from None
    comments = _comments(source)
    found: list[Parameter] = []
    for node in tree.body:
        text = comments.get(node.end_lineno or node.lineno, "")
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                found.append(_annotated(name, annotation, value, text, where))
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found.append(_inferred(name, value, text))
            case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
                continue
            case _:
                raise UsageError(
                    f"the parameters cell of {where}, line {node.lineno}: "
                    "only `name: type = value  # help` can stand there"
                )
        _check_name(found, node.lineno, where)
    return found


def _check_name(found: list[Parameter], line: int, where: str) -> None:
    name = found[-1].name
    if name in PRIVATE:
        raise UsageError(
            f"the parameters cell of {where}, line {line}: the name {name!r} is taken; choose another"
        )
    if any(parameter.name == name for parameter in found[:-1]):
        raise UsageError(f"the parameters cell of {where}, line {line}: {name!r} is declared twice")


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.lstrip("# ").rstrip()
        for token in tokens
        if token.type == tokenize.COMMENT
    }


def _annotated(name: str, annotation: ast.expr, value: ast.expr | None, text: str, where: str) -> Parameter:
    written = ast.unparse(annotation)
    try:
        kind = read_type(annotation)
    except Mismatch as error:
        raise UsageError(f"parameter {name!r} of {where}: {error}") from None
    if value is None or (isinstance(value, ast.Constant) and value.value is ...):
        return Parameter(name, kind, written, help=text)
    try:
        default = read_default(value)
    except Mismatch:
        return Parameter(name, kind, written, None, text, computed=True)
    try:
        convert(kind, default, exact=True)
    except (Mismatch, UsageError):
        raise UsageError(
            f"parameter {name!r} of {where} is declared as {written}, but its default is {ast.unparse(value)}"
        ) from None
    return Parameter(name, kind, written, default, text)


def _inferred(name: str, value: ast.expr, text: str) -> Parameter:
    try:
        default = read_default(value)
    except Mismatch:
        return Parameter(name, Any, "any", None, text, computed=True, annotated=False)
    kind, written = type_of(default)
    return Parameter(name, kind, written, default, text, annotated=False)


def unknown_parameter(name: str, known: Iterable[Parameter], where: str) -> UsageError:
    """Return the error for a parameter nobody declares: it names the nearest one and its type."""
    by_name = {parameter.name: parameter for parameter in known}
    near = difflib.get_close_matches(name, by_name, n=1, cutoff=0.5)
    if near:
        hint = f"did you mean {near[0]!r} ({by_name[near[0]].annotation})?"
    elif by_name:
        hint = "known: " + ", ".join(f"{p.name} ({p.annotation})" for p in by_name.values())
    else:
        hint = "it has none"
    return UsageError(f"unknown parameter {name!r} of {where}; {hint}")


def convert_all(
    declared: Mapping[str, Parameter], values: Mapping[str, Any], where: str, folder: Path | None = None
) -> dict[str, Any]:
    """Convert given values to the declared types.

    Args:
        declared: what :func:`read_parameters` returned.
        values: by name: text from a command line, or values from YAML or JSON.
        where: what messages call the notebook.
        folder: what relative paths are relative to; the working directory if None.

    Raises:
        UsageError: an unknown name, or a value of a wrong type. The message names the parameter, its type and
            the nearest name.
    """
    converted: dict[str, Any] = {}
    for name, value in values.items():
        if name not in declared:
            raise unknown_parameter(name, declared.values(), where)
        parameter = declared[name]
        try:
            converted[name] = convert(parameter.type, value, folder=folder)
        except UsageError as error:
            raise UsageError(f"parameter {name!r} of {where}: {error}") from None
        except Mismatch as error:
            # What was given for a secret may be the secret itself, so it isn't repeated.
            reason = "the value given isn't" if "Secret" in parameter.annotation else str(error)
            raise UsageError(
                f"parameter {name!r} of {where} must be {parameter.annotation}: {reason}"
            ) from None
    return converted


def require_all(declared: Mapping[str, Parameter], values: Mapping[str, Any], where: str) -> None:
    """Check that every parameter has a value, and every secret is set.

    Raises:
        UsageError: one hasn't, or isn't.
    """
    for parameter in declared.values():
        if parameter.required and parameter.name not in values:
            raise UsageError(
                f"parameter {parameter.name!r} of {where} ({parameter.annotation}) needs a value"
            )
    for secret in secrets_of(declared, values):
        secret.reveal()


def secrets_of(declared: Mapping[str, Parameter], values: Mapping[str, Any]) -> list[Secret]:
    """Return the secrets among the values a notebook will see: those given, else the defaults."""
    seen = {name: values.get(name, parameter.default) for name, parameter in declared.items()}
    return list(_secrets(list(seen.values())))


def _secrets(value: Any) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, dict):
        for pair in value.items():
            yield from _secrets(list(pair))
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _secrets(item)
