"""Makes the DAGs of a pipeline in Airflow from its map: one that runs it, and one that goes over past days."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import (
    DAG,
    Asset,
    AssetAny,
    AssetOrTimeSchedule,
    BaseOperator,
    CronTriggerTimetable,
    Param,
    get_parsing_context,
)

from workbench.airflow.dag.parameters import dag_params
from workbench.airflow.dag.pools import pool_of
from workbench.airflow.dag.texts import pipeline_text, stage_text
from workbench.airflow.dag.timetables import EachTime, EveryDay
from workbench.airflow.tasks.alerts import tell
from workbench.airflow.tasks.stage import RecordedList, StageOperator
from workbench.airflow.tasks.values import read_declared, read_notebooks
from workbench.execution.parameters.declarations import Parameter
from workbench.execution.pipeline.graph import expand, in_warehouse
from workbench.execution.pipeline.partitions import roles
from workbench.execution.pipeline.pipeline import Pipeline, load_pipeline
from workbench.execution.pipeline.stage import TROUBLE_RETRIES
from workbench.settings import Settings, get_settings

Notebooks = Mapping[str, Mapping[str, Any]]
LANDING = "landing"
BACKFILL = "__days"
_RETRY_DELAY, _LONGEST_DELAY = timedelta(seconds=15), timedelta(minutes=10)


def make_dags(name: str) -> None:
    """Make the DAG of a pipeline, and one that works its days out anew if stages of it are partitioned.

    A task's own parse makes the DAG of that task alone.

    Raises:
        UsageError: its map, or a notebook of it, is wrong.
    """
    settings = get_settings()
    pipeline = load_pipeline(name, settings)
    notebooks = read_notebooks(pipeline)
    params = _params(pipeline, read_declared(notebooks))
    wanted = get_parsing_context().dag_id
    if wanted in (None, pipeline.name):
        _dag(pipeline, params, notebooks, settings)
    days = any(stage.partitioned for stage in pipeline.stages.values())
    if days and wanted in (None, pipeline.name + BACKFILL):
        _backfill_dag(pipeline, params, notebooks, settings)


def _dag(pipeline: Pipeline, params: dict[str, Param], notebooks: Notebooks, settings: Settings) -> None:
    with DAG(
        pipeline.name,
        schedule=_schedule(pipeline),
        catchup=False,
        description=pipeline.description,
        doc_md=pipeline_text(pipeline),
        params=params,
        **_common(pipeline),
    ):
        _tasks(pipeline, pipeline.order, notebooks, settings, outlets=True)


def _backfill_dag(
    pipeline: Pipeline, params: dict[str, Param], notebooks: Notebooks, settings: Settings
) -> None:
    """Make the DAG that ``airflow backfill create`` goes over days with; it updates no asset, and never runs by itself."""
    over_days = roles(pipeline).over_days
    days = {name for stage in over_days for name in pipeline.stages[stage].partitioned.names}
    with DAG(
        pipeline.name + BACKFILL,
        schedule=EveryDay(timezone=pipeline.schedule.timezone if pipeline.schedule else "UTC"),
        catchup=False,
        description=f"Days of {pipeline.name}, worked out anew, one run a day.",
        doc_md=pipeline_text(pipeline, days=f"{pipeline.name}{BACKFILL}"),
        params={name: param for name, param in params.items() if name not in days},
        **_common(pipeline),
    ):
        _tasks(pipeline, over_days, notebooks, settings, outlets=False)


def _common(pipeline: Pipeline) -> dict[str, Any]:
    return {
        "max_active_runs": 1,
        "tags": ["workbench", pipeline.owner] if pipeline.owner else ["workbench"],
        "default_args": {
            "owner": pipeline.owner or "workbench",
            "retries": TROUBLE_RETRIES,
            "retry_delay": _RETRY_DELAY,
            "retry_exponential_backoff": 2.0,
            "max_retry_delay": _LONGEST_DELAY,
            # A stage that was skipped had nothing new to do; who comes after it sees for itself.
            "trigger_rule": "none_failed",
            "on_failure_callback": tell,
        },
    }


def _params(pipeline: Pipeline, every: Mapping[str, Mapping[str, Parameter]]) -> dict[str, Param]:
    given = {
        name: {each: value for each, value in stage.parameters.items() if each not in stage.sources}
        for name, stage in pipeline.stages.items()
    }
    taken = {each for stage in pipeline.stages.values() for each in (*stage.sources, *stage.over)}
    declared = {
        name: {each: parameter for each, parameter in found.items() if each not in taken}
        for name, found in every.items()
    }
    return dag_params(declared, given)


def _schedule(pipeline: Pipeline) -> Any:
    """Return when a pipeline runs: by the clock, when tables are updated, and when files land that it reads."""
    names = list(pipeline.schedule.on) if pipeline.schedule else []
    if LANDING not in names and any(LANDING in stage.reads for stage in pipeline.stages.values()):
        names.append(LANDING)
    assets = [Asset(name) for name in names]
    found = AssetAny(*assets) if len(assets) > 1 else (assets[0] if assets else None)
    if pipeline.schedule is None or pipeline.schedule.cron is None:
        return [found] if isinstance(found, Asset) else found
    clock = EachTime if pipeline.schedule.missed == "all" else CronTriggerTimetable
    cron = clock(pipeline.schedule.cron, timezone=pipeline.schedule.timezone)
    return (
        AssetOrTimeSchedule(timetable=cron, assets=[found] if isinstance(found, Asset) else found)
        if found
        else cron
    )


def _tasks(
    pipeline: Pipeline, names: Iterable[str], notebooks: Notebooks, settings: Settings, *, outlets: bool
) -> None:
    tasks: dict[str, Any] = {}
    for name in names:
        tasks[name] = _task(pipeline, name, tasks, notebooks[name], settings, outlets=outlets)
        for before in sorted(pipeline.before[name]):
            if before in tasks:
                tasks[before] >> tasks[name]


def _task(
    pipeline: Pipeline,
    name: str,
    tasks: dict[str, BaseOperator],
    notebook: Mapping[str, Any],
    settings: Settings,
    *,
    outlets: bool,
) -> Any:
    stage = pipeline.stages[name]
    arguments: dict[str, Any] = {
        "task_id": name,
        "pipeline": pipeline.name,
        "stage": name,
        "by_day": not outlets,
        "doc_md": stage_text(notebook),
        "inlets": _assets(stage.reads),
        "outlets": _assets(stage.writes) if outlets else [],
        "pool": pool_of(stage, settings),
        "execution_timeout": timedelta(seconds=stage.time_limit) if stage.time_limit else None,
    }
    if not stage.over:
        return StageOperator(**arguments)
    ((parameter, values),) = stage.over.items()
    if source := stage.sources.get(parameter):
        recorded = RecordedList(task_id=f"{name}_list", source=source, trigger_rule="none_failed")
        tasks[source.stage] >> recorded
        values = recorded.output
    make: Callable[..., Any] = StageOperator.partial(
        **arguments, max_active_tis_per_dagrun=stage.limit, map_index_template="{{ task.over_value }}"
    ).expand
    return make(over_value=values)


def _assets(names: Iterable[str]) -> list[Asset]:
    """Return the assets of tables and models by their names in lineage; a report or a lake is none."""
    found = {
        name.rsplit(".", name.count(".") - 1)[0] if name.count(".") > 1 else name
        for name in expand(tuple(names))
    }
    return [Asset(name) for name in sorted(found) if in_warehouse(name) or name.startswith("models.")]
