"""Connections that nobody uses for the moment, kept for the next who wants one: to open one takes longer than to ask."""

from __future__ import annotations

import atexit
import os
import select
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from workbench.warehouse.redshift.address import Address
from workbench.warehouse.redshift.errors import DRIVER_ERRORS

LINGER = 1.0
"""Seconds for which a connection waits."""
LONGEST = 60.0
"""Seconds of age from which it is let go: who may log in, and what for, is asked when one is opened."""


@dataclass
class Connection:
    """A connection of the driver's."""

    driver: Any
    opened: float = field(default_factory=time.monotonic)
    idle_since: float = 0.0

    @property
    def is_well(self) -> bool:
        """Whether the server has neither closed it nor said anything that nobody asked for."""
        try:
            return not select.select([self.driver._usock], [], [], 0)[0]
        except (OSError, ValueError):
            return False

    def close(self) -> None:
        """Close it; one that broke can't be closed, and need not be."""
        with suppress(*DRIVER_ERRORS):
            self.driver.close()


_idle: dict[Address, list[Connection]] = {}
_lock = threading.RLock()
_timers: set[threading.Timer] = set()


def take(address: Address) -> Connection | None:
    """Return a connection that was kept and is well; it is the caller's now."""
    while True:
        with _lock:
            waiting = _idle.get(address)
            if not waiting:
                return None
            connection = waiting.pop()
        if connection.is_well and time.monotonic() - connection.idle_since < LINGER:
            return connection
        connection.close()


def keep(address: Address, connection: Connection) -> None:
    """Let the next have a connection, unless it is old."""
    now = time.monotonic()
    if now - connection.opened > LONGEST:
        connection.close()
        return
    connection.idle_since = now
    with _lock:
        _idle.setdefault(address, []).append(connection)
        if not _timers:
            _later(LINGER)


def close_idle() -> None:
    """Close all that wait."""
    with _lock:
        waiting = [connection for kept in _idle.values() for connection in kept]
        _idle.clear()
        for timer in _timers:
            timer.cancel()
        _timers.clear()
    for connection in waiting:
        connection.close()


def _later(seconds: float) -> None:
    timer = threading.Timer(seconds, _expire)
    timer.daemon = True
    _timers.add(timer)
    timer.start()


def _expire() -> None:
    """Close what has waited for long enough; look again later if any hasn't."""
    now, done = time.monotonic(), []
    with _lock:
        _timers.clear()
        for address, waiting in list(_idle.items()):
            done += [each for each in waiting if now - each.idle_since >= LINGER]
            _idle[address] = [each for each in waiting if now - each.idle_since < LINGER]
            if not _idle[address]:
                del _idle[address]
        left = [each.idle_since for waiting in _idle.values() for each in waiting]
        if left:
            _later(max(0.01, min(left) + LINGER - now))
    for connection in done:
        connection.close()


def _before_fork() -> None:
    # A child would share them with its parent.
    close_idle()
    _lock.acquire()


def _in_child() -> None:
    _timers.clear()
    _lock.release()


atexit.register(close_idle)
os.register_at_fork(before=_before_fork, after_in_parent=_lock.release, after_in_child=_in_child)
