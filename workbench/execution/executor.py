"""The executor of a run: it takes prepared notebooks, several at a time if asked, and says how each ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from workbench.execution.kernels import Kernel, environment
from workbench.execution.notebook import Outcome, Prepared, execute, imported
from workbench.settings import Settings


class Executor:
    """Executes notebooks of one run, each in a process of its own. Methods may be called from any thread.

    Args:
        settings: handed to every notebook.
        run_id: identity of the run.
        folder: where executed notebooks and logs are kept.
    """

    def __init__(self, settings: Settings, run_id: str, folder: Path) -> None:
        self.settings, self.run_id, self.folder = settings, run_id, folder
        self._lock = threading.Lock()
        self._ahead: dict[str, Kernel] = {}
        self._busy: dict[str, Kernel] = {}
        self._stopped = False

    def ahead(self, prepared: Prepared) -> None:
        """Get ready for a notebook that will be executed soon."""
        with self._lock:
            if prepared.name not in self._ahead and not self._stopped:
                self._ahead[prepared.name] = self._kernel(prepared)

    def execute(
        self, prepared: Prepared, output: Path, on_cell: Callable[[int, int], None] | None = None
    ) -> Outcome:
        """Execute a notebook and keep it, as far as it got, at ``output``; return how it ended.

        Whatever ends it is in the outcome: a cell's error, a time-out, a dead process, :meth:`stop`.
        """
        self.ahead(prepared)
        with self._lock:
            kernel = self._busy[prepared.name] = self._ahead.pop(prepared.name)
        failed = True
        try:
            outcome = execute(prepared, kernel, output, on_cell)
            failed = outcome.error is not None
        finally:
            kernel.stop(now=failed)
            kernel.redact(prepared.redactor)
            self._busy.pop(prepared.name, None)
        return outcome

    def stop(self) -> None:
        """End what is being executed, now; each :meth:`execute` under way returns its outcome."""
        with self._lock:
            self._stopped = True
            for kernel in self._busy.values():
                kernel.kill()

    def close(self) -> None:
        """Leave nothing behind."""
        with self._lock:
            self._stopped = True
            for kernel in self._ahead.values():
                kernel.stop(now=True)
            self._ahead.clear()

    def _kernel(self, prepared: Prepared) -> Kernel:
        imports = imported(prepared.content, prepared.path.parent)
        env = environment(self.settings, self.run_id, prepared.name, imports)
        return Kernel(env, prepared.path.parent, self.folder / f"{prepared.name}.log")
