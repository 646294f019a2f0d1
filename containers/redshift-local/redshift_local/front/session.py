"""One client's session: what it sends goes to PostgreSQL rewritten, what PostgreSQL answers comes back.

Statements that PostgreSQL can't do (COPY from S3, UNLOAD) are *local*: PostgreSQL gets a statement that does nothing
in their place, so that the client's messages are answered in order, and the executor does them at Execute, in the
client's transaction. Statements that are refused are replaced by one that PostgreSQL refuses too, whose error is
replaced on the way back: so the transaction fails just as it does at any other error.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass

from redshift_local.context import SessionContext
from redshift_local.errors import SqlError
from redshift_local.front.executor import execute
from redshift_local.operations import Operation
from redshift_local.protocol import wire
from redshift_local.protocol.error_translation import in_redshifts_words
from redshift_local.protocol.wire import Message
from redshift_local.rewrite import Rewritten, rewrite

SERVER_VERSION = "8.0.2"
_PLACEHOLDER = "DO 'begin end'"
_REFUSED = "redshift_local_refused"
_NOTHING = Rewritten("")


@dataclass
class _Due:
    """An answer of PostgreSQL's that is due: to an Execute, a Query, a Sync, or to a statement that is refused."""

    ends_cycle: bool = False
    reached: asyncio.Future[bool] | None = None
    refusal: SqlError | None = None
    tag: str = ""


