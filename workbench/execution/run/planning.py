"""The stages of a run before it begins: notebooks with values, and values that are still to come."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.errors import UsageError, WorkFailed
from workbench.execution.notebook.notebook import Prepared, prepare
from workbench.execution.parameters.declarations import convert_all, require_all, unknown_parameter
from workbench.execution.pipeline.graph import LANDING
from workbench.execution.pipeline.pipeline import Pipeline
from workbench.execution.pipeline.stage import LOCAL, Source, Stage, destination, instance_name
from workbench.execution.records.model import StageRun
from workbench.execution.records.store import begun_at, run_ids
from workbench.execution.run.admission import Claim, claim_of
from workbench.settings import Settings


@dataclass(frozen=True)
class Planned:
    """A stage that will run: ``prepared`` has all values but those of ``sources`` and of the list ``over``."""

    name: str
    stage: Stage
    prepared: Prepared
    claim: Claim
    sources: Mapping[str, Source] = field(default_factory=dict)
    over: str | None = None


def plan(
    pipeline: Pipeline,
    chosen: Sequence[str],
    overrides: Mapping[str, Any],
    *,
    one_writer: bool,
    executor: str | None = None,
) -> list[Planned]:
    """Read and check the notebooks of the chosen stages and bind what is known of their values.

    Args:
        pipeline: the map.
        chosen: stages, in order.
        overrides: values by name, over those of the map; each goes to every stage that declares it.
        one_writer: whether one process at a time may write the warehouse.
        executor: what the caller wants all stages executed by; as their maps say if None.

    Raises:
        UsageError: a notebook, a name or a value is wrong.
    """
    found = {}
    for name in chosen:
        stage = pipeline.stages[name]
        known = {each: value for each, value in stage.parameters.items() if each not in stage.sources}
        found[name] = prepare(
            pipeline.notebook(name),
            name,
            known,
            timeout=stage.timeout,
            cell_timeout=stage.cell_timeout,
            memory=stage.memory,
            kernel=stage.kernel,
            here=destination(stage, executor) == LOCAL,
        )
    declared = {name: each for prepared in found.values() for name, each in prepared.declared.items()}
    for name in overrides:
        if name not in declared:
            others = [each for each in pipeline.order if each not in found]
            for other in others:
                if name in prepare(pipeline.notebook(other), other, here=False).declared:
                    raise UsageError(
                        f"parameter {name!r} is one of {other}, which isn't among the stages to run"
                    )
            raise unknown_parameter(name, declared.values(), f"pipeline {pipeline.name}")
    return [_plan(prepared, pipeline.stages[name], overrides, one_writer) for name, prepared in found.items()]


def _plan(prepared: Prepared, stage: Stage, overrides: Mapping[str, Any], one_writer: bool) -> Planned:
    name, declared = prepared.name, prepared.declared
    called = f"stage {name}"
    sources = {each: source for each, source in stage.sources.items() if each not in overrides}
    over = next((each for each in stage.over if each not in overrides), None)
    for each in (*stage.sources, *stage.over):
        if each not in declared:
            raise unknown_parameter(each, declared.values(), called)
    if over and over not in sources:
        for value in stage.over[over]:
            convert_all(declared, {over: value}, called, prepared.path.parent)
    own = {each: value for each, value in overrides.items() if each in declared}
    prepared = replace(prepared, values=prepared.values | convert_all(declared, own, called))
    now = {each: parameter for each, parameter in declared.items() if each not in (*sources, over)}
    require_all(now, prepared.values, called)
    return Planned(name, stage, prepared, claim_of(name, stage, one_writer=one_writer), sources, over)


def first_likely(planned: Sequence[Planned], settings: Settings) -> Prepared | None:
    """Return the first notebook that takes in what lands, if a folder of it has changed since the newest run began.

    It is a guess at no cost, so that libraries load while it is found out whether there is work.
    """
    first = next((each.prepared for each in planned if LANDING in each.stage.reads), None)
    if first is None or settings.landing_place.startswith("s3://"):
        return None
    newest = next(iter(run_ids(settings)), None)
    with suppress(OSError, ValueError):
        # Its id says the second: what landed in the same one it has most likely seen.
        since = begun_at(newest).timestamp() + 1 if newest else 0.0
        with os.scandir(settings.landing) as folders:
            if any(each.stat().st_mtime >= since for each in folders if not each.name.startswith(".")):
                return first
    return None


def instances(planned: Planned, records: Mapping[str, StageRun]) -> list[Prepared]:
    """Return the notebooks that a stage comes to, with all of their values: one, or one for each of its list.

    Args:
        planned: the stage; those before it are done.
        records: of the stages that are done, by name.

    Raises:
        WorkFailed: a value that it takes wasn't recorded, or isn't of the parameter's type.
    """
    taken = {name: _take(source, records, planned.name) for name, source in planned.sources.items()}
    values = taken.pop(planned.over, None) if planned.over else None
    try:
        if planned.over is None:
            return [planned.prepared.bind(taken)]
        if planned.over not in planned.sources:
            values = planned.stage.over[planned.over]
        elif not isinstance(values, list):
            raise WorkFailed(f"{planned.sources[planned.over]} is no list, and {planned.name} goes over it")
        folder = planned.prepared.path.parent
        found = {}
        for value in values:
            name = instance_name(planned.name, value)
            own = convert_all(planned.prepared.declared, {planned.over: value}, f"stage {name}", folder)
            prepared = replace(planned.prepared, values=planned.prepared.values | own)
            found[name] = replace(prepared.bind(taken), name=name)
        return list(found.values())
    except UsageError as error:
        raise WorkFailed(str(error)) from None


def _take(source: Source, records: Mapping[str, StageRun], stage: str) -> Any:
    record = records.get(source.stage)
    if record is None:
        raise WorkFailed(f"{stage} takes {source}, and {source.stage} never ran to its end")
    part = record.handed_over(source.part)
    if source.name not in part:
        known = ", ".join(part) or "none"
        raise WorkFailed(
            f"{stage} takes {source}, which {source.stage} didn't record; its {source.part}: {known}"
        )
    return part[source.name]
