"""One execution of a notebook, as the runner or papermill asks for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.execution.kernels.process import Process
from workbench.execution.notebook.language import Kernel
from workbench.execution.records.model import ExitReason
from workbench.secrets.redact import Redactor


@dataclass(frozen=True)
class Limits:
    """What a notebook may take: ``seconds`` over all cells, seconds for each ``cell``, bytes of ``memory``."""

    seconds: float | None = None
    cell: float | None = None
    memory: int | None = None


class Stop(threading.Event):
    """Set by whoever wants an execution to end; ``by`` names the reason, a signal for example."""

    by: str = ""

    def because(self, reason: str) -> None:
        """Set it for a reason."""
        self.by = reason
        self.set()


_LOOK_EVERY = 0.05


@dataclass
class Ending:
    """How an execution ended: ``error`` is one line, or None if every cell ran."""

    reason: ExitReason = "done"
    error: str | None = None
    cells: list[float] = field(default_factory=list)
    peak_memory: int | None = None
    cpu_seconds: float | None = None


@dataclass
class Job:
    """What is asked for, and what came of it.

    ``start`` makes the process and says of what kind it is, and why it wasn't forked. ``facts`` go into the
    journal and the notebook's metadata. ``values`` are those of the parameters, each of its declared type. ``scratch`` is a folder that lives as long as the job. ``stop`` may be
    set from another thread.
    """

    start: Callable[[], tuple[Process, str, str | None]]
    output: Path | None
    journal: Path
    redactor: Redactor
    limits: Limits = Limits()
    source: str = ""
    where: str = "the notebook"
    facts: dict[str, Any] = field(default_factory=dict)
    stop: Stop = field(default_factory=Stop)
    on_cell: Callable[[int, int], None] | None = None
    on_output: Callable[[dict[str, Any]], None] | None = None
    on_cell_end: Callable[[int], None] | None = None
    scratch: Any = None
    values: dict[str, Any] = field(default_factory=dict)
    kernel: Kernel = field(default_factory=Kernel)
    process: Process | None = None
    process_kind: str = ""
    why: str | None = None
    node: Any = None
    ending: Ending | None = None


def start(job: Job) -> bool:
    """Start a job's process; return whether it is there, for the job may be stopped meanwhile.

    Libraries that have yet to be loaded take seconds. What comes to be after a stop is ended at once.
    """
    if threading.current_thread() is threading.main_thread():
        # A signal interrupts it here.
        job.process, job.process_kind, job.why = job.start()
        return True
    found: list[tuple[Process, str, str | None]] = []
    problems: list[BaseException] = []
    lock, over = threading.Lock(), threading.Event()
    abandoned = False

    def begin() -> None:
        try:
            started = job.start()
            with lock:
                if not abandoned:
                    found.append(started)
                    return
            started[0].kill()
            started[0].close()
        except BaseException as problem:
            problems.append(problem)
        finally:
            over.set()

    threading.Thread(target=begin, name="start", daemon=True).start()
    while not over.wait(_LOOK_EVERY) and not job.stop.is_set():
        pass
    with lock:
        abandoned = not found
    if problems:
        raise problems[0]
    if found:
        job.process, job.process_kind, job.why = found[0]
    return bool(found)