class Session:
    """Serves one client until it hangs up."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        context: SessionContext,
    ) -> None:
        self._incoming = wire.Incoming(reader)
        self._writer = writer
        self._held: list[bytes] = []
        self._context = context
        self._backend = context.backend
        self._due: deque[_Due] = deque()
        self._quiet = asyncio.Event()
        self._statements: dict[str, Rewritten] = {}
        self._portals: dict[str, Rewritten] = {}
        self._skipping = False

    async def serve(self) -> None:
        """Pass messages on in both directions until either side ends; errors of a stream are the caller's."""
        if not await self._log_in():
            return
        tasks = [asyncio.create_task(self._relay()), asyncio.create_task(self._listen())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _log_in(self) -> bool:
        """Pass the log-in on; return whether the session is ready for a query."""
        while True:
            message = await self._backend.receive()
            await self._tell(_as_redshift(message))
            if message.kind in b"ZE":
                return message.kind == b"Z"
            asks = message.kind == b"R" and message.body[:4] not in (b"\0\0\0\0", b"\0\0\0\x0c")
            if asks:
                await self._backend.send(await self._incoming.next())

    async def _listen(self) -> None:
        """Take what the client says."""
        while True:
            message = await self._incoming.next()
            if message.kind == b"X":
                await self._backend.send()
                return
            # A Flush is done by the one that follows, or by a Sync.
            repeated = message.kind == b"H" and self._incoming.has(b"HS")
            if not repeated and (not self._skipping or message.kind == b"S"):
                await self._take(message)
            if not self._incoming.has():
                await self._backend.send()

    async def _take(self, message: Message) -> None:
        match message.kind:
            case b"Q":
                await self._query(message)
                return
            case b"P":
                message = self._parse(message)
            case b"B":
                portal, at = wire.take_cstring(message.body)
                name, _ = wire.take_cstring(message.body, at)
                self._portals[portal] = self._statements.get(name, _NOTHING)
            case b"E":
                statement = self._portals.get(wire.take_cstring(message.body)[0], _NOTHING)
                if statement.local is not None:
                    await self._execute_local(message, statement.local)
                    return
                self._expect(_Due(tag=statement.tag))
            case b"C":
                known = self._statements if message.body[:1] == b"S" else self._portals
                known.pop(wire.take_cstring(message.body, 1)[0], None)
            case b"S":
                self._skipping = False
                self._expect(_Due(ends_cycle=True))
            case b"F":
                problem = SqlError("0A000", "a function call message is not imitated by the local Redshift")
                self._expect(_Due(ends_cycle=True, refusal=problem))
                message = wire.query(_REFUSED)
        self._backend.hold(message)

    def _parse(self, message: Message) -> Message:
        name, at = wire.take_cstring(message.body)
        sql, end = wire.take_cstring(message.body, at)
        try:
            statement = rewrite(sql)
        except SqlError as problem:
            self._expect(_Due(refusal=problem))
            statement = Rewritten(_REFUSED)
        self._statements[name] = statement
        text = statement.sql if statement.local is None else _PLACEHOLDER
        return Message(b"P", wire.cstring(name) + wire.cstring(text) + message.body[end:])

    async def _query(self, message: Message) -> None:
        try:
            statement = rewrite(wire.take_cstring(message.body)[0], many=True)
        except SqlError as problem:
            self._expect(_Due(ends_cycle=True, refusal=problem))
            self._backend.hold(wire.query(_REFUSED))
            return
        if statement.local is None:
            self._expect(_Due(ends_cycle=True, tag=statement.tag))
            self._backend.hold(wire.query(statement.sql))
            return
        await self._tell(await self._run_local(statement.local), None)

    async def _execute_local(self, message: Message, operation: Operation) -> None:
        """Wait until PostgreSQL has come to this statement, then do its work."""
        reached: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._expect(_Due(reached=reached))
        await self._backend.send(message, Message(b"H", b""))
        if await reached:
            answer = await self._run_local(operation)
            self._skipping = answer.kind == b"E"
            await self._tell(answer)

    async def _run_local(self, operation: Operation) -> Message:
        """Do the work of a local statement in the client's transaction, or in one of its own; return the answer."""
        await self._quiet_backend()
        backend = self._backend
        backend.divert()
        own = backend.status == b"I"
        try:
            await backend.run("BEGIN" if own else "SELECT 1")
            if operation.refused_in_transaction and not own:
                raise SqlError(
                    "25001", f"{operation.refused_in_transaction} cannot run inside a transaction block"
                )
            tag = await execute(operation, self._context)
            if own or operation.commits:
                await backend.run("COMMIT")
        except SqlError as problem:
            # The second is an error, as is wanted: the client's transaction has failed.
            with contextlib.suppress(SqlError):
                await backend.run("ROLLBACK" if own else _REFUSED)
            return wire.error(problem)
        finally:
            backend.divert(stop=True)
        return Message(b"C", wire.cstring(tag))

    async def _relay(self) -> None:
        """Pass on what PostgreSQL says."""
        while True:
            try:
                message = await self._backend.receive()
            except asyncio.IncompleteReadError:
                await self._backend.lost()
                raise
            if not await self._backend.take(message) and (answer := self._answer(message)):
                self._held.append(answer.encode())
            if self._held and not self._backend.has_more:
                await self._tell()

    def _expect(self, due: _Due) -> None:
        self._due.append(due)
        self._quiet.clear()

    async def _quiet_backend(self) -> None:
        await self._backend.send()
        while self._due:
            await self._quiet.wait()

    def _answer(self, message: Message) -> Message | None:
        """Return what the client is told in place of a message, and strike off what is no longer due."""
        head = self._due[0] if self._due else None
        if message.kind == b"Z":
            # What a failed cycle left unanswered stays so.
            while self._due and not self._due.popleft().ends_cycle:
                pass
        elif message.kind == b"E":
            for due in self._due:
                if due.reached and not due.reached.done():
                    due.reached.set_result(False)
            refusal = next((due.refusal for due in self._due if due.refusal), None)
            if refusal and _REFUSED.encode() in message.body:
                message = wire.error(refusal)
            else:
                message = in_redshifts_words(message)
        elif head and message.kind in b"CIs" and not head.ends_cycle:
            self._due.popleft()
            if head.reached:
                head.reached.set_result(True)
                return self._settled(None)
            if head.tag:
                message = Message(b"C", wire.cstring(head.tag))
        elif head and head.tag and message.kind == b"C":
            message = Message(b"C", wire.cstring(head.tag))
        return self._settled(_as_redshift(message))

    def _settled(self, answer: Message | None) -> Message | None:
        if not self._due:
            self._quiet.set()
        return answer

    async def _tell(self, *messages: Message | None) -> None:
        """Send the client messages, after those that were held; None stands for the end of a cycle."""
        self._held += [(message or Message(b"Z", self._backend.status)).encode() for message in messages]
        data = b"".join(self._held)
        self._held.clear()
        self._writer.write(data)
        await self._writer.drain()


def _as_redshift(message: Message) -> Message:
    """Return the message, with Redshift's version in the place of PostgreSQL's."""
    if message.kind == b"S" and wire.take_cstring(message.body)[0] == "server_version":
        return Message(b"S", wire.cstring("server_version") + wire.cstring(SERVER_VERSION))
    return message
