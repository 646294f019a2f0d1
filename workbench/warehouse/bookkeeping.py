"""Writes that no reader of core and marts has anything of: what the platform notes of its own work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Depth(threading.local):
    value = 0


_depth = _Depth()


@contextmanager
def bookkeeping() -> Iterator[None]:
    """Write nothing in here to core and marts: readers' copy of them stays as good as it was."""
    _depth.value += 1
    try:
        yield
    finally:
        _depth.value -= 1


def is_bookkeeping() -> bool:
    """Whether this thread writes for the platform alone."""
    return bool(_depth.value)
