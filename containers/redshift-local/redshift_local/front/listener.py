"""Listens for clients, with TLS, and hands each to a session, in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import struct
import threading
from concurrent.futures import Future

from redshift_local.context import ServerContext, SessionContext
from redshift_local.errors import LocalError, SqlError
from redshift_local.front.session import Session
from redshift_local.postgres import ADMINISTRATOR
from redshift_local.protocol import wire
from redshift_local.protocol.backend import Backend
from redshift_local.protocol.wire import Message

_BUFFER = 1 << 20
# Seconds that starting and stopping may take.
_PATIENCE = 15
# What PostgreSQL takes at the start of a session; what else Redshift's drivers send, it would refuse.
_KEPT = ("user", "database", "application_name", "client_encoding", "DateStyle", "TimeZone", "options")


class Listener:
    """The server that clients connect to; one `Session` serves each."""

    def __init__(
        self, context: ServerContext, host: str, port: int, tls: ssl.SSLContext | None, *, require_tls: bool
    ) -> None:
        self._context = context
        self._host = host
        self._port = port
        self._tls = tls
        self._require_tls = require_tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="redshift-local", daemon=True)
        self._sessions: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def start(self) -> int:
        """Listen and return the port; raise LocalError when the port is taken."""
        self._thread.start()
        ready: Future[int] = asyncio.run_coroutine_threadsafe(self._listen(), self._loop)
        try:
            return ready.result(_PATIENCE)
        except TimeoutError as problem:
            raise LocalError(f"no port was opened on {self._host} within {_PATIENCE} seconds") from problem
        except OSError as problem:
            self.stop()
            raise LocalError(
                f"can't listen on {self._host}:{self._port}: {os.strerror(problem.errno or 0)}; choose another with --port"
            ) from problem

    def stop(self) -> None:
        """Stop listening and hang up on all clients."""
        if self._thread.is_alive():
            with contextlib.suppress(TimeoutError):
                asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(_PATIENCE)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_PATIENCE)
            # A loop that still waits for S3 ends with the process: its thread is a daemon.
            if not self._thread.is_alive():
                self._loop.close()

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._accept, self._host, self._port, limit=_BUFFER)
        return int(self._server.sockets[0].getsockname()[1])

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._sessions:
            task.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)
        await self._loop.shutdown_default_executor()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101
        self._sessions.add(task)
        try:
            await self._greet(reader, writer)
        except SqlError as problem:
            writer.write(wire.error(problem, "FATAL").encode())
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass  # The client has gone, or never spoke the protocol.
        except asyncio.CancelledError:
            pass  # The server stops.
        finally:
            self._sessions.discard(task)
            with contextlib.suppress(Exception):
                writer.close()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        code, body = await wire.read_startup(reader)
        secure = False
        while code in (wire.TLS, wire.GSS):
            if code == wire.TLS and self._tls is not None and not secure:
                writer.write(b"S")
                await writer.start_tls(self._tls)
                secure = True
            else:
                writer.write(b"N")
            code, body = await wire.read_startup(reader)
        if code == wire.CANCEL:
            await self._cancel(body)
            return
        if code >> 16 != 3:
            raise SqlError("0A000", f"protocol {code >> 16}.{code & 0xFFFF} isn't spoken here: 3.0 is")
        if self._require_tls and not secure:
            raise SqlError("28000", "this server takes TLS connections only: ask for sslmode=require")
        given = wire.startup_parameters(body)
        if given.get("user") == ADMINISTRATOR:
            raise SqlError("28000", f"the user {ADMINISTRATOR} is the server's own and can't log in")
        backend = await Backend.connect(self._context.socket)
        try:
            await backend.write(wire.startup({name: given[name] for name in _KEPT if name in given}))
            if code & 0xFFFF:
                # A client of a newer minor version is told which one it gets.
                writer.write(Message(b"v", struct.pack("!ii", 0, 0)).encode())
            database = given.get("database") or given.get("user", "")
            await Session(reader, writer, SessionContext(backend, database, self._context)).serve()
        finally:
            backend.close()

    async def _cancel(self, body: bytes) -> None:
        """Hand a request to cancel on: the key is PostgreSQL's own."""
        backend = await Backend.connect(self._context.socket)
        await backend.write(struct.pack("!ii", len(body) + 8, wire.CANCEL) + body)
        backend.close()
