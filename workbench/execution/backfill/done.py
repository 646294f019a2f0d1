"""Which chunks are done already, by the record of runs: what a kill leaves, and what another machine did."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import WorkbenchError
from workbench.execution.backfill.chunks import Chunk
from workbench.execution.pipeline.graph import expand, in_warehouse, table_of
from workbench.execution.pipeline.partitions import Roles
from workbench.execution.pipeline.pipeline import Pipeline
from workbench.execution.run.planning import Planned, instances
from workbench.execution.run.skipping.skip import Decider, differing
from workbench.execution.run.skipping.versions import Versions
from workbench.settings import Settings
from workbench.warehouse import Warehouse


@dataclass(frozen=True)
class Standing:
    """How a chunk stands: done by a run, or why it isn't (empty if it never began).

    ``changed`` are tables that have changed since the run read them.
    """

    run_id: str | None = None
    why: str = ""
    changed: tuple[str, ...] = ()


class RunHistory:
    """What ``ops.runs`` tells of a pipeline's chunks, as it is now.

    A chunk is done if each stage that goes over days last succeeded on just these days, with the code, the settings,
    the other parameters and whatever it reads outside of the warehouse (a model, a file) as they are now. Tables of the
    warehouse change with each delivery, mostly for other days, so a change of theirs undoes no chunk; it is told.

    Args:
        pipeline: its map.
        roles: what its stages do in a backfill.
        warehouse: where ``ops.runs`` is.
        settings: of the runs.
    """

    def __init__(self, pipeline: Pipeline, roles: Roles, warehouse: Warehouse, settings: Settings) -> None:
        self._pipeline, self._roles, self._warehouse = pipeline, roles, warehouse
        self._versions = Versions(warehouse, settings, pipeline, "")
        self._decider = Decider(pipeline.name, self._versions, settings)
        self._own = {table for name in roles.over_days for table in expand(pipeline.stages[name].writes)}

    def never_ran(self, stages: Iterable[str]) -> tuple[str, ...]:
        """Return those of some stages that have never run to their end."""
        ran = self._versions.recorded(self._pipeline.name)
        return tuple(name for name in stages if name not in ran)

    def standing(self, planned: Sequence[Planned], chunks: Iterable[Chunk]) -> dict[Chunk, Standing]:
        """Return how chunks stand.

        Args:
            planned: the stages that go over days, with the values of any chunk.
            chunks: the chunks to look for.
        """
        try:
            keys = {each.name: self._key(each) for each in planned}
        except WorkbenchError:
            # A value is still to come of a stage that never ran.
            return {chunk: Standing() for chunk in chunks}
        latest = self._latest()
        return {chunk: self._standing(chunk, keys, latest) for chunk in chunks}

    def _key(self, planned: Planned) -> dict[str, str]:
        (prepared,) = instances(planned, self._versions.recorded(self._pipeline.name))
        return self._decider.decide(planned.name, planned.stage, prepared).key

    def _standing(
        self,
        chunk: Chunk,
        keys: Mapping[str, dict[str, str]],
        latest: Mapping[tuple[str, Chunk], dict[str, Any]],
    ) -> Standing:
        changed: list[str] = []
        runs = [latest.get((name, chunk)) for name in keys]
        for (name, key), row in zip(keys.items(), runs, strict=True):
            if row is None:
                return Standing(why=f"{name} never came to it" if any(runs) else "")
            if row["state"] != "succeeded":
                return Standing(why=f"its last run {row['state']}")
            stage = self._pipeline.stages[name]
            tables = set(filter(in_warehouse, expand(stage.reads)))
            days = {f"parameter {each}" for each in stage.partitioned.names} if stage.partitioned else set()
            differences = [each for each in differing(row["key_parts"], key) if each not in days]
            if undone := [each for each in differences if each not in tables]:
                return Standing(why=f"{undone[0]} changed")
            changed += [each for each in differences if table_of(each) not in self._own]
        return Standing(row["parent_run_id"] if row else None, changed=tuple(dict.fromkeys(changed)))

    def _latest(self) -> dict[tuple[str, Chunk], dict[str, Any]]:
        """Return the newest run of each stage on each range of days."""
        names = self._roles.over_days
        rows = self._warehouse.query(
            "SELECT stage, parent_run_id, state, parameters, key_parts FROM ops.runs WHERE pipeline = ? "
            f"AND stage IN ({', '.join('?' * len(names))}) AND state IN ('succeeded', 'failed', 'stopped', 'lost') "
            "ORDER BY finished_at",
            [self._pipeline.name, *names],
        ).to_pylist()
        found: dict[tuple[str, Chunk], dict[str, Any]] = {}
        for row in rows:
            partitioned = self._pipeline.stages[row["stage"]].partitioned
            values = json.loads(row["parameters"] or "{}")
            days = [values.get(name) for name in partitioned.names] if partitioned else []
            if all(days):
                chunk = Chunk(*map(dt.date.fromisoformat, days))
                found[row["stage"], chunk] = row | {"key_parts": json.loads(row["key_parts"] or "{}")}
        return found
