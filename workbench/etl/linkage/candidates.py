"""Which pairs are compared at all: those that have something in common by a rule, and no rule may explode.

The pairs of each rule are counted before any is made. A value that very many have in common tells nobody from anybody, and
to compare all who have it takes time that grows with the square of their number: such a block is left out, and a rule that
would still make too many pairs leaves out its largest blocks until it makes few enough.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass

LARGEST_BLOCK = 100
"""No block with more entries than these is compared."""
MOST_NAMES = 20
"""An e-mail address, number, street or national id that goes with more names than these is nobody's."""


@dataclass(frozen=True)
class Rule:
    """Two entries that have these values in common are compared; ``budget`` is the most pairs per entry it may make.

    ``crossed`` are values of an entry that may be the other's ``values``, too: who was written family name first, or by it alone.
    """

    name: str
    values: tuple[str, ...]
    budget: int = 20
    crossed: tuple[str, ...] = ()

    @property
    def blocks(self) -> list[tuple[str, str]]:
        """The blocks of an entry, each as one text in the SQL of both engines, and the condition on which it has that block."""
        first, second = (" || '|' || ".join(values) for values in (self.values, self.crossed))
        found = [(first, f"{first} IS NOT NULL")]
        return (
            [*found, (second, f"{second} IS NOT NULL AND coalesce({first}, '') <> {second}")]
            if second
            else found
        )


_WAY = "nullif(translate(street, '0123456789', ''), '')"
"""A street without the number of a house."""

_NAMES = "CASE WHEN given < family THEN given || '|' || family ELSE family || '|' || given END"

RULES = (
    Rule("national id", ("nid",)),
    Rule("e-mail", ("email",)),
    Rule("telephone", ("phone",)),
    Rule("full name", (_NAMES,)),
    Rule("street and postal code", ("street", "postal")),
    Rule("street and city", ("street", "city")),
    Rule("street and given name", ("street", "given")),
    Rule("street and family name", ("street", "family")),
    Rule("street without number and area", (_WAY, "left(postal, 3)"), 5),
    Rule("a name and postal code", ("family", "postal"), crossed=("given", "postal")),
    Rule("birth date and a name", ("born", "left(given, 3)"), crossed=("born", "left(family, 3)")),
    Rule("birth date and postal code", ("born", "postal")),
    Rule("birth date and city", ("born", "city")),
    Rule("a name and city", ("family", "city"), crossed=("given", "city")),
    Rule("beginnings of names and postal code", ("left(given, 2)", "left(family, 2)", "left(postal, 3)")),
    Rule("beginnings of names and city", ("left(given, 3)", "left(family, 3)", "city")),
    Rule("beginning of a name and city", ("left(family, 3)", "city"), 5, ("left(given, 3)", "city")),
    Rule("beginning of a name and area", ("left(family, 3)", "left(postal, 4)"), 5, ("left(given, 3)", "left(postal, 4)")),
    Rule("beginnings of names", ("left(given, 2)", "left(family, 4)"), 5),
    Rule("family name", ("family",), 5),
    Rule("birth date", ("born",), 5),
    Rule("postal code", ("postal",), 3),
)  # fmt: skip

SHARED = {"email": ("email",), "phone": ("phone",), "nid": ("nid",), "street": ("street", "postal")}
"""The columns that are left out where they are shared by too many names, each with what says which value it is."""

NAME = "coalesce(nullif(coalesce(given, '') || ' ' || coalesce(family, ''), ' '), 'id ' || customer_id)"


def shared_values(table: str, among: str = "") -> str:
    """Return the query for values of a table of keys that go with too many names: column_name and value.

    ``among`` is a table of the values that are asked about; without one all are.
    """
    return " UNION ALL ".join(
        f"SELECT '{column}' AS column_name, {_value(parts)} AS value FROM {table} WHERE {column} IS NOT NULL "
        f"{_among(among, column, parts)}GROUP BY {_value(parts)} HAVING count(DISTINCT {NAME}) > {MOST_NAMES}"
        for column, parts in SHARED.items()
    )


def values(table: str) -> str:
    """Return the query for the different values of a table of keys that may turn out to be nobody's: column_name and value."""
    return " UNION ".join(
        f"SELECT '{column}' AS column_name, {_value(parts)} AS value FROM {table} WHERE {column} IS NOT NULL"
        for column, parts in SHARED.items()
    )


def who_has(table: str, chosen: str) -> str:
    """Return the query for the customers in a table of keys who have one of the values of another table."""
    return " UNION ".join(
        f"SELECT customer_id FROM {table} WHERE {column} IS NOT NULL {_among(chosen, column, parts)}"
        for column, parts in SHARED.items()
    )


def _among(chosen: str, column: str, parts: tuple[str, ...]) -> str:
    return (
        f"AND {_value(parts)} IN (SELECT value FROM {chosen} WHERE column_name = '{column}') "
        if chosen
        else ""
    )


def without_shared(table: str, shared: str) -> str:
    """Return the query for a table of keys without the values that ``shared``, a table, has."""
    columns = ", ".join(
        f"CASE WHEN {_value(parts)} IN (SELECT value FROM {shared} WHERE column_name = '{column}') THEN NULL "
        f"ELSE {column} END AS {column}"
        for column, parts in SHARED.items()
    )
    return (
        f"SELECT key_id, customer_id, first_name, given, family, {columns}, postal, city, born FROM {table}"
    )


def blocks(number: int, table: str, shared: str, limited: Container[str]) -> str:
    """Return the query for the blocks of a rule in a table of keys: rule, block, key_id and customer_id.

    Args:
        number: of the rule.
        table: of keys.
        shared: the table of values that are nobody's.
        limited: the columns of which that has any.
    """
    rule = RULES[number]
    columns = [name for name in SHARED if name in limited and re.search(rf"\b{name}\b", rule.blocks[0][0])]
    joined = "".join(
        f" LEFT JOIN {shared} AS limit_{name} ON limit_{name}.column_name = '{name}' "
        f"AND limit_{name}.value = {_value(SHARED[name])}"
        for name in columns
    )
    none = "".join(f" AND limit_{name}.value IS NULL" for name in columns)
    return " UNION ALL ".join(
        f"SELECT {number} AS rule, {block} AS block, key_id, customer_id FROM {table}{joined} WHERE {condition}{none}"
        for block, condition in rule.blocks
    )


def _value(parts: tuple[str, ...]) -> str:
    return " || '|' || ".join(f"coalesce({part}, '')" for part in parts)


def largest_block(rule: Rule, sizes: Iterable[tuple[int, int]], entries: int) -> tuple[int, int, int]:
    """Choose how large a block of a rule may be.

    Args:
        rule: the rule.
        sizes: how large blocks are, in order, and how many there are of each size.
        entries: how many entries there are.

    Returns:
        The largest size that is compared, the pairs that this makes, and the pairs that are left out.
    """
    largest, made, left = 3, 0, 0
    for size, blocks in sizes:
        pairs = blocks * size * (size - 1) // 2
        within = size <= LARGEST_BLOCK and made + pairs <= rule.budget * entries
        if left or not (size <= 3 or within):
            left += pairs
        else:
            largest, made = max(size, largest), made + pairs
    # Nothing was left out: it may grow.
    return (LARGEST_BLOCK if not left else largest), made, left
