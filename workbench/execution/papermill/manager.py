"""Papermill's account of a notebook that is being executed, and how it is kept: at once, and without secrets."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import nbformat
from papermill.engines import NotebookExecutionManager
from papermill.iorw import LocalHandler, papermill_io, write_ipynb

from workbench.execution.kernels.job import Job
from workbench.files import write_text

_SAVE_EVERY = 2.0


class Manager(NotebookExecutionManager):
    """Papermill's account of a notebook; it saves now and then, at once, and without secrets."""

    def __init__(
        self, nb: Any, job: Job, output_path: str | None, progress_bar: Any, log_output: bool = False
    ) -> None:
        super().__init__(
            nb, output_path, log_output=log_output, progress_bar=progress_bar, autosave_cell_every=0
        )
        self._job = job
        self._next_save = 0.0

    def notebook_complete(self, **kwargs: Any) -> None:
        cells = [cell.metadata.papermill for cell in self.nb.cells]
        waiting = [facts for facts in cells if facts["status"] == self.PENDING]
        super().notebook_complete(**kwargs)
        # It takes every cell for completed if none failed, though one may have ended the notebook before them.
        for facts in waiting:
            facts["status"] = self.PENDING

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
            write_ipynb(clean, self.output_path)

    def cell_start(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        super().cell_start(cell, cell_index, **kwargs)
        if self._job.on_cell:
            self._job.on_cell(cell_index or 0, len(self.nb.cells))


def write_notebook(node: Any, path: Path) -> None:
    """Write a notebook at once: a reader sees the old one or the new one, never a part."""
    # Without the validation of nbformat.writes: it was valid when it was read, and we made its outputs.
    write_text(path, nbformat.v4.writes(node) + "\n")


class _AtOnce(LocalHandler):
    """Papermill's handler of local files, but what it writes appears whole."""

    def write(self, buf: str, path: str) -> None:
        target = _resolved(path)
        if not target.parent.is_dir():
            raise FileNotFoundError(f"output folder {target.parent} doesn't exist.")
        write_text(target, buf)


def write_at_once(path: str) -> bool:
    """Have papermill, which writes a notebook last, do it at once too.

    Returns:
        Whether the path is local; one that isn't is left to the handler it has.
    """
    handler = papermill_io.get_handler(path)
    if type(handler) is LocalHandler:
        papermill_io.register(path, _AtOnce())
    return isinstance(handler, LocalHandler)


def _resolved(path: str) -> Path:
    """Return where papermill would write: relative to where it was called, not to the notebook's folder."""
    return Path(papermill_io.get_handler("local")._cwd or "") / path
