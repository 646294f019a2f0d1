"""Which stages may run at the same time: what is ready, what is running, and what they share."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from workbench.execution.pipeline.graph import expand, in_warehouse
from workbench.execution.pipeline.stage import Stage


@dataclass(frozen=True)
class Claim:
    """What a stage takes while it runs.

    ``touches`` and ``writes`` speak of a warehouse that one process at a time may write; ``limit`` is how many
    instances of the stage may run at once.
    """

    stage: str
    touches: bool = False
    writes: bool = False
    pool: str | None = None
    limit: int | None = None


def claim_of(name: str, stage: Stage, *, one_writer: bool) -> Claim:
    """Return what a stage takes; ``one_writer`` says that the warehouse is one file."""
    reads, writes = (any(map(in_warehouse, expand(names))) for names in (stage.reads, stage.writes))
    return Claim(name, one_writer and (reads or writes), one_writer and writes, stage.pool, stage.limit)


def slots(parallel: int) -> int:
    """Return how many stages may run at once: as the setting says, or one for each processor."""
    if parallel:
        return parallel
    # A container may be given fewer processors than the machine has.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def admits(claim: Claim, running: Collection[Claim], parallel: int) -> bool:
    """Return whether a stage may start beside those that are running."""
    if len(running) >= parallel:
        return False
    if claim.pool and any(claim.pool == other.pool for other in running):
        return False
    if claim.limit and sum(other.stage == claim.stage for other in running) >= claim.limit:
        return False
    if claim.writes:
        return not any(other.touches for other in running)
    return not (claim.touches and any(other.writes for other in running))


class Order:
    """The stages of a run in their order: which are ready, as those before them are done.

    Args:
        names: the stages to run, in order.
        before: for each stage those that come before it; others than ``names`` don't count.
    """

    def __init__(self, names: Iterable[str], before: Mapping[str, Collection[str]]) -> None:
        self._waiting = {name: set(before.get(name, ())) for name in names}
        for waits in self._waiting.values():
            waits.intersection_update(self._waiting)

    def ready(self) -> list[str]:
        """Return the stages that wait for nothing any more, each once."""
        found = [name for name, waits in self._waiting.items() if not waits]
        for name in found:
            del self._waiting[name]
        return found

    def done(self, name: str) -> None:
        """Note that a stage has succeeded."""
        for waits in self._waiting.values():
            waits.discard(name)

    @property
    def waiting(self) -> list[str]:
        """The stages that aren't ready yet, in order."""
        return list(self._waiting)
