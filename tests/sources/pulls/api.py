"""An API over a real connection, that misbehaves as it is told to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Api:
    """Records, what goes wrong with the next requests, and what was asked.

    A fault is a name that :meth:`_Handler._misbehave` knows, or None for a request that goes well. ``before`` is called
    with the number of each request before it is answered, and may change the records.
    """

    records: list[dict[str, Any]] = field(default_factory=list)
    faults: list[str | None] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    before: Callable[[int], None] = lambda number: None
    total: int | None = None
    elsewhere: str = "http://localhost:1/"
    url: str = ""

    def found(self, query: dict[str, str]) -> list[dict[str, Any]]:
        """The records from a time on."""
        since = query.get("since", "")
        return [each for each in self.records if str(each.get("updated_at", "~")) >= since]


@contextmanager
def serving() -> Iterator[Api]:
    """Start an API on a port of its own."""
    api = Api()

    class Handler(_Handler):
        served = api

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    served: Api
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer a page, or misbehave."""
        api, parts = self.served, urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        api.before(len(api.asked))
        api.asked.append({"path": parts.path, **query})
        api.headers.append({name.lower(): value for name, value in self.headers.items()})
        fault = api.faults.pop(0) if api.faults else None
        if fault and self._misbehave(fault):
            return
        found, extra = api.found(query), {}
        size = int(query.get("limit", 10))
        if parts.path == "/pages":
            start = (int(query.get("page", 1)) - 1) * size
        elif parts.path == "/stuck":
            start = 0
        else:
            start = int(query.get("offset", query.get("after", 0)))
        part = found[start : start + size]
        more = start + size < len(found)
        body: Any = {"data": {"items": part}, "total": len(found) if api.total is None else api.total}
        if parts.path == "/circle":
            body["next"] = str((start + 1) % 3)
        elif parts.path == "/circling":
            body["links"] = {"next": f"/circling?offset={(start + size) % (3 * size)}"}
        elif parts.path == "/cursor":
            body["next"] = str(start + size) if more else None
        elif parts.path == "/next":
            body["links"] = {"next": f"/next?offset={start + size}" if more else None}
        elif parts.path == "/link":
            body = part
            if more:
                extra["Link"] = (
                    f'<{api.url}/link?offset={start + size}>; rel="next", <{api.url}/link>; rel="first"'
                )
        self._answer(200, json.dumps(body, indent=1).encode(), extra)

    def _misbehave(self, fault: str) -> bool:
        api = self.served
        name, _, value = fault.partition(" ")
        if name == "after":
            until = datetime.now(UTC) + timedelta(seconds=float(value))
            self._answer(429, b"slow down", {"Retry-After": format_datetime(until, usegmt=True)})
        elif name == "wait":
            self._answer(429, b"slow down", {"Retry-After": value})
        elif name == "linked":
            self._answer(200, b"[]", {"Link": f'<{value}>; rel="next"'})
        elif name == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"data": {"items": [')
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(2)
        elif name == "short":
            # It looks like an end, and is valid JSON.
            self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\n[]")
            self.close_connection = True
        elif name == "json":
            self._answer(200, b'{"data": {"items": [{"id": ', {})
        elif name == "html":
            self._answer(200, b"<html>maintenance</html>", {})
        elif name == "slow":
            time.sleep(float(value))
            return False
        elif name == "moved":
            self._answer(
                302,
                b"",
                {"Location": value + ("?" + self.path.partition("?")[2] if value.startswith("/") else "")},
            )
        elif name == "echo":
            said = json.dumps({"error": f"bad credentials {dict(self.headers)} {self.path}"})
            self._answer(int(value), said.encode(), {})
        else:
            self._answer(int(name), b"" if name == "204" else b"it went wrong", {})
        del api
        return True

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
