"""Pipelines that run after others: ``schedule: {on: [marts.retail_sales]}``."""

from __future__ import annotations

import json
from collections.abc import Iterable

from workbench.execution.pipeline.graph import LANDING, expand
from workbench.execution.pipeline.pipeline import Pipeline
from workbench.execution.scheduling.whole import last_whole
from workbench.warehouse import Warehouse


class Following:
    """Asks ``ops.runs`` which pipelines are due because of what others have written.

    Nothing is kept in mind that a crash could lose: a pipeline is due while a stage that writes something it follows
    has succeeded since one of its own stages last began with success, whoever ran either, and in one run or in several.
    A stage that was given days, as a backfill gives them, hasn't gone over what is new.

    Args:
        pipelines: all that there are; the followers are among them.
    """

    def __init__(self, pipelines: Iterable[Pipeline]) -> None:
        self.writers: dict[str, list[tuple[str, str]]] = {}
        self.unwritten: dict[str, list[str]] = {}
        self._pipelines = {each.name: each for each in pipelines}
        for follower in self._pipelines.values():
            names = [
                name for name in expand(follower.schedule.on if follower.schedule else ()) if name != LANDING
            ]
            written = [
                (each.name, stage, set(expand(each.stages[stage].writes)))
                for each in self._pipelines.values()
                for stage in each.order
                if each.name != follower.name
            ]
            if writers := [(name, stage) for name, stage, writes in written if writes & set(names)]:
                self.writers[follower.name] = writers
            known = frozenset[str]().union(*(writes for *_, writes in written))
            if lost := [name for name in names if name not in known]:
                self.unwritten[follower.name] = lost

    def cause(self, warehouse: Warehouse, follower: str) -> str | None:
        """Return the stage run that makes a pipeline due, or None."""
        if not (pairs := self.writers.get(follower)):
            return None
        any_of = " OR ".join("(pipeline = ? AND split_part(stage, '[', 1) = ?)" for _ in pairs)
        rows = warehouse.rows(
            "SELECT run_id, finished_at FROM ops.runs WHERE state = 'succeeded' AND finished_at IS NOT NULL "
            f"AND ({any_of}) ORDER BY finished_at DESC LIMIT 1",
            [part for pair in pairs for part in pair],
        )
        if not rows:
            return None
        pipeline = self._pipelines[follower]
        begun = last_whole(warehouse, pipeline, "started_at")
        written = rows[0]["finished_at"]
        left = [name for name in pipeline.order if name not in begun or begun[name] < written]
        if all(_goes_over_nothing(warehouse, pipeline, name) for name in left):
            return None
        return str(rows[0]["run_id"])


def _goes_over_nothing(warehouse: Warehouse, pipeline: Pipeline, name: str) -> bool:
    """Whether a stage has run nothing, for the list that it goes over came out empty."""
    stage = pipeline.stages[name]
    source = next((stage.sources[each] for each in stage.over if each in stage.sources), None)
    if source is None or source.part != "values":
        return False
    rows = warehouse.rows(
        "SELECT results FROM ops.runs WHERE pipeline = ? AND stage = ? AND state IN ('succeeded', 'skipped') "
        "ORDER BY started_at DESC LIMIT 1",
        [pipeline.name, source.stage],
    )
    return bool(rows) and json.loads(rows[0]["results"] or "{}").get(source.name) == []
