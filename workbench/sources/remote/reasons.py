"""Why a place elsewhere can't be had, in words: what libraries say of it names their objects."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from collections.abc import Iterator

from workbench.errors import one_line

_OBJECT = re.compile(r"<[\w.]+ object at 0x[0-9a-f]+>")
_NO_TLS = "it doesn't answer as an HTTPS server does; is it http://?"
_NO_TLS_SIGNS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
_CONNECTION = (
    errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT, errno.EPIPE,
)  # fmt: skip
_WORDS = {
    "BadStatusLine": "it doesn't answer as an HTTP server does",
    "ClientPayloadError": "the answer breaks off",
    "ServerDisconnectedError": "it cut the connection",
}


def reason_of(error: BaseException) -> str:
    """Return in a line why a connection or a request failed."""
    for each in _behind(error):
        # aiohttp's own are of these classes, too, and lack what these have.
        if untrusted := getattr(each, "verify_message", None):
            return f"its certificate isn't trusted: {untrusted}"
        if isinstance(each, ssl.SSLError) and (failed := getattr(each, "reason", None)):
            return _NO_TLS if failed in _NO_TLS_SIGNS else f"TLS fails: {failed.replace('_', ' ').lower()}"
        if isinstance(each, socket.gaierror) and each.strerror:
            return each.strerror
        if isinstance(each, OSError) and each.errno in _CONNECTION:
            return os.strerror(each.errno)
        if said := _WORDS.get(type(each).__name__):
            return said
    if status := getattr(error, "status", None):
        return one_line(f"{status} {getattr(error, 'message', '')}")
    text = getattr(error, "strerror", None) or str(error)
    return one_line(_OBJECT.sub("", text)) or type(error).__name__


def _behind(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what is behind it, as aiohttp and asyncio keep it."""
    waiting, seen = [error], set()
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = [getattr(each, name, None) for name in ("os_error", "certificate_error", "__cause__")]
        waiting += [other for other in inner if isinstance(other, BaseException)]
