"""Work that can't be done for now, and is tried again."""

from __future__ import annotations

import threading
from collections.abc import Callable

from workbench.errors import WorkFailed
from workbench.terminal import tell


def to_stderr(text: str) -> None:
    """Say a line."""
    tell(text)


def patiently(
    work: Callable[[], None], what: str, stop: threading.Event, pause: float, log: Callable[[str], None]
) -> None:
    """Do some work, again after ``pause`` seconds each time it fails for what may pass, until it is time to stop."""
    while not stop.is_set():
        try:
            work()
            return
        except WorkFailed as problem:
            log(f"can't {what} for now: {problem}")
            stop.wait(pause)
