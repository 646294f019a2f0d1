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
# A process, of what kind it is, and why it wasn't forked.
Made = tuple[Process, str, str | None]


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
    set from another thread. ``starting`` is the process that was begun before anybody asked for it.
    """

    start: Callable[[], Made]
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
    starting: Starting | None = None
    process: Process | None = None
    process_kind: str = ""
    why: str | None = None
    node: Any = None
    ending: Ending | None = None


class Starting:
    """A process that is started in a thread: who waits for it may leave, and what then comes to be is ended at once.

    Libraries that have yet to be loaded take seconds.
    """

    def __init__(self, make: Callable[[], Made]) -> None:
        self._found: Made | None = None
        self._problem: BaseException | None = None
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._left = False
        threading.Thread(target=self._begin, args=(make,), name="start", daemon=True).start()

    def _begin(self, make: Callable[[], Made]) -> None:
        try:
            made = make()
            with self._lock:
                self._found = made
                if self._left:
                    self._end()
        except BaseException as problem:
            self._problem = problem
        finally:
            self._over.set()

    def wait(self, stop: threading.Event) -> Made | None:
        """Return the process, or None if ``stop`` was set before it was there."""
        while not self._over.wait(_LOOK_EVERY) and not stop.is_set():
            pass
        if self._problem:
            raise self._problem
        with self._lock:
            made, self._found = self._found, None
            self._left = made is None
        return made

    def leave(self) -> None:
        """Have no process of those that nobody waited for."""
        with self._lock:
            self._left = True
            self._end()

    def _end(self) -> None:
        if self._found:
            process, self._found = self._found[0], None
            process.kill()
            process.close()


def start(job: Job) -> bool:
    """Start a job's process, or take the one that was begun; return whether it is there, for it may be stopped meanwhile."""
    if job.starting is None and threading.current_thread() is threading.main_thread():
        # A signal interrupts it here.
        made: Made | None = job.start()
    else:
        made = (job.starting or Starting(job.start)).wait(job.stop)
    if made:
        job.process, job.process_kind, job.why = made
    return bool(made)
