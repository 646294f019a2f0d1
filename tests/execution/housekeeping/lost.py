"""Runs whose process is gone."""

from __future__ import annotations

from pathlib import Path

from workbench.execution import Run, StageRun
from workbench.execution.records.store import new_run, save
from workbench.settings import Settings


def lost_run(settings: Settings, pid: int = 2**22 + 1) -> Run:
    """The record of a run that was in its only stage as its process went."""
    run = new_run("shop", settings)
    run.pid = pid
    run.begin()
    run.stages = [StageRun(name="a", source=Path("a.ipynb"), notebook=settings.runs / run.run_id / "a.ipynb")]
    run.stages[0].begin()
    save(run, settings)
    return run
