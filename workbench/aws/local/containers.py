"""A container as a local process: its command, variables, memory limit, log lines and exit code."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
_ECR = re.compile(r"\d{12}\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([^:@]+)(?::([^@]+))?")


class CannotStart(Exception):
    """The container can't be started; the text is ECS's reason."""


def ecr_image(image: str) -> tuple[str, str, str] | None:
    """Return region, repository and tag of an image in ECR; None for one of another registry."""
    found = _ECR.fullmatch(image)
    return (found[1], found[2], found[3] or "latest") if found else None


class Container:
    """A process in a session and a folder of its own.

    Args:
        command: entry point and arguments.
        environment: all of its variables but PATH, HOME and those a Python needs here.
        memory: MiB of all its processes together; unlimited if None.
        on_line: told each line it writes, in order.

    Raises:
        CannotStart: there is no such program.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        memory: int | None,
        folder: str | None,
        on_line: Callable[[str], None],
    ) -> None:
        self._scratch = tempfile.mkdtemp(prefix="workbench-task-")
        self._memory, self._on_line = memory, on_line
        self.out_of_memory = False
        try:
            self._process = subprocess.Popen(
                list(command),
                env=_variables(environment, self._scratch),
                cwd=folder or self._scratch,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            shutil.rmtree(self._scratch, ignore_errors=True)
            name = command[0] if command else ""
            raise CannotStart(f'CannotStartContainerError: exec: "{name}": {error}') from None
        self._lines = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait(self, stop: threading.Event, grace: float) -> int:
        """Return the exit code once it ends; a signal's is 128 and its number.

        When ``stop`` is set it gets SIGTERM, and SIGKILL ``grace`` seconds later.
        """
        killed: float | None = None
        while self._process.poll() is None:
            if stop.is_set() and killed is None:
                self._signal(signal.SIGTERM)
                killed = time.monotonic() + grace
            if killed is not None and time.monotonic() > killed:
                self._signal(signal.SIGKILL)
            if self._memory is not None and self._used() > self._memory:
                self.out_of_memory = True
                self._signal(signal.SIGKILL)
            time.sleep(0.05)
        # What it started ends with it, as it does with a container.
        self._signal(signal.SIGKILL)
        # All that it wrote; but what has left its group may keep the pipe open for ever.
        read = -1
        while self._reader.is_alive() and read != self._lines:
            read = self._lines
            self._reader.join(10)
        shutil.rmtree(self._scratch, ignore_errors=True)
        code = self._process.returncode
        return 128 - code if code < 0 else code

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _used(self) -> float:
        used = 0
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self._process.pid)
            for one in (process, *process.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    used += one.memory_info().rss
        return used / 2**20

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101
        for line in self._process.stdout:
            self._on_line(line.decode("utf-8", "replace").rstrip("\r\n"))
            self._lines += 1


def _variables(variables: Mapping[str, str], home: str) -> dict[str, str]:
    """Return a container's variables: nothing of the server's own but where programs are."""
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {"PATH": programs, "HOME": home, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", **variables}
