"""Kernels: a fresh process for each notebook, started ahead. For what can't be forked: slower, same results."""

from __future__ import annotations

import base64
import contextlib
import os
import queue
import shutil
import signal
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import KernelManager

from workbench.execution.kernels.exits import as_system_exit
from workbench.execution.notebook.language import PYTHON, python_info
from workbench.private import private_folder
from workbench.secrets.redact import Redactor

_EVENTS = (
    "stream", "display_data", "update_display_data", "execute_result", "error", "clear_output", "comm_open",
    "comm_msg",
)  # fmt: skip
_SLICE = 0.2
# A kernel that is idle again has answered; if it could not put its answer into words, none will come.
_SILENCE = 5.0


class _ThisPython(KernelSpecManager):
    """Whatever kernels are installed, the one called ``python3`` is the running interpreter's."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        if kernel_name != PYTHON:
            return super().get_kernel_spec(kernel_name)
        argv = [sys.executable, "-m", "workbench.execution.kernels.launch", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


class KernelProcess:
    """One kernel process. It boots while its maker does other things.

    Args:
        env: the process's whole environment.
        folder: its working directory.
        log: file for what it prints past the notebook; removed at the end if nothing came.
        name: the kernel, as Jupyter knows it.
        start_timeout: seconds until it must answer.
    """

    def __init__(
        self, env: dict[str, str], folder: Path, log: Path, name: str = PYTHON, start_timeout: float = 60
    ) -> None:
        # A socket's path may have 107 bytes, so it can't lie under just any home.
        self._sockets = Path(tempfile.mkdtemp(prefix="wb-"))
        self._log, self._start_timeout = log, start_timeout
        self._client: Any = None
        self._queue: deque[dict[str, Any]] = deque()
        self._request: str | None = None
        self._reply: dict[str, Any] | None = None
        self._idle: float | None = None
        self._ending: dict[str, Any] | None = None
        private_folder(log.parent)
        self.manager: Any = KernelManager(
            kernel_name=name,
            kernel_spec_manager=_ThisPython(),
            # Not every other kernel speaks by sockets of files.
            transport="ipc" if name == PYTHON else "tcp",
            connection_file=str(self._sockets / "kernel.json"),
            shutdown_wait_time=1.0,
        )
        python = name == PYTHON
        try:
            with log.open("wb") as output:
                self.manager.start_kernel(
                    extra_arguments=["--HistoryManager.hist_file=:memory:"] if python else [],
                    env=env,
                    cwd=str(folder),
                    stdout=output,
                    stderr=output,
                )
        except BaseException:
            shutil.rmtree(self._sockets, ignore_errors=True)
            raise
        provisioner: Any = self.manager.provisioner
        self.pid: int = provisioner.pid

    def language_info(self) -> dict[str, Any]:
        """Return what a notebook's metadata say of its language; another language's kernel is asked."""
        if self.manager.kernel_name == PYTHON:
            return python_info()
        if not self._connect():
            return {}
        reply = self._client.kernel_info(reply=True, timeout=self._start_timeout)
        return dict(reply["content"].get("language_info") or {})

    def start_cell(self, source: str) -> None:
        """Ask for a cell to be run; the first waits until the kernel answers."""
        if not self._connect():
            return
        self._reply, self._idle = None, None
        self._request = self._client.execute(source, store_history=True, allow_stdin=False)

    def _connect(self) -> bool:
        """Wait until the kernel answers; return False if it doesn't."""
        if self._client is not None:
            return self.manager.is_alive()
        self._client = self.manager.blocking_client()
        self._client.start_channels()
        try:
            self._client.wait_for_ready(self._start_timeout)
        except RuntimeError:
            # It died on its way, or takes too long; either way the next event says so.
            self.kill()
            return False
        return True

    def send_comm(self, comm_id: str, data: dict[str, Any]) -> None:
        """Send a message to a widget; it is taken before the next cell."""
        if self._client is not None:
            session = self._client.session
            message = session.msg("comm_msg", {"comm_id": comm_id, "data": data})
            self._client.shell_channel.send(message)

    def next_event(self, timeout: float) -> dict[str, Any] | None:
        """Return what happened next, or None if nothing did in ``timeout`` seconds; the last is ``exit``."""
        end = time.monotonic() + timeout
        while not self._queue:
            self._poll(min(_SLICE, max(0.0, end - time.monotonic())))
            if not self._queue and time.monotonic() >= end:
                return None
        return self._queue.popleft()

    def _poll(self, timeout: float) -> None:
        message = self._message(timeout)
        if message is not None:
            kind = message["msg_type"]
            if kind in _EVENTS:
                event = {"event": kind, **message["content"]}
                if message["buffers"]:
                    event["buffers"] = [base64.b64encode(part).decode() for part in message["buffers"]]
                self._queue.append(event)
            elif kind == "status" and message["content"]["execution_state"] == "idle":
                self._idle = time.monotonic()
        if self._request and self._reply is None and self._client is not None:
            with contextlib.suppress(queue.Empty):
                reply = self._client.get_shell_msg(timeout=0)
                if reply["parent_header"].get("msg_id") == self._request:
                    self._reply = reply["content"]
        if self._reply is None and self._idle is not None and time.monotonic() > self._idle + _SILENCE:
            self._reply = {"status": "error"}
        if self._reply is not None and self._idle is not None:
            self._queue.append(self._done(self._reply))
            self._reply, self._request = None, None
        elif message is None and not self.manager.is_alive():
            self._ending = {"event": "exit", "status": self.manager.provisioner.process.returncode}
            self._queue.append(self._ending)

    def _message(self, timeout: float) -> dict[str, Any] | None:
        if self._client is None or self._request is None:
            time.sleep(timeout)
            return None
        try:
            message: dict[str, Any] = self._client.get_iopub_msg(timeout=timeout)
        except queue.Empty:
            return None
        parent = message["parent_header"].get("msg_id")
        return message if parent == self._request else {"msg_type": "", "content": {}, "buffers": []}

    def _done(self, reply: dict[str, Any]) -> dict[str, Any]:
        return {
            "event": "done",
            "ok": reply["status"] == "ok",
            "count": reply.get("execution_count"),
            # So it names what failed while a value was displayed.
            "ename": "" if (name := reply.get("ename", "")) == "NoneType" else name,
            "evalue": reply.get("evalue", ""),
            **as_system_exit(reply),
            **_usage(self.pid),
        }

    def wake(self) -> None:
        """Do nothing: :meth:`next_event` looks up by itself soon enough."""

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in its cell."""
        with contextlib.suppress(Exception):
            self.manager.interrupt_kernel()

    def kill(self) -> None:
        """End it at once, and its group."""
        with contextlib.suppress(OSError):
            # The kernel leads a session of its own, so its group is its number.
            os.killpg(self.pid, signal.SIGKILL)

    def finish(self) -> None:
        """Ask it to end."""
        if self._client is not None and self._ending is None:
            self._request = None
            with contextlib.suppress(Exception):
                self._client.shutdown()

    def close(self) -> None:
        """End what is left of it, and give back what it held."""
        self.kill()
        with contextlib.suppress(Exception):
            self.manager.provisioner.process.wait(5)
        with contextlib.suppress(Exception):
            if self._client is not None:
                self._client.stop_channels()
        with contextlib.suppress(Exception):
            self.manager.cleanup_resources()
        shutil.rmtree(self._sockets, ignore_errors=True)
        with contextlib.suppress(OSError):
            if self._log.stat().st_size == 0:
                self._log.unlink()

    def last_words(self, lines: int = 5) -> str:
        """Return the end of what the process printed past the notebook."""
        try:
            return "\n".join(self._log.read_text(errors="replace").strip().splitlines()[-lines:])
        except OSError:
            return ""

    def redact(self, redactor: Redactor) -> None:
        """Blot out secrets in what the process printed past the notebook."""
        if self._log.is_file():
            text = self._log.read_text(errors="replace")
            if (clean := redactor.text(text)) != text:
                self._log.write_text(clean)


def _usage(pid: int) -> dict[str, Any]:
    try:
        times = psutil.Process(pid).cpu_times()
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (psutil.Error, OSError):
        return {}
    peak = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)
    return {"cpu_seconds": times.user + times.system, "peak_memory": peak}
