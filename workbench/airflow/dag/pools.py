"""Pools of Airflow: stages that take turns, as those do that share a pool in their map, or a warehouse in one file."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.execution.pipeline.graph import expand, in_warehouse
from workbench.execution.pipeline.pipeline import Pipeline
from workbench.execution.pipeline.stage import Stage
from workbench.settings import Settings

WAREHOUSE, DEFAULT = "warehouse", "default_pool"


def pool_of(stage: Stage, settings: Settings) -> str:
    """Return the pool of a stage."""
    if stage.pool:
        return stage.pool
    touches = any(map(in_warehouse, (*expand(stage.reads), *expand(stage.writes))))
    return WAREHOUSE if touches and settings.warehouse.startswith("duckdb:") else DEFAULT


def pools(pipelines: Iterable[Pipeline], settings: Settings) -> dict[str, int]:
    """Return the pools that pipelines need, each with its slots."""
    found = {pool_of(stage, settings) for pipeline in pipelines for stage in pipeline.stages.values()}
    return dict.fromkeys(sorted(found - {DEFAULT}), 1)
