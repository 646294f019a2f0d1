"""Waits that a signal ends, whichever thread it is given to.

Python handles signals in the main thread, and only when that one runs. Mostly it is the main thread that a signal wakes; but
where another is just beginning, the system may give it to that one, and who waits without end would never hear of it.
"""

from __future__ import annotations

import queue
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

_LOOK = 0.2
"""Seconds after which the main thread looks for a signal that another was given."""


def result_of(work: Future[T]) -> T:
    """Return what work comes to, or raise what it raised."""
    while not wait([work], timeout=_LOOK).done:
        pass
    return work.result()


def next_of(events: queue.SimpleQueue[T]) -> T:
    """Return the next of some events."""
    while True:
        with suppress(queue.Empty):
            return events.get(timeout=_LOOK)
