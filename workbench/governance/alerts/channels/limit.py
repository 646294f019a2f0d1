"""A limit of time for a whole exchange: of a server that sends a byte now and then, each wait is short."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Any


class TimeLimit:
    """Cuts the connections made through it once the time is over.

    Args:
        seconds: from the beginning of the context on.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.is_over = False
        self._lock = threading.Lock()
        self._held: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def connect(self, *arguments: Any, **named: Any) -> socket.socket:
        """Connect as ``socket.create_connection`` does.

        Raises:
            TimeoutError: the time is over.
        """
        made = socket.create_connection(*arguments, **named)
        with self._lock:
            if not self.is_over:
                # What wraps a socket in TLS takes its number away from it; this one stays.
                self._held.append(made.dup())
                return made
        made.close()
        raise TimeoutError

    def __enter__(self) -> TimeLimit:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for each in self._held:
                each.close()
            self._held.clear()

    def _cut(self) -> None:
        with self._lock:
            self.is_over = True
            for each in self._held:
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue
