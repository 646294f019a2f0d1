"""Kernels for any Jupyter client, forked from a parent that has their libraries imported.

A kernel specification asks for it::

    {"argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
     "display_name": "Python 3 (forked)", "language": "python",
     "metadata": {"kernel_provisioner": {"provisioner_name": "workbench-fork",
                                         "config": {"preload": ["pandas"]}}}}

The kernel is an ordinary one in all else. Where it can't be forked it is started afresh, as without us.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import List, Unicode

from workbench.execution.kernels.fork.client import CannotFork, ZygoteClient, find_zygote

_LOOK_EVERY = 0.005
_LAUNCHERS = ("ipykernel_launcher", "ipykernel")
# A kernel that is told of its client's process would end, as that isn't its parent.
_NOT_FOR_US = ("JPY_PARENT_PID", "JPY_INTERRUPT_EVENT")


class ForkProvisioner(LocalProvisioner):
    """Forks kernels; ``preload`` names the modules that they find imported."""

    process: Any = None
    pid: Any = None
    pgid: Any = None
    cwd: Any = None
    preload: Any = List(Unicode(), help="Modules to import before a kernel is forked.").tag(config=True)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Fork a kernel, or start one afresh if that can't be; return its connection information."""
        arguments = _arguments(cmd)
        if arguments is not None:
            forked = await _in_thread(lambda: self._fork(arguments, **kwargs))
            if forked is not None:
                self.process = forked
                self.pid = self.pgid = forked.pid
                self.cwd = kwargs.get("cwd") or os.getcwd()  # noqa: PTH109
                return self.connection_info
        return await super().launch_kernel(cmd, **kwargs)

    def _fork(self, arguments: Sequence[str], **kwargs: Any) -> ForkedKernel | None:
        environment = {
            name: value
            for name, value in (kwargs.get("env") or os.environ).items()
            if name not in _NOT_FOR_US
        }
        common = {name: value for name, value in environment.items() if name != "JPY_SESSION_NAME"}
        try:
            zygote = find_zygote(common, kernels=True)
        except CannotFork:
            return None
        kernel = ForkedKernel(zygote, kwargs.get("stdout"), kwargs.get("stderr"))
        folder = Path(kwargs.get("cwd") or "").absolute()
        threads = len(os.sched_getaffinity(0))
        if zygote.ask(kernel, environment, folder, self.preload, threads, arguments=list(arguments)):
            return kernel
        return None


class ForkedKernel:
    """A forked kernel, with what of ``subprocess.Popen`` its provisioner needs."""

    stdin = stdout = stderr = None

    def __init__(self, zygote: ZygoteClient, stdout: Any, stderr: Any) -> None:
        self._zygote, self.number = zygote, zygote.number()
        self.pid = 0
        self.ending: dict[str, Any] | None = None
        self.refused = False
        self._known, self._ended = threading.Event(), threading.Event()
        output = _descriptor(stdout, 1)
        errors = os.dup(output) if stderr == subprocess.STDOUT else _descriptor(stderr, 2)
        # It takes no commands but by its sockets.
        self.theirs = [os.open(os.devnull, os.O_RDWR), os.open(os.devnull, os.O_RDWR), output, errors]

    @property
    def returncode(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        if self.ending is None:
            return None
        status = self.ending["status"]
        return -signal.SIGKILL if status is None else int(status)

    def poll(self) -> int | None:
        """Return its exit status, or None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for its end; return its exit status.

        Raises:
            subprocess.TimeoutExpired: it still runs after ``timeout`` seconds.
        """
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("a forked kernel", timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.ending is None:
            # It may just have, and nobody has told us yet.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def take(self, message: dict[str, Any]) -> None:
        """Note what the zygote said of it."""
        if message["op"] == "forked":
            self.pid = message["pid"]
        elif message["op"] == "exit":
            self.ending = message
            self._ended.set()
            # It may wait for the zygote's end, which this thread listens for.
            threading.Thread(target=self.close, daemon=True).start()
        else:
            self.refused = True
        self._known.set()

    def wait_known(self) -> None:
        """Wait until it was forked, or refused, or its zygote is gone."""
        self._known.wait()

    def close(self) -> None:
        """Have its zygote forget it."""
        self._zygote.forget(self)

    def abandon(self) -> None:
        """Let go of it, in a process that was forked from its client's."""
        self.ending = {"status": None}
        self._known.set()
        self._ended.set()


async def _in_thread(work: Callable[[], ForkedKernel | None]) -> ForkedKernel | None:
    """Have work done in a thread of its own; return what came of it.

    A loop's pool of threads, and what wakes a loop, don't survive a fork of their process; this does.
    """
    future: Future[ForkedKernel | None] = Future()

    def call() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=call, name="fork", daemon=True).start()
    while not future.done():
        await asyncio.sleep(_LOOK_EVERY)
    return future.result()


def _arguments(cmd: Sequence[str]) -> list[str] | None:
    """Return what a command tells ipykernel, or None if it doesn't start this Python's ipykernel."""
    python = shutil.which(cmd[0]) if cmd else None
    if python is None or Path(python).absolute() not in (
        Path(sys.executable),
        Path(sys.executable).resolve(),
    ):
        return None
    options = [part for part in cmd[1:] if not part.startswith("-X")]
    if options[:1] == ["-m"] and options[1:2] and options[1] in _LAUNCHERS:
        return options[2:]
    return None


def _descriptor(target: Any, inherited: int) -> int:
    """Return a descriptor of our own for what ``subprocess.Popen`` would take as an output."""
    if target is None:
        return os.dup(inherited)
    if target == subprocess.DEVNULL:
        return os.open(os.devnull, os.O_WRONLY)
    return os.dup(target if isinstance(target, int) else target.fileno())
