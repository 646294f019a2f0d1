"""What a stage runs with in one run of its DAG."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from workbench.errors import UsageError, WorkFailed
from workbench.execution.notebook.reading import read_notebook
from workbench.execution.parameters.declarations import (
    Parameter,
    convert_all,
    read_parameters,
    unknown_parameter,
)
from workbench.execution.pipeline.pipeline import Pipeline

if TYPE_CHECKING:
    from airflow.sdk import Context


def read_notebooks(pipeline: Pipeline) -> dict[str, dict[str, Any]]:
    """Return the notebook of each stage, as JSON.

    Raises:
        UsageError: one can't be read.
    """
    return {name: read_notebook(pipeline.notebook(name)) for name in pipeline.order}


def read_declared(notebooks: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Parameter]]:
    """Return the parameters that the notebook of each stage declares.

    Raises:
        UsageError: a declaration is wrong.
    """
    return {name: read_parameters(notebook, f"stage {name}") for name, notebook in notebooks.items()}


def stage_values(
    context: Context, pipeline: Pipeline, stage: str, over_value: Any, *, by_day: bool
) -> dict[str, Any]:
    """Return the values of a stage's parameters that aren't as its map and its notebook have them, as JSON has them.

    Raises:
        UsageError: the run names a parameter that no stage has, or a value is of a wrong type.
        WorkFailed: a value that an earlier stage records isn't there.
    """
    declared = read_declared(read_notebooks(pipeline))
    every = {name: parameter for each in declared.values() for name, parameter in each.items()}
    chosen = _chosen(context)
    for name in chosen:
        if name not in every:
            raise unknown_parameter(name, every.values(), f"pipeline {pipeline.name}")
    own = {name: value for name, value in chosen.items() if name in declared[stage]}
    convert_all(declared[stage], own, f"stage {stage}", pipeline.folder)
    found = pipeline.stages[stage]
    for name, source in found.sources.items():
        if name not in own and name not in found.over:
            key = f"{source.part}.{source.name}"
            own[name] = context["ti"].xcom_pull(task_ids=source.stage, key=key)
            if own[name] is None:
                raise WorkFailed(f"{stage} takes {source}, which {source.stage} didn't record")
    for name in found.over if over_value is not None else ():
        own.setdefault(name, over_value)
    if by_day and found.partitioned:
        own |= dict.fromkeys(found.partitioned.names, _day(context, pipeline))
    return own


def _chosen(context: Context) -> Mapping[str, Any]:
    """Return the values that whoever asked for the run gave, but for those that are the DAG's own defaults."""
    given = context["dag_run"].conf or {}
    if not isinstance(given, Mapping):
        raise UsageError("the run's configuration is no object of parameters")
    defaults = context["dag"].params.dump() if hasattr(context["dag"].params, "dump") else {}
    return {name: value for name, value in given.items() if name not in defaults or defaults[name] != value}


def _day(context: Context, pipeline: Pipeline) -> str:
    """Return the day of a run, in the time zone of the pipeline's clock."""
    start = context.get("data_interval_start")
    if start is None:
        raise UsageError("this DAG goes over days: ask for them with `airflow backfill create`")
    zone = ZoneInfo(pipeline.schedule.timezone if pipeline.schedule else "UTC")
    return start.astimezone(zone).date().isoformat()
