"""Where the stages of a call run, and runs of other machines brought home."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.errors import unknown

if TYPE_CHECKING:
    from workbench.execution.pipeline.pipeline import Pipeline
    from workbench.execution.run.progress import Progress
    from workbench.settings import Settings

EXECUTORS = ("local", "ecs")


def destinations(
    pipeline: Pipeline, executor: str | None, settings: Settings, *, lines: bool = False, silent: bool = False
) -> tuple[Progress, dict[str, Any], str | None, Mapping[str, str]]:
    """Return who is told of a run, what executes stages elsewhere, the run this one is a part of, and variables.

    With ``lines`` it is told line by line, on a terminal too; ``silent`` tells nobody here.

    Raises:
        UsageError: there is no such executor, or a setting is wrong.
    """
    from workbench.execution.records.mlflow_parent import PARENT
    from workbench.execution.run.progress import Lines, Silence, choose_progress

    if executor is not None and executor not in EXECUTORS:
        raise unknown("executor", executor, EXECUTORS)
    maps = {stage.executor for stage in pipeline.stages.values()}
    remote = executor == "ecs" or (executor is None and "ecs" in maps)
    progress: Progress
    if silent:
        progress = Silence()
    else:
        progress = Lines() if remote or lines else choose_progress(pipeline.name, settings)
    remotes: dict[str, Any] = {}
    # Set by the run on another machine whose stage this is; nothing that a notebook starts may see it.
    part_of = os.environ.pop("WORKBENCH_STAGE_OF", None)
    if remote or settings.runs_uri:
        from workbench.aws.ecs.executor import executors

        remotes = executors()
    if settings.profile == "aws" or settings.runs_uri:
        from workbench.aws.metrics import observed

        # Figures of a stage are those of the run that it is a part of.
        from workbench.aws.shared_runs import shared

        local = progress
        progress = shared(local, settings) if part_of else observed(lambda: local, settings)
    extra = {PARENT: os.environ[PARENT]} if part_of and PARENT in os.environ else {}
    return progress, remotes, part_of, extra


def bring_home(settings: Settings, run_id: str | None = None) -> None:
    """Bring home what other machines ran, if there is a place for it: all records, and the files of one run."""
    if not settings.runs_uri:
        return
    from workbench.aws.shared_runs import SharedRuns
    from workbench.execution.records.store import read_run

    there = SharedRuns(settings.runs_uri)
    there.bring_records(settings)
    if run_id:
        there.bring_files(read_run(run_id, settings), settings)
