"""Messages of the queue as events of an asset: none is deleted before Airflow's database has it.

Airflow's shared streams carry them (``airflow.triggers.shared_stream``): one poller a queue, and a message is finished
only once every event made of it is stored. A triggerer that is killed before leaves the message to come again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Hashable, Sequence
from typing import Any

import structlog
from airflow.triggers.base import BaseEventTrigger, TriggerEvent
from airflow.triggers.shared_stream import AdvanceItem, SharedStreamProducer

from workbench.aws.metrics import QueueFigures
from workbench.errors import WorkbenchError, WorkFailed
from workbench.queue.base import Message, Queue
from workbench.queue.connect import connect_queue
from workbench.queue.messages import Files, Nothing, NotUnderstood, understand
from workbench.settings import get_settings

log = structlog.get_logger(__name__)
_WAIT, _PAUSE, _BATCH, _MOST = 5, 5.0, 10, 500


class QueueMessages(BaseEventTrigger):
    """Fires for each message of a queue: which files it names, or which run it asks for.

    Args:
        queue_url: the queue; the one of the settings if empty.
        visibility: seconds for which a message that was received stays away from others; it is kept for longer while
            Airflow stores it.
    """

    def __init__(self, queue_url: str = "", visibility: int = 60, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.queue_url, self.visibility = queue_url, visibility

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what makes it anew elsewhere."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {"queue_url": self.queue_url, "visibility": self.visibility},
        )

    def shared_stream_key(self) -> Hashable:
        """Return what triggers of one queue have in common: they share its poller."""
        return ("workbench.queue", self.queue_url)

    @classmethod
    def create_shared_stream_producer(cls, kwargs: dict[str, Any]) -> SharedStreamProducer:
        """Return the poller of a queue."""
        return QueueProducer(**kwargs)

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        """Yield an event for each message."""
        async for content in shared_stream:
            yield TriggerEvent(content)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Never called: the triggerer drives the shared stream."""
        raise NotImplementedError("messages come through a shared stream")
        yield


class QueueProducer(SharedStreamProducer):
    """The poller of one queue; arguments are those of :class:`QueueMessages`."""

    def __init__(self, queue_url: str = "", visibility: int = 60) -> None:
        self._url, self._visibility = queue_url, visibility
        self._queue: Queue | None = None
        self._figures: QueueFigures | None = None
        self._held: dict[str, Message] = {}
        self._beat: asyncio.Task[None] | None = None

    async def open_stream(self) -> AsyncIterator[tuple[Any, Any]]:
        """Yield what each message says, with the message; one that says nothing we know goes to the dead letters."""
        self._beat = asyncio.create_task(self._keep())
        while True:
            try:
                messages = await asyncio.to_thread(self._receive)
            except WorkFailed as problem:
                log.warning("can't receive for now", reason=str(problem))
                await asyncio.sleep(_PAUSE)
                continue
            self._held |= {message.message_id: message for message in messages}
            for message in messages:
                content = await asyncio.to_thread(self._understood, message)
                if content is None:
                    self._held.pop(message.message_id, None)
                else:
                    yield content, message

    async def advance(self, batch: Sequence[AdvanceItem]) -> None:
        """Finish the messages whose events are stored, and give the others back."""
        for item in batch:
            message: Message = item.broker_payload
            self._held.pop(message.message_id, None)
            # One that can't be deleted now comes again, and is known then.
            await self._call("delete" if item.outcome.is_clean else "release", message)

    async def aclose(self) -> None:
        """Let go of the messages that are held: they come again at once."""
        if self._beat is not None:
            self._beat.cancel()
        for message in list(self._held.values()):
            await self._call("release", message)
        self._held.clear()

    async def _keep(self) -> None:
        """Keep messages while their events aren't stored yet."""
        while True:
            await asyncio.sleep(self._visibility / 3)
            for message in list(self._held.values()):
                await self._call("extend", message, self._visibility)

    async def _call(self, what: str, message: Message, *arguments: Any) -> None:
        """Do something with a message; if that fails it comes again by itself."""
        with contextlib.suppress(WorkbenchError):
            await asyncio.to_thread(getattr(self._queue, what), message, *arguments)

    def _receive(self) -> list[Message]:
        """Return messages once there are some, or after a while none; wait while many are held."""
        if self._queue is None:
            self._queue = connect_queue(self._url or None)
            if get_settings().profile == "aws":
                self._figures = QueueFigures(self._queue)
            log.info("taking messages", queue=self._queue.url)
        maximum = min(_BATCH, _MOST - len(self._held))
        found: list[Message] = []
        if maximum > 0:
            found = self._queue.receive(maximum, wait=_WAIT, visibility=self._visibility)
        else:
            time.sleep(1)
        if self._figures:
            self._figures.saw(found)
        return found

    def _understood(self, message: Message) -> dict[str, Any] | None:
        """Return what a message says; None for one that is finished with that, or comes again by itself."""
        assert self._queue is not None  # noqa: S101  it was received from there
        try:
            content = understand(message.body)
        except NotUnderstood as refused:
            log.warning("message given up", message_id=message.message_id, reason=str(refused))
            with contextlib.suppress(WorkbenchError):
                self._queue.dead_letter(message, str(refused))
            return None
        if isinstance(content, Nothing):
            log.info("nothing to do", message_id=message.message_id, reason=content.reason)
            with contextlib.suppress(WorkbenchError):
                self._queue.delete(message)
            return None
        if isinstance(content, Files):
            return {"message_id": message.message_id, "files": list(content.files)}
        return {"message_id": message.message_id, **content.model_dump(mode="json")}
