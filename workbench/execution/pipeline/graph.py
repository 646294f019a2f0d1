"""The order of stages: who writes a table comes before who reads it. And what the names of tables mean."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from workbench.errors import UsageError, unknown
from workbench.schema import SCHEMAS, TABLES

LANDING = "landing"
"""What a stage reads that takes in files as they land; no table, as the others are."""

Needs = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]


def stage_order(stages: Mapping[str, Needs], where: str) -> tuple[str, ...]:
    """Return the stages in order; among those that are free to go, as they were declared.

    Args:
        stages: by name, the tables it reads, the tables it writes, and the stages it comes after.
        where: what messages call the map.

    Raises:
        UsageError: two stages write one table (``ops`` aside), a stage comes after one that isn't there, or
            the order is a circle. The message names both sides.
    """
    before = stages_before(stages, where)
    sorter = TopologicalSorter(before)
    try:
        sorter.prepare()
    except CycleError as error:
        circle = error.args[1]
        steps = "; ".join(
            f"{second} comes after {first} ({before[second][first]})" for first, second in pairwise(circle)
        )
        raise UsageError(f"{where}: the stages go in a circle: {steps}") from None
    names = list(stages)
    order: list[str] = []
    free: list[int] = []
    while sorter.is_active():
        for name in sorter.get_ready():
            heapq.heappush(free, names.index(name))
        order.append(names[heapq.heappop(free)])
        sorter.done(order[-1])
    return tuple(order)


def stages_before(stages: Mapping[str, Needs], where: str) -> dict[str, dict[str, str]]:
    """Return for each stage those that it comes after, each with the reason.

    Raises:
        UsageError: as for :func:`stage_order`, circles aside.
    """
    writers = _writers(stages, where)
    before: dict[str, dict[str, str]] = {name: {} for name in stages}
    for name, (reads, writes, after) in stages.items():
        for table in map(table_of, reads):
            # Several stages add to the same ledger; one that does so itself waits for no other.
            if table.startswith("ops.") and table in writes:
                continue
            for writer in writers.get(table, []):
                if writer != name:
                    before[name][writer] = f"{writer} writes {table}, {name} reads it"
        for other in after:
            if other not in stages:
                raise UsageError(f"{where}: stage {name}: after: {unknown('stage', other, stages)}")
            before[name][other] = f"{name} says so"
    return before


def _writers(stages: Mapping[str, Needs], where: str) -> dict[str, list[str]]:
    writers: dict[str, list[str]] = {}
    for name, (_, writes, _) in stages.items():
        for table in writes:
            first = writers.setdefault(table, [])
            if first and in_warehouse(table) and not table.startswith("ops."):
                raise UsageError(f"{where}: {table} is written by two stages, {first[0]} and {name}")
            first.append(name)
    return writers


def expand(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names with each pattern over declared tables replaced by the tables that fit it."""
    return tuple(
        dict.fromkeys(
            table
            for name in names
            for table in (fitting(name) if in_warehouse(name) and "*" in name else [name])
        )
    )


def fitting(pattern: str) -> list[str]:
    """Return the declared tables that a name or a pattern such as ``raw.*`` speaks of."""
    return [name for name in TABLES if fnmatchcase(name, pattern)]


def table_of(name: str) -> str:
    """Return the table of a name that may speak of one column of it: ``raw.transactions.customer_id``."""
    return ".".join(name.split(".")[:2]) if in_warehouse(name) else name


def in_warehouse(name: str) -> bool:
    """Return whether a name speaks of a table of the warehouse: it begins with one of its schemas."""
    return name.partition(".")[0] in SCHEMAS and "." in name
