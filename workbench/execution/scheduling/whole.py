"""When the stages of a pipeline last went over all there is: runs over a range of days, as of a backfill, don't count."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Literal

from workbench.execution.pipeline.pipeline import Pipeline
from workbench.warehouse import Warehouse


def last_whole(
    warehouse: Warehouse, pipeline: Pipeline, moment: Literal["started_at", "finished_at"]
) -> dict[str, datetime]:
    """Return when each stage last began, or ended, a run that came to a good end and wasn't confined to given days.

    It is asked stage by stage, so it doesn't matter whether one run or several went through them. A stage that never had
    such a run is missing.

    Args:
        warehouse: with ``ops.runs``.
        pipeline: its map.
        moment: which moment of the run.
    """
    rows = warehouse.rows(
        f"SELECT stage, parameters, max({moment}) AS moment FROM ops.runs WHERE pipeline = ? "
        "AND stage IS NOT NULL AND state IN ('succeeded', 'skipped') GROUP BY stage, parameters",
        [pipeline.name],
    )
    found: dict[str, datetime] = {}
    for row in rows:
        # One that goes over a list has a row for each value: ``stage[value]``.
        name = row["stage"].partition("[")[0]
        if name not in pipeline.stages or row["moment"] is None:
            continue
        if (stage := pipeline.stages[name]).partitioned:
            values = json.loads(row["parameters"] or "{}")
            if any(values.get(each) is not None for each in stage.partitioned.names):
                continue
        found[name] = max(found.get(name, row["moment"]), row["moment"])
    return found
