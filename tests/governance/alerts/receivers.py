"""Servers that take what alerts send, and keep it for tests to look at."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP as SMTPServer
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from aiosmtpd.smtp import Session as SMTPSession


@dataclass
class Webhook:
    """An HTTP server; ``status`` is what it answers, and with ``kills`` it ends the process of who asks instead."""

    url: str = ""
    status: int = 200
    kills: int | None = None
    got: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


@contextmanager
def webhook(port: int = 0) -> Iterator[Webhook]:
    """Run one on this machine."""
    taken = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            taken.got.append(json.loads(content))
            taken.headers.append(dict(self.headers))
            taken.paths.append(self.path)
            if taken.kills:
                os.kill(taken.kills, signal.SIGKILL)
            self.send_response(taken.status)
            if taken.status == 307:
                self.send_header("Location", f"{taken.url}/elsewhere")
            self.end_headers()

        def log_message(self, *told: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    taken.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield taken
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def dripping(beginning: bytes) -> Iterator[int]:
    """Run a server on this machine that answers so, and then a byte every tenth of a second without end; give its port."""
    over = threading.Event()

    def answer(asked: socket.socket) -> None:
        with asked, suppress(OSError):
            asked.sendall(beginning)
            while not over.wait(0.1):
                asked.sendall(b"x")

    def serve() -> None:
        while not over.is_set():
            with suppress(OSError):
                threading.Thread(target=answer, args=(listening.accept()[0],)).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            over.set()
            thread.join()


@dataclass
class Mailbox:
    """An SMTP server; ``refuses`` is what it answers to a mail's content instead of taking it."""

    port: int = 0
    refuses: str = ""
    got: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)

    async def handle_DATA(self, server: SMTPServer, session: SMTPSession, envelope: Envelope) -> str:
        """Take a mail."""
        if self.refuses:
            return self.refuses
        content = envelope.content
        assert isinstance(content, bytes)
        self.got.append(message_from_bytes(content, policy=policy.default))  # type: ignore[arg-type]
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 taken"


@contextmanager
def mailbox(tls: ssl.SSLContext | None = None) -> Iterator[Mailbox]:
    """Run one on this machine; with ``tls`` it offers STARTTLS and takes a login after that alone."""
    taken = Mailbox()

    def login(server: Any, session: Any, envelope: Any, mechanism: str, given: LoginPassword) -> AuthResult:
        taken.logins.append((given.login.decode(), given.password.decode()))
        return AuthResult(success=True)

    about = {"tls_context": tls, "authenticator": login} if tls else {}
    controller = Controller(taken, "127.0.0.1", free_port(), ready_timeout=120, **about)
    controller.start()
    taken.port = controller.port
    try:
        yield taken
    finally:
        controller.stop()


_ports: list[socket.socket] = []


def free_port() -> int:
    """Return a port of this machine that nobody listens at, and that nobody is given but who asks for it by its number."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    _ports.append(held)
    port: int = held.getsockname()[1]
    return port
