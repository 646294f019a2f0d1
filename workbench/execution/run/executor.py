"""The executor of a run: it takes prepared notebooks, several at a time if asked, and says how each ended."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import first_line
from workbench.execution.kernels.environment import environment
from workbench.execution.kernels.fork.client import CannotFork
from workbench.execution.kernels.job import Job, Limits, Starting
from workbench.execution.kernels.start import preload, start_kernel, start_process
from workbench.execution.notebook.access_log import AccessLog
from workbench.execution.notebook.notebook import Outcome, Prepared, find_record
from workbench.settings import Settings
from workbench.warehouse.access import ACCESS_LOG
from workbench.warehouse.statements import Statements

if TYPE_CHECKING:
    from workbench.execution.kernels.jupyter_kernel import KernelProcess


class Executor:
    """Executes notebooks of one run, each in a process of its own. Methods may be called from any thread.

    Args:
        settings: handed to every notebook.
        run_id: identity of the run.
        folder: where executed notebooks, journals and logs are kept.
        cold: start a kernel afresh for each notebook, don't fork.
        extra: variables for every notebook's environment, over all others.
        alone: the run has one notebook.
    """

    def __init__(
        self,
        settings: Settings,
        run_id: str,
        folder: Path,
        *,
        cold: bool = False,
        extra: Mapping[str, str] | None = None,
        alone: bool = False,
    ) -> None:
        self.settings, self.run_id, self.folder, self.cold = settings, run_id, folder, cold
        self.extra, self._alone = dict(extra or {}), alone
        self._lock = threading.Lock()
        self._ahead: dict[str, KernelProcess] = {}
        self._running: dict[int, Job] = {}
        self._stopped = False
        self._statements = Statements(settings.home / "cache" / "statements.jsonl")

    def prefetch(self, prepared: Prepared) -> None:
        """Get ready for a notebook that will be executed soon."""
        if self._stopped or not prepared.kernel.ours:
            return
        if not self.cold:
            with contextlib.suppress(CannotFork):
                preload(
                    prepared.content, prepared.path.parent, self._environment(prepared), alone=self._alone
                )
                return
        with self._lock:
            if prepared.name not in self._ahead:
                self._ahead[prepared.name] = start_kernel(
                    prepared.content, prepared.path.parent, self._environment(prepared), self._log(prepared)
                )

    def execute(
        self, prepared: Prepared, output: Path, on_cell: Callable[[int, int], None] | None = None
    ) -> Outcome:
        """Execute a notebook and keep it, as far as it got, at ``output``; return how it ended.

        Whatever ends it is in the outcome: a cell's error, a time-out, a dead process, :meth:`stop`.
        """
        redactor = prepared.redactor
        redactor.add(*self.settings.secrets)
        log = AccessLog(self._access_log(prepared), self._statements)
        job = Job(
            start=lambda: self._start(prepared),
            output=output,
            journal=output.with_suffix(".journal.jsonl"),
            redactor=redactor,
            limits=Limits(seconds=prepared.timeout, cell=prepared.cell_timeout, memory=prepared.memory),
            source=str(prepared.path),
            where=prepared.where,
            values=prepared.values,
            kernel=prepared.kernel,
            facts={"run_id": self.run_id, "stage": prepared.name},
            on_cell=on_cell,
            on_cell_end=log.end_cell,
        )
        with self._lock:
            self._running[id(job)] = job
            if self._stopped:
                job.stop.set()
        try:
            return _outcome(prepared, job, log)
        finally:
            with self._lock:
                self._running.pop(id(job), None)
            if job.process is not None:
                job.process.redact(redactor)

    def stop(self, by: str = "") -> None:
        """End what is being executed, now; each :meth:`execute` under way returns its outcome.

        ``by`` says what for, the name of a signal for example.
        """
        with self._lock:
            self._stopped = True
            running = list(self._running.values())
        for job in running:
            job.stop.because(by)
            if job.process is not None:
                job.process.wake()

    def close(self) -> None:
        """Leave nothing behind but zygotes, which serve the next run too."""
        with self._lock:
            self._stopped = True
            for kernel in self._ahead.values():
                kernel.close()
            self._ahead.clear()

    def _start(self, prepared: Prepared) -> tuple[Any, str, str | None]:
        with self._lock:
            kernel = self._ahead.pop(prepared.name, None)
        if kernel is not None:
            return kernel, "kernel", "asked for" if self.cold else "it can't be forked here"
        return start_process(
            prepared.content,
            prepared.path.parent,
            self._environment(prepared),
            self._log(prepared),
            cold=self.cold,
            alone=self._alone,
            kernel_name=prepared.kernel.name,
        )

    def _environment(self, prepared: Prepared) -> dict[str, str]:
        noted = {ACCESS_LOG: str(self._access_log(prepared))}
        return environment(self.settings, self.run_id, prepared.name, self.extra | noted)

    def _access_log(self, prepared: Prepared) -> Path:
        return self.folder / f"{prepared.name}.access.jsonl"

    def _log(self, prepared: Prepared) -> Path:
        return self.folder / f"{prepared.name}.log"


def _outcome(prepared: Prepared, job: Job, log: AccessLog) -> Outcome:
    # Papermill's libraries load while the zygote loads the notebook's.
    job.starting = Starting(job.start)
    failure: str | None = None
    try:
        from workbench.execution.papermill.run import run_through_papermill

        run_through_papermill(prepared.content, job)
    except OSError as problem:
        failure = f"can't keep the notebook: {problem.strerror or problem}: {problem.filename or job.output}"
    finally:
        job.starting.leave()
    ending = job.ending
    clean = job.redactor.notebook(job.node) if job.node is not None else {"cells": [], "metadata": {}}
    access = log.close(clean["cells"])
    # Another kernel's may have no package that would note anything.
    noted = access if prepared.kernel.ours or access.reads or access.writes or access.unknown else None
    error = failure or (ending.error if ending else "it didn't start")
    return Outcome(
        clean,
        (first_line(job.redactor.text(error)) or "failed") if error else None,
        find_record(clean),
        reason=ending.reason if ending and not failure else "error",
        usage={
            name: value
            for name in ("peak_memory", "cpu_seconds")
            if ending and (value := getattr(ending, name)) is not None
        },
        cells=tuple(ending.cells) if ending else (),
        process_kind=job.process_kind,
        why=job.why,
        access=noted,
    )
