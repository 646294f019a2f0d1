"""JSON messages on a byte stream, each led by its length in four bytes."""

from __future__ import annotations

import fcntl
import json
import os
import struct
import termios
import threading
from collections.abc import Callable
from typing import Any

_LENGTH = struct.Struct(">I")
_CHUNK = 1 << 18


class FrameWriter:
    """Writes messages to a file descriptor, whole ones, from any thread of the process that made it.

    ``default`` turns what JSON doesn't know into what it does.
    """

    def __init__(self, descriptor: int, default: Callable[[Any], Any] | None = None) -> None:
        self._descriptor, self._default = descriptor, default
        self._lock = threading.Lock()
        self.pid = os.getpid()

    def write(self, message: dict[str, Any]) -> None:
        """Write one message.

        Raises:
            OSError: the reader is gone.
            TypeError: it holds what can't be turned into JSON.
        """
        body = json.dumps(message, separators=(",", ":"), default=self._default).encode(
            "utf-8", "surrogatepass"
        )
        data = memoryview(_LENGTH.pack(len(body)) + body)
        with self._lock:
            while data:
                data = data[os.write(self._descriptor, data) :]


class FrameReader:
    """Takes bytes as they come and gives the messages they complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Return the messages that are complete now."""
        self._buffer += data
        found = []
        start = 0
        while len(self._buffer) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer, start)
            end = start + _LENGTH.size + length
            if len(self._buffer) < end:
                break
            found.append(_decoded(self._buffer[start + _LENGTH.size : end]))
            start = end
        del self._buffer[:start]
        return found


def _decoded(body: bytearray) -> dict[str, Any]:
    """Return a message; in place of one that this process can't hold, words that say so."""
    try:
        message: dict[str, Any] = json.loads(body.decode("utf-8", "surrogatepass"))
    except (RecursionError, ValueError) as error:
        return {"event": "stream", "name": "stderr", "text": f"… an output that can't be kept: {error} …\n"}
    return message


def unread(pipe: int) -> int:
    """Return how many bytes a pipe holds."""
    held: int = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0\0\0\0"))[0]
    return held


def read_available(descriptor: int, size: int = _CHUNK) -> bytes | None:
    """Return what a non-blocking descriptor holds now, at most ``size`` bytes, or None at its end."""
    try:
        return os.read(descriptor, size) or None
    except BlockingIOError:
        return b""
    except OSError:
        return None
