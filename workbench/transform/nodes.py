"""Models and tests as a build executes them, and what changed rows of one mean for others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any, Literal

from workbench.schema import Table


@dataclass(frozen=True)
class Touches:
    """What changed rows of a model mean for others: these have to work out a member of a kind anew.

    ``member`` is SQL over the model's columns. With ``of``, rows count as changed only where these columns are, and
    new rows touch nothing unless ``also_new``. With ``new``, a column, the members of rows whose value there no row had
    before aren't told, but these values, as of the kind `new`: what such rows add can be added. With ``unless_whole``
    a table that is built whole tells nobody of them: members of another kind are all that matter then.
    """

    models: Sequence[str]
    kind: str
    member: str
    of: Sequence[str] = ()
    also_new: bool = False
    new: str = ""
    unless_whole: bool = False


@dataclass(frozen=True)
class Node:
    """A model or a test, its statement, and the tables that this reads.

    A step is what a model needs first; that of the name ``touched_<model>`` says what the model has to work out anew, in
    the columns ``by`` which its rows are replaced. ``relation`` is how statements name the model. ``withdrawn`` is the column of a fact by which rows
    are found of which a batch was withdrawn, ``at`` that of its time. ``check`` is how a test's failures are counted and judged.
    """

    name: str
    kind: Literal["model", "step", "test"]
    table: str
    sql: str
    reads: Sequence[str]
    relation: str = ""
    tags: Sequence[str] = ()
    parents: Sequence[str] = ()
    by: Sequence[str] = ()
    touches: Sequence[Touches] = ()
    withdrawn: str = ""
    at: str = ""
    check: Mapping[str, str] = field(default_factory=dict)


def fingerprint(nodes: Iterable[Node], table: Table) -> str:
    """Return a hash of what a table is worked out by: statements, the columns that they replace rows by, its shape."""
    parts = [
        (node.name, node.sql, node.by, [_as_dict(touches) for touches in node.touches]) for node in nodes
    ]
    shape = [(column.name, column.kind, column.size) for column in table.columns]
    # Those that replace all of their rows were not always told of changes: what they hold may be behind what they read.
    whole = [] if parts[0][2] else ["told"]
    return sha256(json.dumps([parts, shape, *whole]).encode()).hexdigest()


def _as_dict(touches: Touches) -> dict[str, Any]:
    told = asdict(touches)
    # Where it isn't said, tables built before there was such a thing are as they would be built now.
    if not told["unless_whole"]:
        del told["unless_whole"]
    return told
