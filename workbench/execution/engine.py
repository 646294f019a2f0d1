"""The papermill engine ``workbench``: notebooks run in supervised processes, forked where that is possible.

``papermill --engine workbench`` and the runner come the same way. What differs from papermill's own engine:
parameters are checked against the declared types, the notebook is written at once or not at all and not after
every cell, and its metadata tell the truth whatever ended it.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from papermill.engines import Engine, NotebookExecutionManager, papermill_engines

from workbench.execution.job import Job
from workbench.execution.literals import assignments, plain
from workbench.execution.notebook import INJECTED
from workbench.execution.parameters import convert_all, has_tag, read_parameters, require_all, secrets_of
from workbench.execution.redact import Redactor

ENGINE = "workbench"
_SAVE_EVERY = 2.0


class _Manager(NotebookExecutionManager):
    """Papermill's account of a notebook; it saves now and then, at once, and without secrets."""

    def __init__(self, nb: Any, job: Job, output_path: str | None, progress_bar: Any) -> None:
        super().__init__(nb, output_path, progress_bar=progress_bar, autosave_cell_every=0)
        self._job = job
        self._next_save = 0.0

    def save(self, **kwargs: Any) -> None:
        if time.monotonic() >= self._next_save:
            started = time.monotonic()
            self.save_now()
            # A large notebook is saved less often.
            now = time.monotonic()
            self._next_save = now + max(_SAVE_EVERY, 40 * (now - started))

    def save_now(self) -> None:
        clean = self._job.redactor.notebook(self.nb)
        if self._job.output is not None:
            write_notebook(clean, self._job.output)
        elif self.output_path:
            from papermill.iorw import write_ipynb

            write_ipynb(clean, self.output_path)

    def cell_start(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        super().cell_start(cell, cell_index, **kwargs)
        if self._job.on_cell:
            self._job.on_cell(cell_index or 0, len(self.nb.cells))


def write_notebook(node: Any, path: Path) -> None:
    """Write a notebook at once: a reader sees the old one or the new one, never a part."""
    import nbformat

    from workbench.execution.runs import write_text

    write_text(path, nbformat.writes(node) + "\n")


class WorkbenchEngine(Engine):
    """Papermill's engine over processes of our own."""

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: Any = True,
        log_output: bool = False,
        autosave_cell_every: int = 30,
        *,
        job: Job | None = None,
        **options: Any,
    ) -> Any:
        """Execute the cells. Without a ``job`` one is made from papermill's own options.

        Raises:
            UsageError: a parameter is unknown or of a wrong type; nothing has run.
        """
        from workbench.execution.journal import Journal
        from workbench.execution.supervise import Supervisor

        if job is None:
            from workbench.execution.papermill import job_for

            job = job_for(nb, kernel_name, output_path, log_output=log_output, **options)
        bind_parameters(nb, job.where)
        nb.metadata.papermill["input_path"] = job.source
        nb.metadata.papermill["output_path"] = str(job.output) if job.output else output_path
        nb.metadata["workbench"] = {**job.facts, "state": "running"}
        manager = _Manager(nb, job, output_path, progress_bar)
        manager.notebook_start()
        journal = Journal(job.journal, job.redactor, **job.facts, notebook=nb)
        try:
            job.process, job.executor, job.why = job.start()
            supervisor = Supervisor(
                job.process, nb, manager, journal, job.redactor, job.limits, job.stop, job.on_output
            )
            job.ending = supervisor.run()
            if supervisor.interruption:
                raise supervisor.interruption
        finally:
            ending = job.ending
            state = (
                {"done": "succeeded", "stopped": "stopped"}.get(ending.reason, "failed")
                if ending
                else "failed"
            )
            error = job.redactor.text(ending.error) if ending and ending.error else None
            nb.metadata["workbench"] |= {"state": state, "executor": job.executor, "error": error}
            journal.end(state, error)
            manager.notebook_complete()
            manager.save_now()
            # Papermill adds cells that mark an error; a page says so in its own way.
            job.node = type(nb)(nb, cells=list(nb.cells))
        return nb


def bind_parameters(nb: Any, where: str) -> None:
    """Give the injected cell of a notebook the values papermill was called with, each of its declared type.

    A notebook that declares none is left as papermill made it.

    Raises:
        UsageError: a name nobody declares, a wrong type, a value missing, a secret that isn't set.
    """
    declared = read_parameters(nb, where)
    given = nb.metadata.papermill.get("parameters") or {}
    if declared:
        given = convert_all(declared, given, where)
        require_all(declared, given, where)
    for cell in nb.cells:
        if has_tag(cell, INJECTED):
            cell.source = assignments(given)
    nb.metadata.papermill["parameters"] = {name: plain(value) for name, value in given.items()}


def redactor_of(nb: Any, where: str) -> Redactor:
    """Return what blots out the secrets a parameterized notebook is called with."""
    declared = read_parameters(nb, where)
    given = convert_all(declared, nb.metadata.papermill.get("parameters") or {}, where) if declared else {}
    return Redactor(secret.reveal() for secret in secrets_of(declared, given))


papermill_engines.register(ENGINE, WorkbenchEngine)
