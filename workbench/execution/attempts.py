"""One stage executed, again if its map says so."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from workbench.execution.executor import Executor
from workbench.execution.notebook import Outcome, Prepared
from workbench.execution.stages import Retries


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
