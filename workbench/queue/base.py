"""What every queue can do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from workbench.errors import WorkFailed

MAX_RECEIVES = 5
UNFINISHED = "received {count} times and never finished"


class ReceiptLost(WorkFailed):
    """The message is no longer ours: its time ran out, or somebody finished it."""


@dataclass(frozen=True)
class Message:
    """A message that was received; it is ours until its visibility time runs out.

    ``receipt`` stands for this one reception, ``receive_count`` counts them from 1. ``abandoned`` is whether, for
    all the queue knows, two receivers or more took it and the last ended without a word: it may have been the reason.
    """

    message_id: str
    body: str
    receipt: str
    receive_count: int
    sent_at: datetime
    abandoned: bool = False


@dataclass(frozen=True)
class DeadMessage:
    """A message that was given up, and why."""

    message_id: str
    body: str
    reason: str
    receive_count: int | None
    sent_at: datetime
    died_at: datetime | None


@dataclass(frozen=True)
class Counts:
    """How many messages wait, are being worked on or put off, and were given up. SQS's are approximate."""

    ready: int
    in_flight: int
    dead: int

    @property
    def open(self) -> int:
        """Messages that aren't finished yet."""
        return self.ready + self.in_flight


class Queue(Protocol):
    """At-least-once delivery: a message received stays away from others for a time, then comes again.

    Methods may be called from any thread. ``max_receives`` is how often a message is delivered before it goes
    to the dead letters. A queue that can't be reached raises :class:`~workbench.errors.WorkFailed`.
    """

    url: str
    max_receives: int

    def send(self, *bodies: str, delay: int = 0) -> list[str]:
        """Append messages, to be seen after ``delay`` seconds; return their ids, in order."""

    def receive(self, maximum: int = 10, *, wait: float = 0, visibility: int = 60) -> list[Message]:
        """Return up to ``maximum`` messages, each ours for ``visibility`` seconds.

        Waits up to ``wait`` seconds for the first one, and for no other.
        """

    def extend(self, message: Message, seconds: int) -> None:
        """Keep a message for so many seconds from now.

        Raises:
            ReceiptLost: it isn't ours any longer.
        """

    def release(self, message: Message, after: int = 0) -> None:
        """Give a message back, to be delivered again after so many seconds; nothing if it isn't ours."""

    def delete(self, message: Message) -> None:
        """Finish a message; nothing if it isn't ours."""

    def dead_letter(self, message: Message, reason: str) -> None:
        """Give a message up, now; nothing if it isn't ours."""

    def dead(self, limit: int = 100) -> list[DeadMessage]:
        """Return messages that were given up, the oldest first."""

    def replay(self, ids: Iterable[str] | None = None) -> Sequence[str]:
        """Put given-up messages, all by default, back into the queue as new; return the ids they had."""

    def counts(self) -> Counts:
        """Count the messages."""
