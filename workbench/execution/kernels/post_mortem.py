"""What the system tells of a process: how much memory it holds, and what it died of."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path
from typing import Any

import psutil


def memory_of(pid: int) -> int:
    """Return the resident bytes of a process and of those below it."""
    total = 0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += each.memory_info().rss
    return total


def oom_kills() -> int:
    """Return how many processes the kernel has killed for want of memory since it started."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def death(event: dict[str, Any], kills_before: int, words: str) -> str:
    """Return in words how a process ended that wasn't asked to."""
    status = event.get("status")
    if status is None:
        text = "the kernel died"
    elif status >= 0:
        text = f"the kernel died: it exited with status {status}"
    else:
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        short = " for want of memory" if name == "SIGKILL" and oom_kills() > kills_before else ""
        text = f"the kernel died: killed by {name}{short}"
    return f"{text}: {words}" if words else text
