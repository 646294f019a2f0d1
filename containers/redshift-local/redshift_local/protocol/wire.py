"""Messages of PostgreSQL's protocol 3: read them, build them. Format: the PostgreSQL manual, "Message Formats"."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from redshift_local.errors import SqlError

PROTOCOL_3 = 196608
CANCEL = 80877102
TLS = 80877103
GSS = 80877104
MAX_STARTUP = 10_000
_CHUNK = 1 << 16
_HEAD = struct.Struct("!ci")


class Message(NamedTuple):
    """One message: its type (one byte) and its body, without the length."""

    kind: bytes
    body: bytes

    def encode(self) -> bytes:
        """Return the bytes that go over the wire."""
        return _HEAD.pack(self.kind, len(self.body) + 4) + self.body


class Incoming:
    """The messages of a stream, read as many at a time as there are."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._bytes = bytearray()
        self._whole: deque[Message] = deque()

    async def next(self) -> Message:
        """Take the next message; raise IncompleteReadError at the end of the stream."""
        while not self._whole:
            chunk = await self._reader.read(_CHUNK)
            if not chunk:
                raise asyncio.IncompleteReadError(bytes(self._bytes), None)
            self._bytes += chunk
            self._cut()
        return self._whole.popleft()

    def has(self, kinds: bytes = b"") -> bool:
        """Whether another message has come in, one of these kinds if any are given."""
        return any(not kinds or message.kind in kinds for message in self._whole)

    def _cut(self) -> None:
        """Cut off the messages that are there whole."""
        at, end = 0, len(self._bytes)
        while at + _HEAD.size <= end:
            kind, length = _HEAD.unpack_from(self._bytes, at)
            if length < 4:
                raise SqlError("08P01", f"a message of {length} bytes can't be")
            if at + 1 + length > end:
                break
            self._whole.append(Message(kind, bytes(self._bytes[at + _HEAD.size : at + 1 + length])))
            at += 1 + length
        del self._bytes[:at]


async def read_startup(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read a start-up packet, which has no type; return its code and the rest."""
    (length,) = struct.unpack("!i", await reader.readexactly(4))
    if not 8 <= length <= MAX_STARTUP:
        raise SqlError("08P01", f"a start-up packet of {length} bytes can't be")
    packet = await reader.readexactly(length - 4)
    return struct.unpack_from("!i", packet)[0], packet[4:]


def cstring(text: str) -> bytes:
    """Return the text as UTF-8 with the zero that ends it."""
    return text.encode() + b"\0"


def take_cstring(body: bytes, at: int = 0) -> tuple[str, int]:
    """Return the text at an offset and the offset behind it."""
    end = body.index(b"\0", at)
    return body[at:end].decode(), end + 1


def startup(parameters: Mapping[str, str]) -> bytes:
    """Return a start-up packet."""
    body = struct.pack("!i", PROTOCOL_3)
    body += b"".join(cstring(name) + cstring(value) for name, value in parameters.items()) + b"\0"
    return struct.pack("!i", len(body) + 4) + body


def startup_parameters(body: bytes) -> dict[str, str]:
    """Return the parameters of a start-up packet."""
    parts = body.split(b"\0")
    return {
        name.decode(): value.decode() for name, value in zip(parts[::2], parts[1::2], strict=False) if name
    }


def query(sql: str) -> Message:
    """Return a simple query."""
    return Message(b"Q", cstring(sql))


def error(problem: SqlError, severity: str = "ERROR") -> Message:
    """Return an ErrorResponse."""
    fields = {"S": severity, "V": severity, "C": problem.code, "M": problem.message}
    fields |= {name: text for name, text in (("D", problem.detail), ("H", problem.hint)) if text}
    return Message(b"E", b"".join(name.encode() + cstring(text) for name, text in fields.items()) + b"\0")


def fields(body: bytes) -> dict[str, str]:
    """Return the fields of an ErrorResponse or a NoticeResponse, by their letter."""
    found, at = {}, 0
    while at < len(body) and body[at]:
        name = chr(body[at])
        found[name], at = take_cstring(body, at + 1)
    return found


def data_row(body: bytes) -> list[str | None]:
    """Return the values of a DataRow in text format."""
    (count,), at, values = struct.unpack_from("!h", body), 2, []
    for _ in range(count):
        (length,) = struct.unpack_from("!i", body, at)
        at += 4
        values.append(None if length < 0 else body[at : at + length].decode())
        at += max(length, 0)
    return values


@dataclass(frozen=True)
class Field:
    """One column of a RowDescription: its name, the type's OID and its modifier."""

    name: str
    type: int
    modifier: int


def row_description(body: bytes) -> list[Field]:
    """Return the columns of a RowDescription."""
    (count,), at, found = struct.unpack_from("!h", body), 2, []
    for _ in range(count):
        name, at = take_cstring(body, at)
        _, _, oid, _, modifier, _ = struct.unpack_from("!ihihih", body, at)
        found.append(Field(name, oid, modifier))
        at += 18
    return found
