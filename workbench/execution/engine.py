"""The papermill engine: notebook and outcome always agree, whatever ends the kernel."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines

from workbench.execution.kernels import NAME, Kernel
from workbench.execution.redact import Redactor
from workbench.execution.runs import write_text

ENGINE = "workbench"
_SAVE_EVERY = 2.0
_log = logging.getLogger("workbench.execution")
_log.addHandler(logging.NullHandler())

OnCell = Callable[[int, int], None]


def write_notebook(notebook: Any, path: Path, redactor: Redactor) -> None:
    """Write a notebook at once, without the secrets."""
    write_text(path, nbformat.writes(redactor.notebook(notebook)) + "\n")


class _Manager(NotebookExecutionManager):
    """Papermill's account of a notebook; it saves now and then, at once, and without secrets."""

    def __init__(self, nb: Any, path: Path, redactor: Redactor, on_cell: OnCell | None) -> None:
        super().__init__(nb, None, progress_bar=False, autosave_cell_every=0)
        self._path, self._redactor, self._on_cell = path, redactor, on_cell
        self._saved = 0.0

    def save(self, **kwargs: Any) -> None:
        if time.monotonic() - self._saved >= _SAVE_EVERY:
            self.save_now()

    def save_now(self) -> None:
        write_notebook(self.nb, self._path, self._redactor)
        self._saved = time.monotonic()

    def cell_start(self, cell: Any, cell_index: int = 0, **kwargs: Any) -> None:
        super().cell_start(cell, cell_index, **kwargs)
        if self._on_cell:
            self._on_cell(cell_index, len(self.nb.cells))


class _Client(PapermillNotebookClient):
    """Runs the cells in a given kernel; a kernel that dies or a deadline is a failure like any other."""

    def __init__(self, manager: _Manager, kernel: Kernel, deadline: float | None, **options: Any) -> None:
        super().__init__(manager, km=kernel.manager, kernel_name=NAME, log=_log, **options)
        self._kernel = kernel
        self._deadline = deadline
        if deadline is not None:
            self.timeout_func = lambda cell: max(1, round(deadline - time.monotonic()))

    def execute(self, **kwargs: Any) -> Any:
        self.reset_execution_trackers()
        with self.setup_kernel(cleanup_kc=False):
            try:
                self.papermill_execute_cells()
                self.set_widgets_metadata()
            finally:
                if self.kc is not None:
                    self.kc.stop_channels()
        return self.nb

    def papermill_execute_cells(self) -> None:
        for index, cell in enumerate(self.nb.cells):
            self.nb_man.cell_start(cell, index)
            try:
                self.execute_cell(cell, index)
            except CellExecutionError as error:
                if error.ename == "SystemExit" and error.evalue in ("", "0"):
                    break
                self.nb_man.cell_exception(cell, cell_index=index, exception=error)
                break
            except DeadKernelError:
                words = self._kernel.last_words()
                self._fail(
                    cell, index, "DeadKernelError", "the kernel died" + (f": {words}" if words else "")
                )
                break
            except CellTimeoutError:
                self._fail(cell, index, "TimeoutError", "the stage ran past its timeout")
                break
            except BaseException as error:
                self._fail(cell, index, type(error).__name__, str(error) or "stopped")
                raise
            finally:
                self.nb_man.cell_complete(cell, cell_index=index)

    def _fail(self, cell: Any, index: int, name: str, text: str) -> None:
        """Leave in the cell why it ended, as no kernel did."""
        if cell.cell_type == "code":
            line = f"{name}: {text}"
            cell.outputs.append(nbformat.v4.new_output("error", ename=name, evalue=text, traceback=[line]))
        self.nb_man.cell_exception(cell, cell_index=index)


class WorkbenchEngine(Engine):
    """Papermill's engine for a kernel that is there already."""

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,
        *,
        kernel: Kernel,
        path: Path,
        redactor: Redactor,
        deadline: float | None = None,
        on_cell: OnCell | None = None,
        start_timeout: float = 60,
        **_: Any,
    ) -> Any:
        """Execute the cells; ``deadline`` is a moment of ``time.monotonic``."""
        manager = _Manager(nb, path, redactor, on_cell)
        manager.notebook_start()
        try:
            _Client(manager, kernel, deadline, startup_timeout=start_timeout).execute()
        except BaseException:
            manager.nb.metadata.papermill["exception"] = True
            raise
        finally:
            manager.notebook_complete()
            manager.save_now()
        return manager.nb


papermill_engines.register(ENGINE, WorkbenchEngine)
