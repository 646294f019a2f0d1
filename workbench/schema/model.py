"""What a table is: columns with logical types, a key, and how it is laid out on a cluster."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Literal

Schema = Literal["raw", "withdrawn", "staging", "core", "marts", "ops"]
SCHEMAS: tuple[Schema, ...] = ("raw", "withdrawn", "staging", "core", "marts", "ops")
PUBLISHED: tuple[Schema, ...] = ("core", "marts")
"""What people read, who may have a copy of it."""

Kind = Literal[
    "text", "integer", "bigint", "decimal", "double", "boolean", "date", "timestamp", "json", "codes"
]
Check = Literal[
    "not_zero",
    "not_negative",
    "amount_fits",
    "half_an_amount",
    "currency",
    "line_status",
    "time_zone",
    "hour_of_day",
    "not_too_early",
    "not_in_future",
    "unit",
    "unit_of_metric",
]


@dataclass(frozen=True)
class Column:
    """One column.

    ``size`` is the length of a text on engines that need one (bytes), or (precision, scale) of a decimal.
    ``codes`` is a list of short texts. A timestamp is UTC without zone. ``checks`` are the rules a landed
    value must pass beyond its type; see :mod:`workbench.schema.contract`.
    """

    name: str
    kind: Kind
    comment: str
    nullable: bool = True
    size: tuple[int, ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def required(self) -> bool:
        """True if every row must carry a value."""
        return not self.nullable

    @property
    def longest(self) -> int | None:
        """Bytes that a landed text may have at most; None of other types, and where a list tells what it may be."""
        is_free = self.kind == "text" and not {"currency", "line_status"} & set(self.checks)
        return self.size[0] if is_free else None


@dataclass(frozen=True)
class Table:
    """One table of the warehouse, the only place where its shape is written down.

    ``key`` identifies a row (a change log's key includes its time). ``dist`` is a column to distribute by, or
    ``all`` (a copy on every node) or ``even``; ``sort`` the sort key; ``why`` says which queries made that the choice.
    Embedded engines ignore all three. A table with a ``view`` is no table but that query over others, in SQL that both
    engines know: it is always as new as they are, and nobody writes it. ``rows_of`` names the table, or is
    the query in brackets, that it has a row for each row of, which are faster to count. Of a table that is ``only_added_to``, rows are never changed or removed, so
    that their number tells one state from another.
    """

    schema: Schema
    name: str
    comment: str
    columns: tuple[Column, ...]
    _: KW_ONLY
    key: tuple[str, ...] = ()
    dist: str = "even"
    sort: tuple[str, ...] = ()
    why: str = ""
    view: str = ""
    rows_of: str = ""
    only_added_to: bool = False

    @property
    def full_name(self) -> str:
        """``schema.name``."""
        return f"{self.schema}.{self.name}"

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """Return the column of that name.

        Raises:
            KeyError: there is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def rules(self, column: Column) -> list[str]:
        """Return in words what a value of a column must pass as it lands, beyond its type."""
        longest = column.longest if self.schema == "raw" and not column.name.startswith("_") else None
        length = [] if longest is None else [f"at most {longest} bytes"]
        return [*length, *(check.replace("_", " ") for check in column.checks)]


def cut(text: str, size: int) -> str:
    """Return a text, or as much of it as a column of a size in bytes holds; no letter is cut in two."""
    content = text.encode("utf-8", "backslashreplace")
    if len(content) <= size:
        return text
    return content[:size].decode("utf-8", "ignore")


def text(
    name: str, comment: str, *, size: int = 256, nullable: bool = True, checks: tuple[Check, ...] = ()
) -> Column:
    """Declare a text column; ``size`` in bytes."""
    return Column(name, "text", comment, nullable, (size,), checks)


def integer(name: str, comment: str, *, nullable: bool = True, checks: tuple[Check, ...] = ()) -> Column:
    """Declare a 32-bit integer column."""
    return Column(name, "integer", comment, nullable, (), checks)


def bigint(name: str, comment: str, *, nullable: bool = True, checks: tuple[Check, ...] = ()) -> Column:
    """Declare a 64-bit integer column."""
    return Column(name, "bigint", comment, nullable, (), checks)


def decimal(
    name: str, comment: str, *, scale: int = 4, nullable: bool = True, checks: tuple[Check, ...] = ()
) -> Column:
    """Declare an exact number of 18 digits, ``scale`` of them after the point."""
    return Column(name, "decimal", comment, nullable, (18, scale), checks)


def total(name: str, comment: str, *, nullable: bool = True) -> Column:
    """Declare a sum of decimals of four places, with as many digits as the engines have: any sum of rows fits."""
    return Column(name, "decimal", comment, nullable, (38, 4))


def double(name: str, comment: str, *, nullable: bool = True) -> Column:
    """Declare a floating-point column; never for money."""
    return Column(name, "double", comment, nullable)


def boolean(name: str, comment: str, *, nullable: bool = True) -> Column:
    """Declare a truth value."""
    return Column(name, "boolean", comment, nullable)


def date(name: str, comment: str, *, nullable: bool = True, checks: tuple[Check, ...] = ()) -> Column:
    """Declare a calendar day."""
    return Column(name, "date", comment, nullable, (), checks)


def timestamp(name: str, comment: str, *, nullable: bool = True, checks: tuple[Check, ...] = ()) -> Column:
    """Declare a moment, UTC."""
    return Column(name, "timestamp", comment, nullable, (), checks)


def json(name: str, comment: str, *, nullable: bool = True) -> Column:
    """Declare a JSON document."""
    return Column(name, "json", comment, nullable)


def codes(name: str, comment: str, *, nullable: bool = True) -> Column:
    """Declare a list of short codes."""
    return Column(name, "codes", comment, nullable)


ADDRESS = (
    text("street", "street and house number"),
    text("city", "city"),
    text("state", "state or region"),
    text("postal_code", "postal code", size=32),
    text("country", "country", size=64),
)
"""The columns of a postal address, as change logs and dimensions carry them."""
