"""The supervision of one notebook's execution: cell after cell, within limits, whatever ends it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any, Protocol

from workbench.execution.kernels.job import Ending, Limits, Stop
from workbench.execution.kernels.post_mortem import death, memory_of, oom_kills
from workbench.execution.kernels.process import Process
from workbench.execution.notebook.events import clean
from workbench.execution.notebook.journal import Journal
from workbench.execution.notebook.notebook import told
from workbench.execution.notebook.outputs import Outputs
from workbench.execution.parameters.declarations import has_tag
from workbench.execution.records.model import ExitReason
from workbench.secrets.redact import Redactor

GRACE = 2.0
# Somebody waits for the end.
STOP_GRACE = 1.0
_LOOK_EVERY = 0.1


class Watcher(Protocol):
    """Told of cells as they start, fail and end; papermill's manager of a notebook is one."""

    def cell_start(self, cell: Any, cell_index: int) -> None:
        """A cell starts."""

    def cell_exception(self, cell: Any, cell_index: int) -> None:
        """A cell failed."""

    def cell_complete(self, cell: Any, cell_index: int) -> None:
        """A cell ended."""


class Supervisor:
    """Runs the cells of a notebook node in a process; the node holds their outputs as they come.

    ``stop`` may be set by another thread, which then calls the process's ``wake``. A KeyboardInterrupt in this
    one stops it too, and is kept as ``interruption``.
    """

    def __init__(
        self,
        process: Process,
        node: Any,
        watcher: Watcher,
        journal: Journal,
        redactor: Redactor,
        limits: Limits,
        stop: Stop,
        on_output: Callable[[dict[str, Any]], None] | None = None,
        on_cell_end: Callable[[int], None] | None = None,
    ) -> None:
        self.process, self.node, self.watcher, self.journal = process, node, watcher, journal
        self.redactor, self.limits, self.stop, self.on_output = redactor, limits, stop, on_output
        self.on_cell_end = on_cell_end
        self.outputs = Outputs(node)
        self._shown: dict[str, Any] = {}
        self.ending = Ending()
        self.interruption: KeyboardInterrupt | None = None
        self._deadline = None if limits.seconds is None else time.monotonic() + limits.seconds
        self._looked = 0.0
        self._kills_before = oom_kills()

    def run(self) -> Ending:
        """Run the cells, then let the process end; it has ended when this returns."""
        try:
            for index, cell in enumerate(self.node.cells):
                self.watcher.cell_start(cell, index)
                try:
                    going = cell.cell_type != "code" or self._cell(index, cell)
                finally:
                    self.watcher.cell_complete(cell, index)
                if not going:
                    break
        except OSError as error:
            # The journal can't be written: a full disk, most likely.
            self.ending.reason, self.ending.error = (
                "error",
                f"can't write the journal: {error.strerror or error}",
            )
        finally:
            self._finish()
        return self.ending

    def _cell(self, index: int, cell: Any) -> bool:
        """Run one cell; return whether the next may follow."""
        if not cell.source.strip() or has_tag(cell, "skip-execution"):
            return True
        started = time.monotonic()
        self._shown = {}
        self.outputs.begin(cell)
        self.journal.begin_cell(index)
        self.process.start_cell(cell.source)
        try:
            # A kernel that had yet to answer took its time before the cell began.
            reply = self._listen(time.monotonic())
        finally:
            self.ending.cells.append(round(time.monotonic() - started, 4))
            self.outputs.end()
            if self.on_cell_end:
                self.on_cell_end(index)
        for comm_id, state in self.outputs.captured():
            # As JupyterLab does, so that later cells see it.
            self.process.send_comm(comm_id, {"method": "update", "state": state, "buffer_paths": []})
        if reply["event"] == "done":
            cell.execution_count = reply["count"]
            self.journal.write({"event": "done", "index": index, "count": reply["count"], "ok": reply["ok"]})
        return self._judge(reply, cell, index)

    def _judge(self, reply: dict[str, Any], cell: Any, index: int) -> bool:
        ending = self.ending
        if ending.reason == "done" and reply["event"] == "exit":
            self._fail(
                cell,
                index,
                "died",
                "DeadKernelError",
                death(reply, self._kills_before, self.process.last_words()),
            )
        elif ending.reason != "done":
            names = {"timeout": "TimeoutError", "memory": "MemoryError", "stopped": "Stopped"}
            self._fail(cell, index, ending.reason, names[ending.reason], ending.error or "")
        elif not reply["ok"]:
            if reply["ename"] == "SystemExit" and reply["evalue"] in ("", "0"):
                return False
            if not reply["ename"]:
                # What failed is not the cell but the display of its value; the process showed that.
                reply = {"ename": "Error", "evalue": "it failed without saying why", **self._shown}
            if has_tag(cell, "raises-exception"):
                return True
            ending.reason, ending.error = "error", told(reply["ename"], reply["evalue"])
            self.watcher.cell_exception(cell, index)
        return ending.reason == "done"

    def _fail(self, cell: Any, index: int, reason: ExitReason, name: str, text: str) -> None:
        """Leave in the cell why it ended, as the process couldn't."""
        line = told(name, text)
        self.ending.reason, self.ending.error = reason, line
        event = clean({"event": "error", "ename": name, "evalue": text, "traceback": [line]})
        self.outputs.add_error(cell, event)
        with contextlib.suppress(OSError):
            self.journal.write(event)
        self.watcher.cell_exception(cell, index)

    def _listen(self, started: float) -> dict[str, Any]:
        """Take events until the cell is done or the process gone; end it when it goes past a limit."""
        cell_deadline = None if self.limits.cell is None else started + self.limits.cell
        deadlines = [timestamp for timestamp in (self._deadline, cell_deadline) if timestamp is not None]
        deadline = min(deadlines, default=None)
        kill_at: float | None = None
        while True:
            now = time.monotonic()
            if kill_at is not None and now >= kill_at:
                self.process.kill()
                kill_at = now + GRACE
            if kill_at is None and self._past(now, deadline, cell_deadline):
                kill_at = now + (STOP_GRACE if self.ending.reason == "stopped" else GRACE)
                if self.ending.reason == "memory":
                    self.process.kill()
                else:
                    self.process.interrupt()
            next_look = now + (_LOOK_EVERY if self.limits.memory else 60.0)
            moments = [timestamp for timestamp in (kill_at or deadline, next_look) if timestamp is not None]
            event = self._next(max(0.0, min(moments) - now))
            if event is None:
                continue
            if event["event"] == "secret":
                self.redactor.add(event["value"])
                continue
            event = clean(event)
            if event["event"] in ("done", "exit"):
                self._note_usage(event)
                return event
            if event["event"] == "error":
                self._shown = {name: event[name] for name in ("ename", "evalue")}
            self.outputs.apply(event)
            written = self.journal.write(event)
            if self.on_output and written:
                self.on_output(written)

    def _next(self, timeout: float) -> dict[str, Any] | None:
        try:
            return self.process.next_event(timeout)
        except KeyboardInterrupt as interruption:
            # It comes to the main thread. The cell is stopped in order, and whoever called is told then.
            if self.interruption:
                self.process.kill()
            self.interruption = interruption
            self.stop.because(str(interruption))
            return None

    def _past(self, now: float, deadline: float | None, cell_deadline: float | None) -> bool:
        """Return whether the cell must end now, and note why."""
        ending = self.ending
        if self.stop.is_set():
            ending.reason = "stopped"
            ending.error = f"by {self.stop.by}" if self.stop.by else "on demand"
        elif deadline is not None and now >= deadline:
            ending.reason = "timeout"
            whole = deadline != cell_deadline
            ending.error = "the stage ran past its timeout" if whole else "the cell ran past its timeout"
        elif self.limits.memory and now - self._looked >= _LOOK_EVERY:
            self._looked = now
            used = memory_of(self.process.pid)
            if used > self.limits.memory:
                ending.reason = "memory"
                ending.error = (
                    f"it took {used >> 20:,} MiB of memory, more than its {self.limits.memory >> 20:,}"
                )
        return ending.reason != "done"

    def _note_usage(self, event: dict[str, Any]) -> None:
        if peak := event.get("peak_memory"):
            self.ending.peak_memory = max(peak, self.ending.peak_memory or 0)
        if "cpu_seconds" in event:
            self.ending.cpu_seconds = round(event["cpu_seconds"], 3)

    def _finish(self) -> None:
        """Let the process end, by force if it won't."""
        self.process.finish()
        if self.ending.reason != "done":
            self.process.kill()
        end = time.monotonic() + GRACE
        while True:
            event = self._next(max(0.0, end - time.monotonic()))
            if event is not None and event["event"] == "exit":
                self._note_usage(event)
                break
            if time.monotonic() >= end:
                self.process.kill()
                end = time.monotonic() + GRACE
        self.process.close()
