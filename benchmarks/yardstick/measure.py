"""What a command costs: wall and processor seconds and memory, of all processes that it starts."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_EVERY = 0.1


@dataclass(frozen=True)
class Cost:
    """Of one command: seconds, and the most megabytes that its processes held at once, what they share counted once."""

    wall: float
    cpu: float
    megabytes: int
    output: str

    def figures(self, prefix: str) -> dict[str, float]:
        """Return the figures with a prefix before their names."""
        return {
            f"{prefix}_wall_seconds": round(self.wall, 2),
            f"{prefix}_cpu_seconds": round(self.cpu, 2),
            f"{prefix}_peak_megabytes": self.megabytes,
        }


def run(command: Sequence[str | Path], environment: Mapping[str, str], *, memory: bool = True) -> Cost:
    """Run a command and return its cost.

    Raises:
        SystemExit: it failed; what it said is told.
    """
    os.sync()
    started = time.perf_counter()
    process = subprocess.Popen(
        list(map(str, command)), env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
    )  # fmt: skip
    most = [0]
    watcher = threading.Thread(target=_watch, args=(process.pid, most), daemon=True)
    if memory:
        watcher.start()
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if memory:
        watcher.join()
    if process.returncode:
        raise SystemExit(f"{command} failed:\n{output[-3000:]}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, most[0] >> 20, output)


def _watch(pid: int, most: list[int]) -> None:
    """Keep the most memory that a process and its descendants held."""
    with suppress(psutil.Error):
        root = psutil.Process(pid)
        while root.status() != psutil.STATUS_ZOMBIE:
            held = 0
            for process in (root, *root.children(recursive=True)):
                with suppress(psutil.Error):
                    held += process.memory_full_info().pss
            most[0] = max(most[0], held)
            time.sleep(_EVERY)
