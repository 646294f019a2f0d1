"""A kernel's session whose messages go to a pipe and not to sockets, and what stands for the sockets."""

from __future__ import annotations

import base64
import os
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from ipykernel.iostream import BackgroundSocket, IOPubThread
from jupyter_client.jsonutil import json_default
from jupyter_client.session import Session

from workbench.execution.kernels.fork.frames import FrameWriter, unread

_COMMS = ("comm_open", "comm_msg", "comm_close")
_SHOWN = (
    "stream", "display_data", "update_display_data", "execute_result", "error", "clear_output", *_COMMS
)  # fmt: skip
# A supervisor that doesn't read for that long, in seconds, isn't waited for.
_PATIENCE = 0.1


class PipeSession(Session):
    """Sends a kernel's messages as frames once it is attached; until then they go to ``recorder``.

    In a process that a notebook forks they are lost. What a cell replied is in ``reply``.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(key=b"", **options)
        self.writer: FrameWriter | None = None
        self.reply: dict[str, Any] = {}
        self.recorder: Callable[[dict[str, Any], list[Any]], None] | None = None
        self._pipes = Pipes(())
        self._printed: list[tuple[Any, str]] = []
        self._size = 0
        self._lock = threading.RLock()
        os.register_at_fork(after_in_child=self._forget)

    def attach(self, events: int, pipes: Sequence[int]) -> None:
        """Send to ``events`` from now on; ``pipes`` take what is written past Python."""
        self.writer = FrameWriter(events, json_default)
        self._pipes = Pipes(pipes)
        self.pid = os.getpid()
        self.session = uuid.uuid4().hex

    @property
    def attached(self) -> bool:
        """True if messages arrive; not so in a process that the attached one forked."""
        return self.writer is not None and self.writer.pid == os.getpid()

    def send(
        self,
        stream: Any,
        msg_or_type: Any,
        content: Any = None,
        parent: Any = None,
        ident: Any = None,
        buffers: Any = None,
        track: bool = False,
        header: Any = None,
        metadata: Any = None,
    ) -> dict[str, Any] | None:
        """Send a message, wherever it is meant to go: there is but one supervisor."""
        if isinstance(msg_or_type, dict):
            message = msg_or_type
            buffers = buffers or message.get("buffers")
        else:
            message = self.msg(msg_or_type, content, parent, header, metadata)
        kind = message["header"]["msg_type"]
        if kind == "execute_reply":
            self.reply = message["content"]
        elif kind in _SHOWN:
            if self.writer is None and self.recorder is not None:
                self.recorder(message, list(buffers or ()))
            elif kind in _COMMS or message["parent_header"].get("msg_type") == "execute_request":
                # A client leaves what no cell asked for.
                encoded = [base64.b64encode(bytes(buffer)).decode() for buffer in buffers or ()]
                extra = {"buffers": encoded} if encoded else {}
                self.emit(kind, {**message["content"], **extra})
        return message

    def emit(self, event: str, content: dict[str, Any]) -> None:
        """Send an event, after all that was printed before it."""
        if self.attached:
            with self._lock:
                self.flush()
                self._write({"event": event, **content})

    def print(self, stream: Any, text: str, most: int) -> None:
        """Take what a stream was given; it leaves with the line it ends, or when there is more than ``most``."""
        with self._lock:
            self._printed.append((stream, text))
            self._size += len(text)
            if "\n" in text or self._size > most:
                self.flush()

    def flush(self) -> None:
        """Send what was printed, in the order in which it was."""
        with self._lock:
            printed, self._printed, self._size = self._printed, [], 0
            texts: list[str] = []
            for place, (stream, text) in enumerate(printed):
                texts.append(text)
                if place + 1 == len(printed) or printed[place + 1][0] is not stream:
                    if (whole := "".join(texts)) and stream.shows(whole):
                        self._write({"event": "stream", "name": stream.name, "text": whole})
                    texts = []

    def _write(self, message: dict[str, Any]) -> None:
        self._pipes.wait_empty()
        if self.writer is not None:
            self.writer.write(message)

    def _forget(self) -> None:
        """Have nothing of what a parent held, in a process just forked."""
        self._lock = threading.RLock()
        self._printed, self._size = [], 0


class Pipes:
    """Pipes whose content has to be read before an event is sent, or its place among the events is lost."""

    def __init__(self, descriptors: Sequence[int]) -> None:
        # A notebook may put something else in the place of its standard streams.
        self._descriptors = [os.dup(descriptor) for descriptor in descriptors]
        for descriptor in self._descriptors:
            os.set_inheritable(descriptor, False)
        self._hurry_until = 0.0

    def wait_empty(self) -> None:
        """Wait until the supervisor has read what they hold; not if it lately took too long."""
        if not any(map(unread, self._descriptors)):
            return
        started = time.monotonic()
        if started < self._hurry_until:
            return
        while any(map(unread, self._descriptors)):
            now = time.monotonic()
            if now - started > _PATIENCE:
                # Something writes without end, a process in the background for instance.
                self._hurry_until = now + 10 * _PATIENCE
                return
            time.sleep(0.0001)


class PipeThread(IOPubThread):
    """Stands for the thread that sends a kernel's messages: what is scheduled is done at once."""

    # Known once there is an event loop.
    io_loop: Any = None

    def __init__(self, session: PipeSession) -> None:
        # All that its base makes there is sockets.
        self.session = session
        self.socket: Any = _PipeSocket(session)
        self.background_socket = BackgroundSocket(self)
        self.thread = threading.Thread(name="IOPub")
        self._pipe_flag = self._stopped = False

    def start(self) -> None:
        """Do nothing: there is nothing to be done elsewhere."""

    def schedule(self, f: Callable[[], Any]) -> None:
        """Call it."""
        f()


class _PipeSocket:
    """Takes messages as they are on the wire, from those who serialize them themselves."""

    closed = False

    def __init__(self, session: PipeSession) -> None:
        self._session = session

    def send_multipart(self, msg_parts: Sequence[Any], *args: Any, **kwargs: Any) -> None:
        _, frames = self._session.feed_identities([bytes(part) for part in msg_parts])
        message = self._session.deserialize(frames)
        self._session.send(self, message, buffers=message["buffers"])

    def close(self, linger: int | None = None) -> None:
        """Do nothing: the session goes on."""
