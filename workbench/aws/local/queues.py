"""Queues whose calls don't get into each other's way.

moto 5.2.5 chooses and takes messages without its lock, so that two who receive at once may get the same one, and a
message that is sent while another is deleted may be lost.
"""

from __future__ import annotations

import time
from typing import Any


def install() -> None:
    """Replace what moto doesn't do; a second time, nothing."""
    from moto.sqs.models import Queue, SQSBackend

    if getattr(SQSBackend.receive_message, "one_at_a_time", False):
        return
    receive, extend, purge = (
        SQSBackend.receive_message,
        SQSBackend.change_message_visibility,
        SQSBackend.purge_queue,
    )
    delete = Queue.delete_message

    def receive_message(
        self: Any, queue_name: str, count: int, wait_seconds_timeout: int, *rest: Any, **named: Any
    ) -> Any:
        queue = self.get_queue(queue_name)
        until = time.monotonic() + wait_seconds_timeout
        while True:
            # A condition is left while one waits for it, so the wait is here.
            with queue._messages_lock:
                if found := receive(self, queue_name, count, 0, *rest, **named):
                    return found
                left = until - time.monotonic()
                if left <= 0:
                    return found
                queue.wait_for_messages(min(1, left))

    def change_message_visibility(
        self: Any, queue_name: str, receipt_handle: str, visibility_timeout: int
    ) -> Any:
        with self.get_queue(queue_name)._messages_lock:
            return extend(self, queue_name, receipt_handle, visibility_timeout)

    def purge_queue(self: Any, queue_name: str) -> Any:
        with self.get_queue(queue_name)._messages_lock:
            return purge(self, queue_name)

    def delete_message(self: Any, receipt_handle: str) -> Any:
        with self._messages_lock:
            return delete(self, receipt_handle)

    receive_message.one_at_a_time = True  # type: ignore[attr-defined]
    SQSBackend.receive_message = receive_message
    SQSBackend.change_message_visibility = change_message_visibility
    SQSBackend.purge_queue = purge_queue
    Queue.delete_message = delete_message
