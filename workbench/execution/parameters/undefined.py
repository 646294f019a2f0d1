"""Names that a parameters cell uses and nothing above it defines, told from the syntax of the cells; nothing is run."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator

from workbench.execution.parameters.syntax import parse

_GIVEN = {*dir(builtins), "display", "get_ipython", "In", "Out"}
"""What IPython has in each notebook."""
_DEFINING = {"exec", "globals", "get_ipython"}
"""What may define names that no syntax shows."""
_HOMES = {
    "datetime": ("date", "time", "timedelta"),
    "decimal": ("Decimal",),
    "pathlib": ("Path",),
    "typing": ("Annotated", "Any", "Dict", "FrozenSet", "List", "Literal", "Optional", "Set", "Text", "Tuple", "Union"),
    "collections.abc": ("Collection", "Iterable", "Mapping", "Sequence"),
    "workbench.execution": ("Secret",),
}  # fmt: skip


def undefined_names(cell: str, earlier: Iterable[str]) -> dict[str, str]:
    """Return each name that a parameters cell needs and hasn't got, with the import that most likely brings it, or "".

    A name counts as defined wherever a cell could define it, in a function too. Where that can't be told, as behind
    ``from x import *`` or in a cell that only IPython reads, nothing is found.

    Args:
        cell: the source of the parameters cell.
        earlier: the sources of the code cells before it.
    """
    try:
        trees = [parse(source) for source in (*earlier, cell)]
    except (SyntaxError, ValueError):
        return {}
    nodes = [node for tree in trees for node in ast.walk(tree)]
    defined = {name for node in nodes for name in _defined(node)}
    if "*" in defined or any(isinstance(node, ast.Name) and node.id in _DEFINING for node in nodes):
        return {}
    # IPython heeds a future import in all cells after it.
    unevaluated = any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in nodes)
    needed = {name: whole for statement in trees[-1].body for name, whole in _needed(statement, unevaluated)}
    return {
        name: _import(name, whole)
        for name, whole in needed.items()
        if name not in defined and name not in _GIVEN and not name.startswith("_")
    }


def _defined(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.ExceptHandler(name=str() as name):
            return [name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return [each.asname or each.name.partition(".")[0] for each in names]
        case ast.MatchAs(name=str() as name) | ast.MatchStar(name=str() as name):
            return [name]
        case ast.MatchMapping(rest=str() as name) | ast.arg(arg=name):
            return [name]
        case ast.Global(names=names):
            return names
    return []


def _needed(node: ast.AST, unevaluated: bool) -> Iterator[tuple[str, str]]:
    """Yield names that are looked up when a statement is run, each with the dotted name that it begins, if it begins one."""
    match node:
        case ast.Name(id=name, ctx=ast.Load()):
            yield name, ""
        case ast.Attribute(value=ast.Name(id=name), attr=attribute):
            yield name, f"{name}.{attribute}"
        case ast.Lambda(args=arguments):
            for each in (*arguments.defaults, *filter(None, arguments.kw_defaults)):
                yield from _needed(each, unevaluated)
        case ast.AnnAssign(value=value) if unevaluated:
            if value is not None:
                yield from _needed(value, unevaluated)
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _needed(child, unevaluated)


def _import(name: str, whole: str) -> str:
    if name == "datetime":
        return "import datetime" if whole else "from datetime import datetime"
    if name == "dt":
        return "import datetime as dt"
    if whole and name in _HOMES:
        return f"import {name}"
    return next((f"from {home} import {name}" for home, names in _HOMES.items() if name in names), "")
