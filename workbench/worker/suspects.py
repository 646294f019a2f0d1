"""Messages whose receivers ended without a word: each is tried by itself, so that one that ends workers takes no other along."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.queue.base import Message, Queue


class Suspects:
    """Decides which messages are worked on together.

    The embedded queue delivers such a message alone. SQS can't: there all but one are given back, and while the next
    one is of the kind, messages are taken one at a time, so that each trial costs no other a delivery.

    Attributes:
        put_off: ids of messages that this worker itself put off, or gave back: they ended nobody.
    """

    def __init__(self, queue: Queue, batch: int) -> None:
        self._queue, self._batch = queue, batch
        self._is_careful = False
        self.put_off: set[str] = set()

    @property
    def most(self) -> int:
        """How many messages to take next, at most."""
        return 1 if self._is_careful else self._batch

    def groups(self, messages: Sequence[Message]) -> list[list[Message]]:
        """Return the messages to work on now, those of a group together; the others are given back."""
        suspects = [each for each in messages if each.abandoned and each.message_id not in self.put_off]
        self._is_careful = bool(suspects)
        ids = {each.message_id for each in suspects}
        together = [each for each in messages if each.message_id not in ids]
        alone = suspects[:1]
        for each in suspects[1:]:
            if each.receive_count >= self._queue.max_receives:
                alone.append(each)
            else:
                self._queue.release(each)
        return [group for group in (together, *([each] for each in alone)) if group]
