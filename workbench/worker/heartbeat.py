"""Keep messages while work on them goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from types import TracebackType

from workbench.errors import WorkbenchError
from workbench.queue.base import Message, Queue, ReceiptLost


class Heartbeat:
    """Extends the visibility of messages, in a thread of its own, three times in each ``visibility`` seconds."""

    def __init__(
        self, queue: Queue, messages: Iterable[Message], visibility: int, log: Callable[[str], None]
    ) -> None:
        self._queue, self._visibility, self._log = queue, visibility, log
        self._messages = {message.message_id: message for message in messages}
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def let_go(self, message: Message) -> None:
        """Keep a message no longer: it is finished, or given back."""
        with self._lock:
            self._messages.pop(message.message_id, None)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(self._visibility / 3):
            with self._lock:
                kept = list(self._messages.values())
            for message in kept:
                with self._lock:
                    if message.message_id not in self._messages:
                        continue
                    try:
                        self._queue.extend(message, self._visibility)
                    except ReceiptLost as lost:
                        del self._messages[message.message_id]
                        self._log(f"{lost}: somebody else may work on it too, which does no harm")
                    except WorkbenchError as problem:
                        self._log(f"can't keep message {message.message_id} for now: {problem}")
