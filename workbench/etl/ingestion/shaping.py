"""SQL for the rows of a file in the shape of their dataset: its columns picked by name, or worked out by a map."""

from __future__ import annotations

from workbench.etl.ingestion.reading import Rows, Source
from workbench.schema import EXTRA, Column, Table, quote
from workbench.sources.dialect import Dialect
from workbench.sources.expressions import ROW
from workbench.sources.maps import Map

_NUMBERS = ("integer", "bigint", "decimal", "double")
_NOTHING = "CAST(NULL AS VARCHAR)"


def ours(table: Table) -> list[Column]:
    """Return the columns of a dataset that files bring."""
    return [column for column in table.columns if not column.name.startswith("_")]


def picked(table: Table, rows: Rows, relation: str, dialect: Dialect) -> str:
    """Return SQL for the landed values of our columns, ``s:`` before their names, with ``n`` and the rest."""

    def value(column: Column) -> str:
        source = rows.sources.get(column.name)
        return _value(source, rows, dialect, number=column.kind in _NUMBERS) if source else _NOTHING

    values = ", ".join(f"{value(column)} AS {quote('s:' + column.name)}" for column in ours(table))
    return f"SELECT n, {values}, extra AS {EXTRA} FROM {relation}"


def _value(source: Source, rows: Rows, dialect: Dialect, *, number: bool = False) -> str:
    """Return SQL for a value of theirs, as what it means by the way in which the file is written."""
    if source.type != "VARCHAR":
        return source.sql
    present = dialect.present(source.number or source.sql if number else source.sql)
    return dialect.plain_number(present) if number and rows.is_spelled else present


def mapped(table: Table, mapping: Map, rows: Rows, relation: str) -> str:
    """Return SQL for the same from a map's expressions, to which only the columns it reads are known."""
    names = mapping.aliases(rows.sources)
    types = {name: source.type for name, source in rows.sources.items()}
    theirs = "".join(
        f", {_value(source, rows, mapping)} AS {quote(names[name])}" for name, source in rows.sources.items()
    )
    numbers = {column.name for column in ours(table) if column.kind in _NUMBERS}
    fields = {
        name: f"{ROW}fields {place}" for place, name in enumerate(rows.sources) if rows.sources[name].fields
    }
    theirs += "".join(f", {rows.sources[name].fields} AS {quote(alias)}" for name, alias in fields.items())
    worked = mapping.worked_out(types, fields=fields)
    if fields or (rows.is_spelled and mapping.has_own_numbers):
        # Where a number is wanted, the same columns are read as numbers of the file's own writing.
        spelled = {name: f"{ROW}number {place}" for place, name in enumerate(rows.sources)}
        theirs += "".join(
            f", {_value(source, rows, mapping, number=True)} AS {quote(spelled[name])}"
            for name, source in rows.sources.items()
        )
        worked |= mapping.worked_out(types, spelled, numbers)
    windows = "".join(
        f", {sql} AS {quote(alias)}" for each in worked.values() for alias, sql in each.windows.items()
    )
    picked = ", ".join(
        f"{worked[column.name].scalar if column.name in worked else _NOTHING} AS {quote('s:' + column.name)}"
        for column in ours(table)
    )
    row, rest = quote(ROW), quote(ROW + EXTRA)
    return (
        f"SELECT {row} AS n, * EXCLUDE ({row}, {rest}), {rest} AS {EXTRA} FROM (SELECT {row}, {picked}, {rest} "
        f"FROM (SELECT *{windows} FROM (SELECT n AS {row}, extra AS {rest}{theirs} FROM {relation})))"
    )
