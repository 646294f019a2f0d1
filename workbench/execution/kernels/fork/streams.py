"""The standard streams of a forked notebook."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ipykernel import iostream

from workbench.execution.kernels.fork.session import PipeSession, PipeThread

_LONGEST = 1 << 16


class OutStream(iostream.OutStream):
    """``sys.stdout`` or ``sys.stderr`` of a notebook: text leaves line by line.

    In a process that a notebook forks it goes to the file descriptor; before a notebook runs, to ``recorder``.
    """

    recorder: Callable[[str, str], None] | None = None
    pub_thread: Any

    def __init__(self, session: PipeSession, thread: PipeThread, name: str, descriptor: int) -> None:
        super().__init__(session, thread, name, watchfd=False)
        self._descriptor = descriptor

    def fileno(self) -> int:
        """Return the descriptor behind it, for subprocesses."""
        return self._descriptor

    def write(self, string: str) -> int:
        """Take text; whole lines leave at once."""
        if not isinstance(string, str):
            raise TypeError(f"write() argument must be str, not {type(string)}")
        if self.pub_thread is None:
            raise ValueError("I/O operation on closed file")
        session: Any = self.session
        if session.attached:
            session.print(self, string, _LONGEST)
        elif session.writer is None and self.recorder is not None:
            self.recorder(self.name, string)
        else:
            os.write(self._descriptor, string.encode(self.encoding, "backslashreplace"))
        return len(string)

    def flush(self) -> None:
        """Send what is held back."""
        session: Any = self.session
        if session.attached:
            session.flush()

    def _flush(self) -> None:
        self.flush()

    def shows(self, text: str) -> bool:
        """Return whether a text it was given is to be sent; a hook may take it, as ipykernel has it."""
        # What is printed in answer to a message, and not by a cell, is left by a client.
        if self.parent_header.get("msg_type") == "comm_msg":
            return False
        if self._hooks:
            message = self.session.msg("stream", {"name": self.name, "text": text}, parent=self.parent_header)
            for hook in self._hooks:
                if (message := hook(message)) is None:
                    return False
        return True


# Libraries tell a notebook's streams by the module of their class.
OutStream.__module__ = iostream.OutStream.__module__
