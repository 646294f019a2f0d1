"""End a run between two stages."""

from __future__ import annotations

import threading

from workbench.execution import Run, StageRun, Stopped
from workbench.execution.run.progress import Progress


class UntilStopped:
    """Passes every step of a run on; once ``stop`` is set, it ends the run when a stage has succeeded."""

    def __init__(self, told: Progress, stop: threading.Event) -> None:
        self._told, self._stop = told, stop

    def begin(self, run: Run) -> None:
        """A run starts."""
        self._told.begin(run)

    def update(self, run: Run, stage: StageRun) -> None:
        """A stage has another state.

        Raises:
            Stopped: it is time to stop, and other stages would follow.
        """
        self._told.update(run, stage)
        follow = any(other.state == "waiting" for other in run.stages)
        if self._stop.is_set() and stage.state in ("succeeded", "skipped") and follow:
            raise Stopped("the worker was stopped")

    def cell(self, stage: StageRun, done: int, total: int) -> None:
        """A stage has finished ``done`` of its cells."""
        self._told.cell(stage, done, total)

    def stopping(self, run: Run) -> None:
        """A signal ends the run."""
        self._told.stopping(run)

    def end(self, run: Run) -> None:
        """The run has ended."""
        self._told.end(run)
