"""Days that somebody asks for, whatever is new: what models have to work out anew for them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from workbench.schema import DATASETS, quote
from workbench.transform.nodes import Node, Touches
from workbench.transform.results import MODELS

_LONGEST = dt.timedelta(days=91)
"""From the first day of a mart's longest period, a quarter, to its last."""


@dataclass(frozen=True)
class Days:
    """A range of days, both ends inclusive."""

    first: dt.date
    last: dt.date

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"

    def have(self, column: str) -> str:
        """Return the condition that a timestamp is on one of these days."""
        return (
            f"{quote(column)} >= TIMESTAMP '{self.first} 00:00:00' "
            f"AND {quote(column)} < TIMESTAMP '{self.last + dt.timedelta(days=1)} 00:00:00'"
        )


def members_of(days: Days, nodes: Sequence[Node], wanted: Collection[str]) -> Iterator[tuple[Touches, str]]:
    """Yield whom to tell of what for days to be worked out anew, each with a query of the members.

    Facts take the rows of these days from raw again, as if a batch of theirs had been withdrawn. Their readers work out
    the days, and the members whom facts of these days name, whether or not a row comes out differently: theirs may be what
    is wrong.

    Args:
        days: that are asked for.
        nodes: all of the project.
        wanted: names of the models that are built.
    """
    for node in nodes:
        if not node.at:
            continue
        facts, has_day = MODELS[node.name].full_name, days.have(node.at)
        if node.name in wanted:
            raw, key = DATASETS[node.name.removeprefix("fact_")].full_name, quote(node.withdrawn)
            yield (
                Touches([node.name], "withdrawn", key),
                f"SELECT {key} AS member FROM {raw} WHERE {has_day} "
                f"UNION SELECT {key} FROM {facts} WHERE {has_day}",
            )
        for touches in node.touches:
            models = [name for name in touches.models if name in wanted]
            if models:
                query = f"SELECT {touches.member} AS member FROM {facts} WHERE {has_day}"
                yield replace(touches, models=models), query
    periods = {name for node in nodes for each in node.touches if each.kind == "day" for name in each.models}
    for node in nodes:
        if node.name in wanted and node.name in periods:
            # What it has of days on which there are no facts any more.
            table, start = MODELS[node.name].full_name, quote(node.by[0])
            first = days.first - min(_LONGEST, days.first - dt.date.min)
            yield (
                Touches([node.name], "day", start),
                f"SELECT {start} AS member FROM {table} "
                f"WHERE {start} BETWEEN DATE '{first}' AND DATE '{days.last}'",
            )
