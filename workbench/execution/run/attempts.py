"""One stage of a run executed, again if its map says so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.execution.notebook.notebook import Outcome, Prepared
from workbench.execution.pipeline.stage import Retries
from workbench.execution.records.model import StageRun
from workbench.execution.run.executor import Executor
from workbench.execution.run.planning import Planned
from workbench.execution.run.progress import Progress


@dataclass(frozen=True)
class Unit:
    """A stage, or one instance of a stage that goes over a list; ``record.notebook`` says where it is kept."""

    planned: Planned
    prepared: Prepared
    record: StageRun


@dataclass(frozen=True)
class Ended:
    """How a unit ended: its outcome and the rows of the tables it wrote, or the runner's own problem."""

    unit: Unit
    outcome: Outcome | None
    attempts: int
    rows: Mapping[str, int]
    problem: BaseException | None = None


def execute(
    unit: Unit,
    executor: Executor,
    stopping: threading.Event,
    progress: Progress,
    count: Callable[[Iterable[str]], Mapping[str, int]] | None,
) -> Ended:
    """Execute a stage and count what it left; whatever happens is in what is returned."""
    record, outcome, tried, rows = unit.record, None, 0, {}
    problem: BaseException | None = None
    try:
        assert record.notebook is not None  # noqa: S101
        outcome, tried = attempt(
            executor,
            unit.prepared,
            record.notebook,
            unit.planned.stage.retries,
            stopping,
            lambda done, total: progress.cell(record, done, total),
        )
        rows = dict(count(record.outputs)) if count else {}
    except BaseException as error:
        problem = error
    return Ended(unit, outcome, tried, rows, problem)


def attempt(
    executor: Executor,
    prepared: Prepared,
    output: Path,
    retries: Retries,
    stopping: threading.Event,
    on_cell: Callable[[int, int], None],
) -> tuple[Outcome, int]:
    """Execute a notebook until it succeeds or its retries are used up; return the last outcome and the attempts.

    The notebook of an attempt that is followed by another one is kept as ``<name>.attempt-<n>.ipynb``.
    """
    tried = 0
    while True:
        tried += 1
        outcome = executor.execute(prepared, output, on_cell)
        again = outcome.error and outcome.reason in retries.on and tried <= retries.times
        if not again or stopping.is_set():
            return outcome, tried
        if output.is_file():
            output.replace(output.with_name(f"{prepared.name}.attempt-{tried}.ipynb"))
        if stopping.wait(retries.delay):
            return outcome, tried
