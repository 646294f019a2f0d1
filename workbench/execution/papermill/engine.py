"""The papermill engine ``workbench``: notebooks run in supervised processes, forked where that is possible.

``papermill --engine workbench`` and the runner come the same way. What differs from papermill's own engine:
parameters are checked against the declared types, the notebook is written at once or not at all and not after
every cell, and its metadata tell the truth whatever ended it.
"""

from __future__ import annotations

import contextlib
import traceback
from typing import TYPE_CHECKING, Any

from workbench.errors import first_line
from workbench.execution.notebook.events import clean
from workbench.execution.notebook.language import PYTHON, language_of, named_kernel
from workbench.execution.notebook.reading import mend
from workbench.execution.papermill.binding import inject

if TYPE_CHECKING:
    from workbench.execution.kernels.job import Job

ENGINE = "workbench"


class WorkbenchEngine:
    """Papermill's engine over processes of our own.

    Papermill loads it by its entry point while it is itself half loaded, so nothing of papermill is imported
    before it is called, and it has no base.
    """

    @classmethod
    def nb_kernel_name(cls, nb: Any, name: str | None = None) -> str:
        """Return the kernel a notebook names; one that names none is Python's."""
        return name or named_kernel(nb).name or PYTHON

    @classmethod
    def nb_language(cls, nb: Any, language: str | None = None) -> str:
        """Return the language of a notebook; one that names none is Python's."""
        return language or language_of(nb)

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
        from workbench.execution.kernels.job import Ending, start
        from workbench.execution.kernels.supervisor import Supervisor
        from workbench.execution.notebook.journal import Journal
        from workbench.execution.papermill.manager import Manager

        own = job is None
        mend(nb)
        if job is None:
            from workbench.execution.papermill.options import as_click_errors, job_for

            with as_click_errors():
                job = job_for(nb, kernel_name, output_path, log_output=log_output, **options)
        else:
            nb.metadata.papermill["input_path"] = job.source
            nb.metadata.papermill["output_path"] = str(job.output)
        if job.kernel.python:
            inject(nb, job.values)
        nb.metadata["workbench"] = {**job.facts, "state": "running"}
        manager = Manager(nb, job, output_path, progress_bar, log_output)
        manager.notebook_start()
        journal = Journal(job.journal, job.redactor, **job.facts, notebook=nb)
        try:
            if not start(job) or job.process is None:
                job.ending = Ending("stopped", f"Stopped: by {job.stop.by}" if job.stop.by else "Stopped")
            else:
                if info := job.process.language_info():
                    nb.metadata["language_info"] = info
                supervisor = Supervisor(
                    job.process, nb, manager, journal, job.redactor, job.limits, job.stop, job.on_output,
                    job.on_cell_end,
                )  # fmt: skip
                job.ending = supervisor.run()
                if supervisor.interruption:
                    raise supervisor.interruption
        except Exception as problem:
            text = f"{type(problem).__name__}: {problem}"
            job.ending = Ending("error", f"the runner failed: {text}")
            with contextlib.suppress(OSError):
                journal.write(clean({"event": "problem", "traceback": traceback.format_exc()}))
            if own:
                raise
        finally:
            ending = job.ending
            state = (
                {"done": "succeeded", "stopped": "stopped"}.get(ending.reason, "failed")
                if ending
                else "failed"
            )
            error = None
            if ending and ending.error:
                error = first_line(job.redactor.text(ending.error)) or "failed"
            nb.metadata["workbench"] |= {"state": state, "process_kind": job.process_kind, "error": error}
            journal.end(state, error)
            manager.notebook_complete()
            manager.save_now()
            # Papermill adds cells that mark an error; a page says so in its own way.
            job.node = type(nb)(nb, cells=list(nb.cells))
        if own and ending and ending.reason == "died":
            from nbclient.exceptions import DeadKernelError

            # Papermill's program has an exit status of its own for it.
            raise DeadKernelError(error)
        # Papermill writes it once more; where the caller has it from the job, there is nothing to write.
        return job.redactor.notebook(nb) if own else type(nb)(nb, cells=[])
