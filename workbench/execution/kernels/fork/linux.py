"""What Linux offers to keep processes together: who dies with whom, and who takes in orphans."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections.abc import Collection
from pathlib import Path

_SET_DEATH_SIGNAL = 1
_SET_SUBREAPER = 36
_ROUNDS = 20
_libc = ctypes.CDLL(None, use_errno=True)


def set_death_signal(parent: int, number: int = signal.SIGKILL) -> None:
    """Have this process get a signal when its parent dies; it ends at once if that has happened."""
    _libc.prctl(_SET_DEATH_SIGNAL, number, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def set_subreaper() -> None:
    """Make this process the parent of those below it whose own parent ends."""
    _libc.prctl(_SET_SUBREAPER, 1, 0, 0, 0)


def children() -> set[int]:
    """Return the processes whose parent is this one."""
    own = str(os.getpid())
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                # The name in parentheses may hold anything, so what follows it is what counts.
                fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                if fields[1] == own:
                    found.add(int(entry.name))
    return found


def end_orphans(kept: Collection[int]) -> None:
    """Kill all children but some: what the end of others left to this process; each may leave others."""
    for _ in range(_ROUNDS):
        if not (orphans := children() - set(kept)):
            return
        for pid in orphans:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def thread_names() -> list[str]:
    """Return the names of this process's threads other than its first."""
    names = []
    for task in Path("/proc/self/task").iterdir():
        if task.name != str(os.getpid()):
            with contextlib.suppress(OSError):
                names.append((task / "comm").read_text().strip())
    return names


def kill_group(pid: int) -> None:
    """Kill a process that leads a group, and the group."""
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)
