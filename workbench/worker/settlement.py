"""Messages that were received, each acknowledged, put off, released or made a dead letter, once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable

from workbench.queue.base import Message, Queue
from workbench.worker.heartbeat import Heartbeat

_LONGEST_BACKOFF = 900


class MessageSettlement:
    """Settles each message once: ack, nack, release or dead letter; counts it and logs it.

    Args:
        queue: where they came from.
        heartbeat: keeps them until then.
        tally: gets the counts.
        retry: seconds before the first further attempt, doubled each time up to 15 minutes.
        log: takes a line for each thing that happens.
        put_off: has the ids of the messages that this worker put off or gave back, until they are finished.
    """

    def __init__(
        self,
        queue: Queue,
        heartbeat: Heartbeat,
        tally: Counter[str],
        retry: float,
        log: Callable[[str], None],
        put_off: set[str],
    ) -> None:
        self._queue, self._heartbeat, self._tally = queue, heartbeat, tally
        self._retry, self._log, self._put_off = retry, log, put_off
        self._settled: set[str] = set()

    def unsettled(self, messages: Iterable[Message]) -> list[Message]:
        """Return those of some messages of which nothing has become yet."""
        return [message for message in messages if message.message_id not in self._settled]

    def ack(self, message: Message, outcome: str, text: str) -> None:
        """Finish a message, with an outcome to count."""
        self._close(message, outcome)
        self._queue.delete(message)
        self._log(text)

    def dead_letter(self, message: Message, reason: str) -> None:
        """Let a message go to the dead letters."""
        self._close(message, "given_up")
        self._queue.dead_letter(message, reason)
        self._log(f"message {message.message_id} given up: {reason}")

    def nack(self, message: Message, reason: str) -> None:
        """Let a message come again later, or give it up if this was its last delivery."""
        if message.receive_count >= self._queue.max_receives:
            self.dead_letter(message, reason)
            return
        seconds = min(_LONGEST_BACKOFF, self._retry * 2 ** (message.receive_count - 1))
        # Messages that failed together shouldn't all come back together.
        after = round(seconds * random.uniform(0.8, 1.2))  # noqa: S311
        self._close(message, "put_off")
        self._queue.release(message, after)
        self._log(f"message {message.message_id} put off for {after} s: {reason}")

    def release(self, messages: Iterable[Message]) -> None:
        """Let messages come again at once."""
        for message in self.unsettled(messages):
            self._close(message, "given_back")
            self._queue.release(message)

    def _close(self, message: Message, outcome: str) -> None:
        self._heartbeat.let_go(message)
        self._settled.add(message.message_id)
        self._tally[outcome] += 1
        if outcome in ("put_off", "given_back"):
            self._put_off.add(message.message_id)
        else:
            self._put_off.discard(message.message_id)
