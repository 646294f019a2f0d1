"""One connection to PostgreSQL, of a client's session or of the front itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from redshift_local.errors import SqlError
from redshift_local.protocol import wire
from redshift_local.protocol.error_translation import as_error
from redshift_local.protocol.wire import Field, Message

_BUFFER = 1 << 20
# Messages of PostgreSQL's that are held while nobody takes them: it waits from then on.
_HELD = 256


class Backend:
    """Sends messages to PostgreSQL and reads its answers; the statements of `rows` and the like are whole cycles."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._incoming = wire.Incoming(reader)
        self._writer = writer
        self._held: list[bytes] = []
        self._inbox: asyncio.Queue[Message | None] | None = None
        self.status = b"I"

    @classmethod
    async def connect(cls, socket: Path) -> Backend:
        """Open the socket; nothing is sent."""
        return cls(*await asyncio.open_unix_connection(socket, limit=_BUFFER))

    async def write(self, data: bytes) -> None:
        """Send bytes, waiting while the other side is behind."""
        self._writer.write(data)
        await self._writer.drain()

    def hold(self, message: Message) -> None:
        """Keep a message back until the next `send`: to send many at once takes a fraction of the time."""
        self._held.append(message.encode())

    async def send(self, *messages: Message) -> None:
        """Send messages, after those that were held."""
        data = b"".join([*self._held, *(message.encode() for message in messages)])
        self._held.clear()
        if data:
            await self.write(data)

    @property
    def has_more(self) -> bool:
        """Whether another message has come in already."""
        return self._incoming.has()

    async def receive(self) -> Message:
        """Read the next message from the socket, and note the state of the transaction."""
        message = await self._incoming.next()
        if message.kind == b"Z":
            self.status = message.body
        return message

    def divert(self, *, stop: bool = False) -> None:
        """From now on let the statements of `rows` and the like have their answers from whoever calls `take`."""
        self._inbox = None if stop else asyncio.Queue(_HELD)

    async def take(self, message: Message) -> bool:
        """Give a message that was received to the statement that waits for it; return False if none does."""
        if self._inbox is None or message.kind in b"NS":
            return False
        await self._inbox.put(message)
        return True

    async def lost(self) -> None:
        """Tell the statement that waits that nothing more will come."""
        if self._inbox is not None:
            await self._inbox.put(None)

    async def _read(self) -> Message:
        if self._inbox is None:
            return await self.receive()
        message = await self._inbox.get()
        if message is None:
            raise ConnectionResetError
        return message

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    async def run(self, sql: str) -> str:
        """Run a statement and return its command tag; raise SqlError."""
        await self.send(wire.query(sql))
        tags = [m.body[:-1].decode() for m in await self._cycle() if m.kind == b"C"]
        return tags[-1] if tags else ""

    async def rows(self, sql: str) -> list[list[str | None]]:
        """Run a query and return its rows as text; raise SqlError."""
        await self.send(wire.query(sql))
        return [wire.data_row(m.body) for m in await self._cycle() if m.kind == b"D"]

    async def describe(self, sql: str) -> list[Field]:
        """Return the columns of a query without running it; raise SqlError."""
        name = wire.cstring("redshift_local_described")
        await self.send(
            Message(b"P", name + wire.cstring(sql) + b"\0\0"),
            Message(b"D", b"S" + name),
            Message(b"C", b"S" + name),
            Message(b"S", b""),
        )
        described = [m for m in await self._cycle() if m.kind == b"T"]
        return wire.row_description(described[0].body) if described else []

    async def copy_in(self, sql: str, chunks: AsyncIterator[bytes]) -> int:
        """Run a COPY FROM STDIN with the data of the chunks; return the rows; raise SqlError.

        An exception of the iterator's ends the COPY without a row and is raised again.
        """
        await self.send(wire.query(sql))
        first = await self._until(b"GE")
        if first.kind == b"E":
            await self._cycle()
            raise as_error(first.body)
        failure: BaseException | None = None
        try:
            async for chunk in chunks:
                await self.send(Message(b"d", chunk))
            await self.send(Message(b"c", b""))
        except Exception as problem:
            failure = problem
            await self.send(Message(b"f", wire.cstring("given up")))
        try:
            answers = await self._cycle()
        except SqlError:
            if failure is not None:
                raise failure from None
            raise
        (tag,) = (m.body[:-1].decode() for m in answers if m.kind == b"C")
        return int(tag.split()[-1])

    async def copy_out(self, sql: str) -> AsyncIterator[bytes]:
        """Run a COPY TO STDOUT and yield its data; raise SqlError."""
        await self.send(wire.query(sql))
        failure = None
        while (message := await self._read()).kind != b"Z":
            if message.kind == b"d":
                yield message.body
            elif message.kind == b"E":
                failure = as_error(message.body)
        if failure:
            raise failure

    async def _until(self, kinds: bytes) -> Message:
        while (message := await self._read()).kind not in kinds:
            pass
        return message

    async def _cycle(self) -> list[Message]:
        """Read to the end of a cycle; raise the error that it brought."""
        messages, failure = [], None
        while True:
            message = await self._read()
            if message.kind == b"E":
                failure = failure or as_error(message.body)
                if wire.fields(message.body).get("S") == "FATAL":
                    break
            elif message.kind == b"Z":
                break
            else:
                messages.append(message)
        if failure:
            raise failure
        return messages
