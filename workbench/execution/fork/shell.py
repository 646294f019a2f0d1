"""The shell in which forked notebooks run: ipykernel's own, whose messages go to a pipe and not to sockets."""

from __future__ import annotations

import builtins
import getpass
import io
import os
import sys
from types import SimpleNamespace
from typing import Any

import comm
import comm.base_comm
from ipykernel.compiler import XCachingCompiler
from ipykernel.jsonutil import json_clean
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.error import StdinNotImplementedError
from jupyter_client.session import Session
from traitlets.config import Config

from workbench.execution.fork.frames import FrameWriter

_LONGEST = 1 << 16


class PipeSession(Session):
    """Sends a kernel's messages as frames once it has a writer; until then they are lost."""

    writer: FrameWriter | None = None

    def msg(self, msg_type: str, content: Any = None, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return a message, without the headers that only sockets need."""
        return {"msg_type": msg_type, "header": {"msg_type": msg_type}, "content": content or {}}

    def send(self, stream: Any, msg_or_type: Any, content: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Send a message."""
        message = msg_or_type if isinstance(msg_or_type, dict) else self.msg(msg_or_type, content)
        self.emit(message["msg_type"], message["content"])
        return message

    def emit(self, event: str, content: dict[str, Any]) -> None:
        """Send an event, unless this is a process that a notebook forked itself."""
        if self.writer is not None and self.writer.pid == os.getpid():
            self.writer.write({"event": event, **content})


class Stream(io.TextIOBase):
    """``sys.stdout`` or ``sys.stderr`` of a notebook: text leaves line by line.

    In a process that a notebook forks, and before a notebook runs, it goes to the file descriptor.
    """

    encoding = "utf-8"
    errors = "strict"

    def __init__(self, session: PipeSession, name: str, descriptor: int) -> None:
        self._session, self.name, self._descriptor = session, name, descriptor
        self._held: list[str] = []
        self._size = 0

    def fileno(self) -> int:
        """Return the descriptor behind it, for subprocesses."""
        return self._descriptor

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return False."""
        return False

    def write(self, text: str) -> int:
        """Take text; whole lines leave at once."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._held.append(text)
        self._size += len(text)
        if "\n" in text or self._size > _LONGEST:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Send what is held back."""
        if not self._held:
            return
        text = "".join(self._held)
        self._held.clear()
        self._size = 0
        writer = self._session.writer
        if writer is not None and writer.pid == os.getpid():
            self._session.emit("stream", {"name": self.name, "text": text})
        else:
            os.write(self._descriptor, text.encode(self.encoding, "backslashreplace"))


class _Comm(comm.base_comm.BaseComm):
    """What widgets talk through."""

    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
    ) -> None:
        shell: Any = ZMQInteractiveShell.instance()
        shell.display_pub.session.emit(
            msg_type, json_clean({"data": data or {}, "comm_id": self.comm_id, **keys})
        )


def make_shell() -> Any:
    """Return this process's shell, and make its streams the standard ones.

    It is ipykernel's class itself: libraries tell a notebook by the class's name.
    """
    session = PipeSession(key=b"")
    sys.stdout = Stream(session, "stdout", 1)
    sys.stderr = Stream(session, "stderr", 2)
    config = Config()
    # Its writer is a thread, and a notebook that runs once needs no history.
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    shell: Any = ZMQInteractiveShell.instance(
        config=config,
        user_ns={},
        compiler_class=XCachingCompiler,
        kernel=SimpleNamespace(eventloop=None, session=session, iopub_socket=None, get_parent=dict),
    )
    shell.displayhook.session = session
    shell.displayhook.topic = b"execute_result"
    shell.display_pub.session = session
    comm.create_comm = _Comm
    _refuse_input()
    return shell


def _refuse_input() -> None:
    def refuse(name: str) -> Any:
        def ask(*args: Any, **kwargs: Any) -> str:
            raise StdinNotImplementedError(
                f"{name} was called, but this frontend does not support input requests."
            )

        return ask

    builtins.input = refuse("raw_input")
    getpass.getpass = refuse("getpass")
