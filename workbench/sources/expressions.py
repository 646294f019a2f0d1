"""Expressions of a map: what of a file they read, and as SQL that is worked out for every row it can be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from workbench.errors import UsageError, first_line
from workbench.schema import quote

ROW = "\x1frow"
"""The column of row numbers for windows without an order; no expression can name it, since YAML has no such character."""

_LAYOUT = (
    exp.Filter, exp.Where, exp.IgnoreNulls, exp.RespectNulls, exp.Order, exp.Ordered, exp.Distinct, exp.WindowSpec,
)  # fmt: skip

_WORDS = re.compile(r"[^\W\d][^()'\",;\n]*")
_WRITE = "; if that is the name of a column, write it in quotes: {}"


@dataclass(frozen=True)
class Name:
    """A column of theirs in SQL: by which name it is known there, its DuckDB type, and its name to take fields from."""

    alias: str
    type: str
    fields: str | None = None


@dataclass(frozen=True)
class Worked:
    """An expression as SQL: a scalar over their columns and over windows, each of which has a name of its own."""

    scalar: str
    windows: Mapping[str, str]

    @property
    def unsafe(self) -> str:
        """The scalar without what makes nulls of its failures: those of a pattern come before any row."""
        return self.scalar.removeprefix("TRY")


def parse(name: str, text: str) -> exp.Expression:
    """Parse the expression of one of our columns.

    Raises:
        UsageError: it isn't one scalar or window expression.
    """
    try:
        statements = sqlglot.parse(f"SELECT {text} AS {quote(name)}", read="duckdb")
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        message = f"map, column {name!r}: not an expression: {first_line(str(error))}"
        raise UsageError(message + (_WRITE.format(quote(text)) if _WORDS.fullmatch(text) else "")) from None
    select = statements[0] if len(statements) == 1 else None
    only_projection = isinstance(select, exp.Select) and not any(
        value for key, value in select.args.items() if key not in ("expressions", "kind", "hint")
    )
    if not isinstance(select, exp.Select) or not only_projection or len(select.expressions) != 1:
        raise UsageError(f"map, column {name!r}: one scalar or window expression is wanted, not {text!r}")
    tree = select.expressions[0].unalias()
    stars = any(not isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star))
    if stars or tree.find(exp.Columns, exp.Query, exp.Subquery, exp.Placeholder, exp.Parameter):
        raise UsageError(f"map, column {name!r}: no subquery, star or parameter may stand in {text!r}")
    return tree


def reads(tree: exp.Expression) -> set[str]:
    """Return the names of their columns that an expression reads; of ``item.sku`` that is ``item``."""
    return {column.parts[0].name for column in tree.find_all(exp.Column)}


def has_window(tree: exp.Expression) -> bool:
    """Return whether an expression looks at other rows than its own."""
    return tree.find(exp.Window) is not None


def dotted(tree: exp.Expression) -> dict[str, str]:
    """Return for each name that is read with a field, ``item.sku``, how that would be written as one name."""
    return {
        column.parts[0].name: ".".join(part.name for part in column.parts)
        for column in tree.find_all(exp.Column)
        if len(column.parts) > 1
    }


def work_out(column: str, text: str, tree: exp.Expression, names: Mapping[str, Name]) -> Worked:
    """Return an expression as SQL, safe for rows it can't be worked out for.

    What fails on a row is null there: the scalar, and what a window is worked out from. A ``row_number()`` without
    an order follows the file. A field of a column that is text is taken out of its JSON.

    Args:
        column: the column of ours.
        text: the expression as it is written.
        tree: the same, parsed.
        names: their columns, by the names that the expression calls them.
    """
    plain = all(name.alias == called for called, name in names.items())
    changed = tree.transform(lambda node: _field(node, names))
    if plain and changed == tree and not tree.find(exp.Window):
        # A comment may stand at its end.
        return Worked(f"TRY({text}\n)", {})
    windows: dict[str, str] = {}

    def named(node: exp.Expression) -> exp.Expression:
        if not isinstance(node, exp.Window):
            return node
        alias = f"{ROW}{column} {len(windows)}"
        windows[alias] = _safe_window(node).sql(dialect="duckdb")
        return exp.column(alias, quoted=True)

    scalar = changed.transform(named)
    return Worked(f"TRY({scalar.sql(dialect='duckdb')})", windows)


def _field(node: exp.Expression, names: Mapping[str, Name]) -> exp.Expression:
    """Return a column under its alias, with the fields that are asked of it."""
    path = _path(node)
    if path is None:
        return node
    column, fields = path
    name = names.get(column.parts[0].name)
    if name is None:
        return node
    if fields and name.type == "VARCHAR":
        text = exp.column(name.alias, quoted=True)
        pointer = "".join("/" + field.replace("~", "~0").replace("/", "~1") for field in fields)
        inside = exp.column(name.fields or name.alias, quoted=True)
        found = exp.Anonymous(this="json_extract_string", expressions=[inside, exp.Literal.string(pointer)])
        if len(fields) > 1 or not isinstance(node, exp.Bracket) or _key(node) is not None:
            return found
        # Of a text that is no list, a place is that of a letter.
        letter = exp.Bracket(this=text.copy(), expressions=[each.copy() for each in node.expressions])
        kind = exp.Anonymous(this="json_type", expressions=[text.copy()])
        is_list = exp.EQ(
            this=exp.Anonymous(this="TRY", expressions=[kind]), expression=exp.Literal.string("ARRAY")
        )
        return exp.Case(ifs=[exp.If(this=is_list, true=found)], default=letter)
    if isinstance(node, exp.Column) and name.alias != node.parts[0].name:
        node = node.copy()
        node.parts[0].replace(exp.to_identifier(name.alias, quoted=True))
    return node


def _path(node: exp.Expression) -> tuple[exp.Column, list[str]] | None:
    """Return the column of ``item.sku``, ``item['sku']``, ``items[1].sku`` and the like, and the names of the fields.

    A place in a list is given as JSON pointers count it, from 0.
    """
    if isinstance(node, exp.Column):
        return node, [part.name for part in node.parts[1:]]
    field: str | None = None
    if isinstance(node, exp.Bracket):
        field = _key(node) or _place(node)
    elif isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier):
        field = node.expression.name
    inner = _path(node.this) if field is not None else None
    return (inner[0], [*inner[1], field]) if inner and field is not None else None


def _key(node: exp.Bracket) -> str | None:
    """Return the name in ``item['sku']``."""
    key = node.expressions[0] if len(node.expressions) == 1 else None
    return key.name if isinstance(key, exp.Literal) and key.is_string else None


def _place(node: exp.Bracket) -> str | None:
    """Return the place in ``items[1]``; the parser counts from 0."""
    place = node.expressions[0] if len(node.expressions) == 1 else None
    return place.name if isinstance(place, exp.Literal) and place.is_int else None


def _safe_window(window: exp.Window) -> exp.Window:
    window = window.copy()
    if isinstance(window.this, exp.RowNumber) and not window.args.get("order"):
        window.set("order", exp.Order(expressions=[exp.column(ROW, quoted=True)]))
    function = window.this
    while isinstance(function, exp.Filter | exp.IgnoreNulls | exp.RespectNulls):
        function = function.this
    for part in (window, function):
        _try_parts(part, function)
    return window


def _try_parts(node: exp.Expression, function: exp.Expression) -> None:
    """Wrap, in place, what the parts of a window are worked out from."""
    for child in list(node.iter_expressions()):
        if child is function or isinstance(child, exp.Column):
            continue
        if isinstance(child, _LAYOUT):
            _try_parts(child, function)
        elif child.find(exp.Column):
            child.replace(exp.Anonymous(this="TRY", expressions=[child.copy()]))
