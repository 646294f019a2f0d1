"""What the statements of a project are in one build: how far each model has got is put in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import duckdb

from workbench.errors import UsageError, WorkFailed, one_line
from workbench.transform.marks import START, Marks
from workbench.transform.nodes import Node

_LITERAL = re.compile(r"/\*(seen|until) (\w+)\*/.*?/\*\*/", re.DOTALL)
_LATER = re.compile(r"/\*later\*/.*?/\*end later\*/", re.DOTALL)


class Statements:
    """The nodes of a project as one build executes them, each with those that it needs.

    Args:
        nodes: all of the project, in order.
        marks: how far each has got; the build moves them on.
    """

    def __init__(self, nodes: Sequence[Node], marks: Marks) -> None:
        self._nodes = {node.name: node for node in nodes}
        self._marks = marks

    def sql(self, node: Node, model: Node, *, whole: bool = False) -> str:
        """Return a statement with the times put in, and with the temporary tables of the steps before the model."""

        def literal(found: re.Match[str]) -> str:
            kind, name = found[1], found[2]
            moment = self._marks.seen.get(name, START) if kind == "seen" else self.until(self._nodes[name])
            return f"timestamp '{moment:%Y-%m-%d %H:%M:%S.%f}'".replace("'1-", "'0001-")

        sql = _LITERAL.sub(literal, _LATER.sub("", node.sql) if whole else node.sql)
        for above in self.above(model):
            sql = sql.replace(above.relation, above.name)
        return sql

    def above(self, node: Node) -> list[Node]:
        """Return the steps before a model, each after those that it needs itself."""
        return [each for name, each in self._nodes.items() if name in node.parents and each.kind == "step"]

    def readers(self, table: str) -> list[str]:
        """Return the models that read a table and are always worked out whole."""
        models = (each for each in self._nodes.values() if each.kind == "model" and not each.by)
        return [each.name for each in models if table in each.reads]

    def until(self, node: Node) -> datetime:
        """Return up to when a model takes raw rows in: a fact, those that its dimensions have seen."""
        seen = (self._marks.seen.get(name, START) for name in self.dimensions(node))
        return min(seen, default=self._marks.horizon)

    @staticmethod
    def dimensions(node: Node) -> list[str]:
        """Return the dimensions that a fact looks keys up in; none for other models."""
        return [name for name in node.parents if node.name.startswith("fact_") and name.startswith("dim_")]


@contextmanager
def named(node: Node) -> Iterator[None]:
    """Say which model or test it was whose statement is wrong."""
    try:
        yield
    except (duckdb.Error, UsageError) as error:
        kind = "test" if node.kind == "test" else "model"
        raise WorkFailed(f"dbt: {kind} {node.name}: {one_line(str(error), 300)}") from error
