"""How a table that is there differs from its declaration, and whether it can be upgraded without losing a row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from workbench.errors import UsageError
from workbench.schema import Column, Dialect, Table, sql_type

_TYPE = re.compile(r"([a-z ]+?)\s*(?:\((\d+)(?:,\s*(\d+))?\))?(\[\])?")
_NAMES = {
    "varchar": "text", "character varying": "text", "text": "text", "bpchar": "text", "char": "text",
    "character": "text", "json": "json", "integer": "integer", "int": "integer", "int4": "integer",
    "smallint": "smallint", "int2": "smallint", "bigint": "bigint", "int8": "bigint", "decimal": "decimal",
    "numeric": "decimal", "double": "double", "double precision": "double", "float8": "double",
    "boolean": "boolean", "date": "date", "timestamp": "timestamp", "timestamp without time zone": "timestamp",
}  # fmt: skip
_WIDER = {
    ("smallint", "integer"), ("smallint", "bigint"), ("integer", "bigint"), ("json", "text"),
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A type of either engine's: its name here, and a text's length or a decimal's precision and scale."""

    name: str
    size: tuple[int, ...] = ()

    @staticmethod
    @cache
    def of(text: str) -> Kind:
        """Read a type in an engine's words; one that isn't ours keeps its name."""
        found = _TYPE.fullmatch(text.strip().lower())
        if not found:
            return Kind(text.strip().lower())
        name, first, second, listed = found.groups()
        name = _NAMES.get(name, name) + (listed or "")
        size = tuple(int(part) for part in (first, second) if part is not None)
        return Kind(name, size)

    def holds(self, other: Kind) -> bool:
        """Whether every value of the other type is one of this."""
        if self == other or ((other.name, self.name) in _WIDER and not self.size):
            return True
        if self.name != other.name:
            return (other.name, self.name) in _WIDER
        if self.name == "decimal":
            digits, scale = self.size
            others, others_scale = other.size
            return scale >= others_scale and digits - scale >= others - others_scale
        return self.name == "text" and bool(self.size) and bool(other.size) and self.size >= other.size


@dataclass(frozen=True)
class Found:
    """A column that is there: its type in the engine's words, and whether it may be empty."""

    type: str
    nullable: bool


@dataclass(frozen=True)
class Difference:
    """What a table needs to become as declared; ``empty`` tells that it has no rows, so that it can be made anew."""

    table: Table
    empty: bool
    added: tuple[Column, ...] = ()
    retyped: tuple[Column, ...] = ()
    required: tuple[Column, ...] = ()
    optional: tuple[Column, ...] = ()
    dropped: tuple[str, ...] = ()
    found: Mapping[str, Found] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.added or self.retyped or self.required or self.optional or self.dropped)


def compare(
    table: Table, found: Mapping[str, Found], dialect: Dialect, has: Callable[[Table, str], bool]
) -> Difference:
    """Compare a table with its declaration.

    Args:
        table: the declaration.
        found: the columns that are there, by name.
        dialect: of the engine.
        has: whether the table has a row that meets a condition in SQL.

    Raises:
        UsageError: to make it as declared would lose data; the message names table and column.
    """
    known = {column.name: column for column in table.columns}
    added = tuple(column for column in table.columns if column.name not in found)
    both = [(column, found[column.name]) for column in table.columns if column.name in found]
    retyped = tuple(
        column for column, there in both if Kind.of(there.type) != Kind.of(sql_type(column, dialect))
    )
    required = tuple(column for column, there in both if column.required and there.nullable)
    optional = tuple(column for column, there in both if column.nullable and not there.nullable)
    dropped = tuple(name for name in found if name not in known)
    difference = Difference(table, False, added, retyped, required, optional, dropped, found)
    if not difference:
        return difference
    if not has(table, "1 = 1"):
        return Difference(table, True, added, retyped, required, optional, dropped, found)
    for column in added:
        if column.required:
            raise _refuse(table, column.name, "must have a value, and the table has rows without the column")
    for column in retyped:
        wanted, there = sql_type(column, dialect), found[column.name].type
        if not Kind.of(wanted).holds(Kind.of(there)):
            raise _refuse(table, column.name, f"is {there} and can't become {wanted} without losing data")
    for column in required:
        if has(table, f'"{column.name}" IS NULL'):
            raise _refuse(table, column.name, "must have a value, and rows have none")
    for name in dropped:
        if has(table, f'"{name}" IS NOT NULL'):
            raise _refuse(table, name, "is no longer declared, and rows have values there")
    return difference


def is_as_declared(table: Table, found: Mapping[str, Found], dialect: Dialect) -> bool:
    """Return whether a table that is there has the declared columns, in the declared order."""
    return tuple(found) == table.column_names and not compare(table, found, dialect, lambda *_: False)


def _refuse(table: Table, column: str, why: str) -> UsageError:
    # What is worked out from raw can be worked out again; what landed or was found can't.
    mend = (
        "; drop the table and build it again to let that go"
        if table.schema in ("staging", "core", "marts")
        else ""
    )
    return UsageError(f"can't upgrade the warehouse: {table.full_name}.{column} {why}{mend}")
