"""Which tables a run made from which."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from workbench.execution.pipeline.graph import expand, in_warehouse
from workbench.execution.pipeline.pipeline import Pipeline
from workbench.execution.records.model import StageRun


def lineage(pipeline: Pipeline, stages: Sequence[StageRun]) -> list[tuple[str, str]]:
    """Return (source, target) of the stages that succeeded, each pair once.

    It stands on what a stage was seen to touch: a table that it wrote comes from those that it had read by then, cell
    by cell. What lies outside of the warehouse is by its map, as is all of a stage at which nobody looked.
    """
    pairs: dict[tuple[str, str], None] = {}
    for record in stages:
        name = record.stage or record.name
        if record.state == "succeeded" and name in pipeline.stages:
            pairs |= dict.fromkeys(_pairs(pipeline, name, record))
    return list(pairs)


def _pairs(pipeline: Pipeline, name: str, record: StageRun) -> Iterator[tuple[str, str]]:
    if record.reads is None or record.writes is None:
        yield from pipeline.lineage((name,))
        return
    stage = pipeline.stages[name]
    sources: dict[str, float] = {each: -math.inf for each in expand(stage.reads) if not in_warehouse(each)}
    sources |= {table: min(cells) for table, cells in record.reads.items()}
    targets: dict[str, float] = {table: max(cells) for table, cells in record.writes.items()}
    targets |= {each: math.inf for each in expand(stage.writes) if not in_warehouse(each)}
    for target, written in targets.items():
        for source, read in sources.items():
            if source != target and read <= written:
                yield source, target
