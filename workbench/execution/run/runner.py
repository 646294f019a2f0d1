"""Runs of pipelines and notebooks: checked, executed stage by stage, recorded and rendered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from workbench.execution.notebook.notebook import prepare
from workbench.execution.parameters.literals import to_json_value
from workbench.execution.pipeline.pipeline import Pipeline, load_pipeline
from workbench.execution.pipeline.stage import Retries, Stage
from workbench.execution.records.model import Run
from workbench.execution.records.store import find_unfinished, new_run, unused_id
from workbench.execution.run.admission import Claim
from workbench.execution.run.conductor import Conductor
from workbench.execution.run.options import RunOptions
from workbench.execution.run.planning import Planned, plan
from workbench.execution.run.progress import Progress, Silence
from workbench.execution.run.remote import route
from workbench.settings import Settings, get_settings

_AS_THEY_STAND = RunOptions()


def run_pipeline(
    pipeline: str | Path | Pipeline,
    parameters: Mapping[str, Any] | None = None,
    options: RunOptions = _AS_THEY_STAND,
) -> Run:
    """Run a pipeline's stages, side by side where they may; the first that fails ends it.

    A stage that would only repeat its last run is skipped; its record says why, or why it ran.

    Args:
        pipeline: its name, a folder with a ``pipeline.yaml``, or the pipeline itself.
        parameters: values by name, over those of the map; each goes to every stage that declares it.
        options: what else is asked of the run, ``RunOptions(only="report")`` for example.

    Returns:
        The finished record, in state ``succeeded`` or ``failed``. It is at
        ``settings.runs/<run_id>/run.json`` with the executed notebooks beside it, in ``ops.runs`` and
        ``ops.lineage``, and rendered under ``settings.site``.

    Raises:
        UsageError: the call is wrong; nothing has run.
        Stopped: SIGINT, SIGTERM or SIGHUP ended the run; it is recorded.
    """
    settings = options.settings or get_settings()
    if options.strict:
        settings = settings.model_copy(update={"strict": True})
    if options.full:
        settings = settings.model_copy(update={"full": True})
    if not isinstance(pipeline, Pipeline):
        pipeline = load_pipeline(pipeline, settings)
    selected = pipeline.select(start=options.start, only=options.only)
    chosen = tuple(name for name in selected if name not in options.without)
    past = find_unfinished(options.resume, pipeline.name, settings) if options.resume else None
    overrides = {**(past.overrides if past else {}), **(parameters or {})}
    one_writer = settings.warehouse.startswith("duckdb:")
    planned = plan(pipeline, chosen, overrides, one_writer=one_writer, executor=options.executor)
    if options.part_of:
        # Whoever asked for the stage tries again.
        planned = [
            replace(each, stage=each.stage.model_copy(update={"retries": Retries()})) for each in planned
        ]
    identity: dict[str, Any] = {}
    if options.part_of:
        identity = {"run_id": options.part_of, "is_part": True}
    elif options.run_id:
        identity = {"run_id": unused_id(options.run_id, settings)}
    run = new_run(
        pipeline.name,
        settings,
        overrides={name: to_json_value(value) for name, value in overrides.items()},
        resumed=past.run_id if past else None,
        request=options.request,
        executor=options.executor or "local",
        owner=pipeline.owner,
        **identity,
    )
    return Conductor(
        run,
        planned,
        settings,
        options.progress or Silence(),
        pipeline,
        force=options.force or options.full,
        named=options.named,
        cold=options.cold,
        extra=options.extra,
        publish=options.publish,
        route=partial(route, pipeline, run, options.executor, options.executors),
        followed=options.followed,
        switch=options.switch,
    ).go()


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

    ``kernel`` is the one to run it in instead of the one that it names. Other arguments are those of
    :class:`RunOptions`, result and errors those of :func:`run_pipeline`.
    """
    settings = settings or get_settings()
    path = Path(path).expanduser().absolute()
    prepared = prepare(path, path.stem, kernel=kernel).bind(parameters or {})
    planned = Planned(path.stem, Stage(notebook=path.name), prepared, Claim(path.stem))
    run = new_run(path.stem, settings, kind="notebook")
    return Conductor(run, [planned], settings, progress or Silence(), cold=cold).go()
