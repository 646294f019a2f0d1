"""Threads that are in the engine while the interpreter ends would abort the process: they are got out, and kept out."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import duckdb

_PATIENCE = 5.0
"""Seconds that the end of the process waits for threads in the engine."""
_GRACE = 0.2
"""Seconds that it gives those that have just left, to let go of what they asked."""
_POLL = 0.005

# The connections that each thread uses, by its number; empty lists for those that were in the engine before.
_using: dict[int, list[duckdb.DuckDBPyConnection]] = {}
_kept_out: set[int] = set()
# The thread in which the process ends, once it does.
_in: int | None = None


@contextmanager
def in_engine() -> Iterator[Callable[[duckdb.DuckDBPyConnection], None]]:
    """Be in the engine; yield what to tell of a connection, so that it can be interrupted.

    A thread that comes while the process ends waits here for ever.
    """
    own = threading.get_ident()
    if _in is not None and _in != own:
        _kept_out.add(own)
        threading.Event().wait()
    connections = _using.setdefault(own, [])
    before = len(connections)
    try:
        yield connections.append
    finally:
        del connections[before:]


def is_ending() -> bool:
    """Whether the process ends."""
    return _in is not None


def end() -> None:
    """Let no other thread into the engine from now on; interrupt those in there, and wait until they are out."""
    global _in
    own = threading.get_ident()
    _in = own
    began = time.monotonic()
    while time.monotonic() - began < _PATIENCE:
        alive = {thread.ident for thread in threading.enumerate()} - {own} - _kept_out
        asking = [connections for thread, connections in list(_using.items()) if thread in alive]
        if not asking or (not any(asking) and time.monotonic() - began > _GRACE):
            return
        for connections in asking:
            for connection in list(connections):
                with suppress(duckdb.Error):
                    connection.interrupt()
        time.sleep(_POLL)


def _in_child() -> None:
    _using.clear()
    _kept_out.clear()


os.register_at_fork(after_in_child=_in_child)
