"""Stages that are executed elsewhere, on ECS for example, beside those of this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from workbench.errors import UsageError
from workbench.execution.notebook.notebook import Outcome, Prepared
from workbench.execution.pipeline.pipeline import Pipeline
from workbench.execution.pipeline.stage import LOCAL, destination
from workbench.execution.records.model import Run
from workbench.execution.run.executor import Executor
from workbench.settings import Settings


class Remote(Protocol):
    """Executes notebooks on another machine, as :class:`Executor` does on this one."""

    def execute(self, prepared: Prepared, output: Path) -> Outcome:
        """Execute a notebook and keep it, as far as it got, at ``output``; return how it ended."""

    def stop(self) -> None:
        """End what is being executed, now; each :meth:`execute` under way returns its outcome."""


@dataclass(frozen=True)
class RunContext:
    """What a remote executor is told of the run it works for; ``extra`` holds variables for every notebook."""

    settings: Settings
    pipeline: Pipeline
    run: Run
    extra: Mapping[str, str]


MakeRemote = Callable[[RunContext], Remote]


class ExecutorRouter(Executor):
    """Executes the stages of a run where each belongs: on this machine, or elsewhere.

    Args:
        here: the executor of this machine.
        elsewhere: the names of the stages that go elsewhere, and what executes them.
    """

    def __init__(self, local: Executor, remotes: Mapping[str, Remote]) -> None:
        self._local, self._remotes, self.extra = local, remotes, local.extra

    def prefetch(self, prepared: Prepared) -> None:
        """Get ready for a notebook that will be executed soon."""
        if self._remote_of(prepared) is None:
            self._local.prefetch(prepared)

    def execute(
        self, prepared: Prepared, output: Path, on_cell: Callable[[int, int], None] | None = None
    ) -> Outcome:
        """Execute a notebook where it belongs; return how it ended."""
        remote = self._remote_of(prepared)
        return remote.execute(prepared, output) if remote else self._local.execute(prepared, output, on_cell)

    def stop(self, by: str = "") -> None:
        """End what is being executed, here and elsewhere."""
        for remote in set(self._remotes.values()):
            remote.stop()
        self._local.stop(by)

    def close(self) -> None:
        """Leave nothing behind."""
        self._local.close()

    def _remote_of(self, prepared: Prepared) -> Remote | None:
        return self._remotes.get(prepared.name.partition("[")[0])


def route(
    pipeline: Pipeline, run: Run, asked: str | None, makers: Mapping[str, MakeRemote], local: Executor
) -> Executor:
    """Return an executor that takes each stage where its map, or the caller, wants it.

    Args:
        pipeline: the map.
        run: the record of the run.
        asked: ``local`` or another executor for all stages, if the caller says so.
        makers: make the executors other than ``local``, by name.
        here: the executor of this machine.

    Raises:
        UsageError: there is no such executor, or its settings are missing.
    """
    context = RunContext(local.settings, pipeline, run, local.extra)
    made: dict[str, Remote] = {}
    found: dict[str, Remote] = {}
    for record in () if run.is_part else run.stages:
        name = record.stage or record.name
        chosen = destination(pipeline.stages[name], asked)
        if chosen == LOCAL:
            continue
        if chosen not in makers:
            raise UsageError(
                f"stage {name} is to run on {chosen!r}, which isn't at hand here; run it with local"
            )
        if chosen not in made:
            made[chosen] = makers[chosen](context)
        found[name] = made[chosen]
    return ExecutorRouter(local, found) if found else local
