"""A forked process as its supervisor sees it: a source of events that can be interrupted and killed."""

from __future__ import annotations

import codecs
import contextlib
import os
import selectors
import signal
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from workbench.execution.kernels.fork.frames import FrameReader, FrameWriter, read_available, unread
from workbench.execution.kernels.fork.linux import kill_group
from workbench.execution.notebook.language import python_info
from workbench.secrets.redact import Redactor


class Child(Protocol):
    """What a zygote has forked, as far as its supervisor's end of the socket knows it."""

    number: int
    pid: int
    ending: dict[str, Any] | None
    refused: bool
    theirs: list[int]

    def take(self, message: dict[str, Any]) -> None:
        """Note what the zygote said of it."""

    def wait_known(self) -> None:
        """Wait until it was forked, or refused, or its zygote is gone."""

    def close(self) -> None:
        """Give back what it holds here."""

    def abandon(self) -> None:
        """Let go of it, in a process that was forked from its supervisor's."""


class ForkedProcess:
    """A process that runs a notebook's cells. Its events are taken from one thread."""

    def __init__(self, number: int, forget: Callable[[Child], None]) -> None:
        self.number, self._forget = number, forget
        self.pid = 0
        self.ending: dict[str, Any] | None = None
        self.refused = False
        self._known = threading.Event()
        self._queue: deque[dict[str, Any]] = deque()
        self._frames = FrameReader()
        commands, self._commands = os.pipe()
        self._events, events = os.pipe()
        self._streams: dict[int, tuple[str, Any]] = {}
        theirs = [commands, events]
        for name in ("stdout", "stderr"):
            ours, other = os.pipe()
            self._streams[ours] = (name, codecs.getincrementaldecoder("utf-8")("replace"))
            theirs.append(other)
        self.theirs = theirs
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._ready = selectors.DefaultSelector()
        for descriptor in (self._events, *self._streams, self._wake):
            os.set_blocking(descriptor, False)
            self._ready.register(descriptor, selectors.EVENT_READ)
        self._writer = FrameWriter(self._commands)

    def language_info(self) -> dict[str, Any]:
        """Return what a notebook's metadata say of its language: this very Python."""
        return python_info()

    def start_cell(self, source: str) -> None:
        """Ask for a cell to be run; ``done`` is the event that ends it."""
        self._command({"command": "cell", "source": source})

    def send_comm(self, comm_id: str, data: dict[str, Any]) -> None:
        """Send a message to a widget; it is taken before the next cell."""
        self._command({"command": "comm", "content": {"comm_id": comm_id, "data": data}})

    def next_event(self, timeout: float) -> dict[str, Any] | None:
        """Return what happened next, or None if nothing did in ``timeout`` seconds, or somebody woke us.

        The last event is ``exit``.
        """
        if self._queue:
            return self._queue.popleft()
        ready = {key.fd for key, _ in self._ready.select(timeout)}
        if self._wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake)
        if ready - {self._wake}:
            self._take(ready)
        if not self._queue and self.ending is not None:
            self._take(ready)
            self._queue.append({"event": "exit", **self.ending})
        return self._queue.popleft() if self._queue else None

    def _take(self, ready: set[int]) -> None:
        """Take what the pipes hold, in the order in which it was written; those at their end are ``ready``.

        A process sends no event while what it wrote past Python is unread. So what is unread now is older
        than any event to come, and younger than those that are there.
        """
        written = {descriptor: unread(descriptor) for descriptor in self._streams}
        self._take_events()
        for descriptor, size in written.items():
            if size or descriptor in ready:
                self._take_stream(descriptor, size)

    def _take_events(self) -> None:
        while data := read_available(self._events):
            self._queue.extend(self._frames.feed(data))
        if data is None:
            self._unregister(self._events)

    def _take_stream(self, descriptor: int, size: int) -> None:
        name, decoder = self._streams[descriptor]
        # That nothing can be read from it is how its end is known.
        data = read_available(descriptor, max(size, 1))
        if data and (text := decoder.decode(data)):
            self._queue.append({"event": "stream", "name": name, "text": text})
        elif data is None:
            self._unregister(descriptor)

    def _unregister(self, descriptor: int) -> None:
        with contextlib.suppress(KeyError):
            self._ready.unregister(descriptor)

    def wake(self) -> None:
        """Have :meth:`next_event` return now; from any thread."""
        with contextlib.suppress(OSError):
            os.eventfd_write(self._wake, 1)

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in its cell."""
        if self.pid and self.ending is None:
            with contextlib.suppress(OSError):
                os.kill(self.pid, signal.SIGINT)

    def kill(self) -> None:
        """End it at once, and the group it leads."""
        if self.pid and self.ending is None:
            kill_group(self.pid)

    def finish(self) -> None:
        """Tell it that no further cell comes."""
        self._command({"command": "end"})

    def close(self) -> None:
        """Give the pipes back; the process must have ended."""
        self._forget(self)
        self._ready.close()
        for descriptor in (self._commands, self._events, *self._streams, self._wake):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def abandon(self) -> None:
        """Let go of it, in a process that was forked from its supervisor's."""
        self.ending = {"status": None}
        self._known.set()
        for descriptor in (self._commands, self._events, *self._streams, self._wake):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def last_words(self) -> str:
        """Return nothing: what it wrote, wherever to, is in its events."""
        return ""

    def redact(self, redactor: Redactor) -> None:
        """Do nothing, as it wrote nowhere else."""

    def _command(self, message: dict[str, Any]) -> None:
        # If it is gone, its exit is the next event.
        with contextlib.suppress(OSError):
            self._writer.write(message)

    def take(self, message: dict[str, Any]) -> None:
        """Note what the zygote said of it."""
        if message["op"] == "forked":
            self.pid = message["pid"]
        elif message["op"] == "exit":
            self.ending = {key: value for key, value in message.items() if key not in ("op", "id")}
        else:
            self.refused = True
        self._known.set()
        self.wake()

    def wait_known(self) -> None:
        """Wait until it was forked, or refused, or its zygote is gone."""
        self._known.wait()
