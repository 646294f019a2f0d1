"""Pipelines that run after others: ``schedule: {on: [marts.retail_sales]}``."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.execution.pipeline.graph import LANDING, expand
from workbench.execution.pipeline.pipeline import Pipeline
from workbench.warehouse import Warehouse


class Following:
    """Asks ``ops.runs`` which pipelines are due because of what others have written.

    Nothing is kept in mind that a crash could lose: a pipeline is due while a stage that writes something it follows
    has succeeded since it last began to run with success, whoever ran either.

    Args:
        pipelines: all that there are; the followers are among them.
    """

    def __init__(self, pipelines: Iterable[Pipeline]) -> None:
        self.writers: dict[str, list[tuple[str, str]]] = {}
        self.unwritten: dict[str, list[str]] = {}
        pipelines = list(pipelines)
        for follower in pipelines:
            names = [
                name for name in expand(follower.schedule.on if follower.schedule else ()) if name != LANDING
            ]
            written = [
                (each.name, stage, set(expand(each.stages[stage].writes)))
                for each in pipelines
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
        any_of = " OR ".join("(pipeline = ? AND stage = ?)" for _ in pairs)
        rows = warehouse.rows(
            f"SELECT run_id FROM ops.runs WHERE state = 'succeeded' AND stage IS NOT NULL AND ({any_of}) "
            "AND finished_at > (SELECT coalesce(max(started_at), CAST('1970-01-01' AS TIMESTAMP)) FROM ops.runs "
            "WHERE pipeline = ? AND stage IS NULL AND state = 'succeeded') ORDER BY finished_at DESC LIMIT 1",
            [*(part for pair in pairs for part in pair), follower],
        )
        return rows[0]["run_id"] if rows else None
