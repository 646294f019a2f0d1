"""Queries about what a build changes: which rows are replaced, and what differing rows mean for other models."""

from __future__ import annotations

from workbench.schema import Table, quote
from workbench.transform.nodes import Node, Touches

NEW = "new"
"""The kind of members that are values which no row had before."""


def replaced_rows(node: Node, table: Table) -> str:
    """Return the query of the rows that are replaced by what was worked out: all, where nothing says which."""
    columns = ", ".join(map(quote, table.column_names))
    every = f"SELECT {columns} FROM {table.full_name}"
    if not node.by:
        return every
    source = f"delta_{node.name}" if node.withdrawn else f"touched_{node.name}"
    own = ", ".join(f"t.{quote(name)}" for name in table.column_names)
    on = " AND ".join(f"t.{quote(name)} = k.{quote(name)}" for name in node.by)
    keys = ", ".join(map(quote, node.by))
    rows = f"SELECT {own} FROM {table.full_name} AS t INNER JOIN (SELECT DISTINCT {keys} FROM {source}) AS k ON {on}"
    if node.withdrawn:
        rows += (
            f" UNION {every} WHERE {quote(node.withdrawn)} IN (SELECT member FROM staging.touched "
            f"WHERE model = '{node.name}' AND kind = 'withdrawn')"
        )
    return rows


def new_values(column: str, table: str, gone: str, fresh: str) -> str:
    """Return the query of the values of a column that rows have which were written, and no row had before.

    Args:
        column: of the model.
        table: the model's, as it is now.
        gone: rows that were there and are no more.
        fresh: rows that weren't there.
    """
    name = quote(column)
    written = f"SELECT {name} FROM {fresh}"
    counted = (
        f"SELECT {name} AS member, count(*) AS found FROM {{}} WHERE {name} IN ({written}) GROUP BY {name}"
    )
    return (
        f"SELECT w.member FROM ({counted.format(fresh)}) AS w "
        f"INNER JOIN ({counted.format(table)}) AS t ON t.member = w.member AND t.found = w.found "
        f"WHERE w.member NOT IN (SELECT {name} FROM {gone})"
    )


def changed_members(
    touches: Touches, old: str, gone: str, fresh: str, all_of_it: bool, told_else: str = ""
) -> str:
    """Return the query of the members that changed rows touch.

    Args:
        touches: what they mean.
        old: rows of the members as they were; those that are not as they were are in ``gone`` and ``fresh``.
        gone: rows that were there and are no more.
        fresh: rows that weren't there.
        all_of_it: whether each of ``fresh`` counts, for nobody knows what was there.
        told_else: table of the values of ``touches.new`` whose rows are told of otherwise.
    """
    if all_of_it:
        return f"SELECT {touches.member} AS member FROM {fresh}"
    if not touches.of:
        rest = f" WHERE {quote(touches.new)} NOT IN (SELECT member FROM {told_else})" if told_else else ""
        return (
            f"SELECT {touches.member} AS member FROM {gone} UNION SELECT {touches.member} FROM {fresh}{rest}"
        )
    columns = ", ".join(dict.fromkeys([*map(quote, touches.of)]))
    was, now = (f"SELECT {touches.member} AS member, {columns} FROM {part}" for part in (gone, fresh))
    lost = f"SELECT member FROM (SELECT * FROM ({was}) AS a EXCEPT SELECT * FROM ({now}) AS b) AS lost"
    found = f"SELECT member FROM (SELECT * FROM ({now}) AS a EXCEPT SELECT * FROM ({was}) AS b) AS found"
    known = "" if touches.also_new else f" WHERE member IN (SELECT {touches.member} FROM {old})"
    return f"{lost} UNION {found}{known}"


def same_key(table: Table, left: str, right: str) -> str:
    """Return the condition that rows of two relations have the same key."""
    return " AND ".join(f"{left}.{quote(name)} = {right}.{quote(name)}" for name in table.key)
