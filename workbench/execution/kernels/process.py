"""What a process that runs a notebook's cells can do, however it came to be."""

from __future__ import annotations

from typing import Any, Protocol

from workbench.secrets.redact import Redactor


class Process(Protocol):
    """What runs a notebook's cells: a forked process, or a kernel started afresh."""

    pid: int

    def language_info(self) -> dict[str, Any]:
        """Return what a notebook's metadata say of its language."""

    def start_cell(self, source: str) -> None:
        """Ask for a cell to be run."""

    def send_comm(self, comm_id: str, data: dict[str, Any]) -> None:
        """Send a message to a widget, to be taken before the next cell."""

    def next_event(self, timeout: float) -> dict[str, Any] | None:
        """Return what happened next, or None after ``timeout`` seconds or :meth:`wake`."""

    def wake(self) -> None:
        """Have :meth:`next_event` return."""

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the cell."""

    def kill(self) -> None:
        """End the process at once."""

    def finish(self) -> None:
        """Let the process end; ``exit`` is its last event."""

    def close(self) -> None:
        """Give back what the process held here."""

    def last_words(self) -> str:
        """Return what the process said elsewhere before it died."""

    def redact(self, redactor: Redactor) -> None:
        """Blot out secrets in what it said elsewhere."""
