"""End a run between two stages."""

from __future__ import annotations

import threading

from workbench.execution import Run, StageRun, Stopped
from workbench.execution.run.progress import Progress


class UntilStopped:
    """Passes every step of a run on; once ``stop`` is set, it ends the run when a stage has succeeded."""

    def __init__(self, delegate: Progress, stop: threading.Event) -> None:
        self._delegate, self._stop = delegate, stop

    def begin(self, run: Run) -> None:
        """A run starts."""
        self._delegate.begin(run)

    def update(self, run: Run, stage: StageRun) -> None:
        """A stage has another state.

        Raises:
            Stopped: it is time to stop, and other stages would follow.
        """
        self._delegate.update(run, stage)
        follow = any(other.state == "waiting" for other in run.stages)
        if self._stop.is_set() and stage.state in ("succeeded", "skipped") and follow:
            raise Stopped("the worker was stopped")

    def cell(self, stage: StageRun, done: int, total: int) -> None:
        """A stage has finished ``done`` of its cells."""
        self._delegate.cell(stage, done, total)

    def stopping(self, run: Run) -> None:
        """A signal ends the run."""
        self._delegate.stopping(run)

    def warn(self, run: Run, text: str) -> None:
        """Something beside the work went wrong."""
        self._delegate.warn(run, text)

    def end(self, run: Run) -> None:
        """The run has ended."""
        self._delegate.end(run)
