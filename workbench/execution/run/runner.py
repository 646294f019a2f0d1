"""Runs of pipelines and notebooks: checked, executed stage by stage, recorded and rendered."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from workbench.execution.notebook.notebook import prepare
from workbench.execution.parameters.literals import to_json_value
from workbench.execution.pipeline.pipeline import Pipeline, load_pipeline
from workbench.execution.pipeline.stage import Retries, Stage
from workbench.execution.records.model import PART, Run
from workbench.execution.records.store import find_unfinished, new_run
from workbench.execution.run.admission import Claim
from workbench.execution.run.conductor import Conductor
from workbench.execution.run.planning import Planned, plan
from workbench.execution.run.progress import Progress, Silence
from workbench.execution.run.remote import MakeRemote, route
from workbench.settings import Settings, get_settings


def run_pipeline(
    pipeline: str | Path | Pipeline,
    parameters: Mapping[str, Any] | None = None,
    *,
    start: str | None = None,
    only: str | None = None,
    without: Collection[str] = (),
    force: bool = False,
    resume: str | None = None,
    request: str | None = None,
    cold: bool = False,
    strict: bool = False,
    executor: str | None = None,
    executors: Mapping[str, MakeRemote] | None = None,
    part_of: str | None = None,
    extra: Mapping[str, str] | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Run:
    """Run a pipeline's stages, side by side where they may; the first that fails ends it.

    A stage that would only repeat its last run is skipped; its record says why, or why it ran.

    Args:
        pipeline: its name, a folder with a ``pipeline.yaml``, or the pipeline itself.
        parameters: values by name, over those of the map; each goes to every stage that declares it.
        start: the stage to begin with.
        only: the one stage to run.
        without: stages to leave out; no other may wait for them.
        force: run also what hasn't changed.
        resume: a run that didn't succeed, or ``latest`` of this pipeline: its values are taken, under those of
            ``parameters``, and what it got done is skipped.
        request: what of its schedule asks for it; kept in the record.
        cold: start a kernel afresh for each notebook, don't fork.
        strict: have a stage fail that touches other tables than its map says, rather than warn; so it is, too, where
            the settings say so.
        executor: what executes all stages, ``local`` or ``ecs``; as their maps say if None.
        executors: make the executors other than the local one, by name.
        part_of: the run on another machine that this one executes a stage of. It takes over its identity and
            leaves the warehouse's records to it.
        extra: variables for every notebook's environment.
        settings: read afresh if None.
        progress: who is told of every step; nobody if None.

    Returns:
        The finished record, in state ``succeeded`` or ``failed``. It is at
        ``settings.runs/<run_id>/run.json`` with the executed notebooks beside it, in ``ops.runs`` and
        ``ops.lineage``, and rendered under ``settings.site``.

    Raises:
        UsageError: the call is wrong; nothing has run.
        Stopped: SIGINT, SIGTERM or SIGHUP ended the run; it is recorded.
    """
    settings = settings or get_settings()
    if strict:
        settings = settings.model_copy(update={"strict": True})
    if not isinstance(pipeline, Pipeline):
        pipeline = load_pipeline(pipeline, settings)
    chosen = tuple(name for name in pipeline.select(start=start, only=only) if name not in without)
    past = find_unfinished(resume, pipeline.name, settings) if resume else None
    overrides = {**(past.given if past else {}), **(parameters or {})}
    planned = plan(
        pipeline, chosen, overrides, one_writer=settings.warehouse.startswith("duckdb:"), executor=executor
    )
    if part_of:
        # Whoever asked for the stage tries again.
        planned = [
            replace(each, stage=each.stage.model_copy(update={"retries": Retries()})) for each in planned
        ]
    run = new_run(
        pipeline.name,
        settings,
        given={name: to_json_value(value) for name, value in overrides.items()},
        resumed=past.run_id if past else None,
        request=request,
        **({"run_id": part_of, "executor": PART} if part_of else {"executor": executor or "local"}),
    )
    named = [name for name in (start, only) if name]
    conductor = Conductor(
        run, planned, settings, progress or Silence(), pipeline, force=force, named=named, cold=cold,
        extra=extra, route=partial(route, pipeline, run, executor, executors or {}),
    )  # fmt: skip
    return conductor.go()


def run_notebook(
    path: str | Path,
    parameters: Mapping[str, Any] | None = None,
    *,
    kernel: str | None = None,
    cold: bool = False,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Run:
    """Run one notebook, recorded and rendered like a pipeline of one stage.

    ``kernel`` is the one to run it in instead of the one that it names. Other arguments, result and errors are those of :func:`run_pipeline`.
    """
    settings = settings or get_settings()
    path = Path(path).expanduser().absolute()
    prepared = prepare(path, path.stem, kernel=kernel).bind(parameters or {})
    planned = Planned(path.stem, Stage(notebook=path.name), prepared, Claim(path.stem))
    run = new_run(path.stem, settings, kind="notebook")
    return Conductor(run, [planned], settings, progress or Silence(), cold=cold).go()
