"""Records that hold a list as several: one for each element, which stands in the place of the list."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, BinaryIO

RECORD, ELEMENT = "_record", "_element"
"""Columns of what was unnested: the number of the record in the file, and of the element in its list, from 1."""

_DECODER = json.JSONDecoder()
_BLANK = re.compile(r"[ \t\n\r]*")
_LONGEST = 64 << 20


class Unnested(io.RawIOBase):
    """JSON lines as those of the elements of a list in each; a line without such a list stays one.

    Args:
        source: lines of JSON in UTF-8.
        path: names that lead to the list, with points between them.
    """

    def __init__(self, source: BinaryIO, path: str) -> None:
        self._source, self._path = source, tuple(path.split("."))
        self._lines = self._unnest()
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            line = next(self._lines, None)
            if line is None:
                return 0
            self._ready = memoryview(line)
        taken = min(len(buffer), len(self._ready))
        buffer[:taken], self._ready = self._ready[:taken], self._ready[taken:]
        return taken

    def close(self) -> None:
        self._source.close()
        super().close()

    def _unnest(self) -> Iterator[bytes]:
        number = 0
        while raw := self._source.readline(_LONGEST):
            if not raw.endswith(b"\n") and len(raw) == _LONGEST:
                # Too long to be a record; it goes on as it is.
                while raw and not raw.endswith(b"\n"):
                    yield raw
                    raw = self._source.readline(_LONGEST)
                number += 1
                yield raw
                continue
            for line in re.split(rb"\r\n|\r|\n", raw.rstrip(b"\r\n")):
                number += 1
                rows = _rows(line, self._path, number)
                yield b"".join(row + b"\n" for row in rows) if rows else line + b"\n"


def members(text: str, place: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield name and span of the value of each member of the object at a place."""
    place = _skip(text, place + 1)
    while text[place] != "}":
        key, place = scanstring(text, place + 1)
        start = _skip(text, _skip(text, place) + 1)
        _, end = _DECODER.raw_decode(text, start)
        yield key, (start, end)
        place = _skip(text, end)
        if text[place] == ",":
            place = _skip(text, place + 1)


def _rows(line: bytes, path: Sequence[str], number: int) -> list[bytes] | None:
    """Return a record once for each element of its list, once where it has none; None if it can't be parsed."""
    try:
        text = line.decode("utf-8").removeprefix("\ufeff").strip()
        _, end = _DECODER.raw_decode(text)
        if not text.startswith("{") or text[end:]:
            return None
        span = _span(text, path)
        elements = _elements(text, span[0]) if span and text[span[0]] == "[" else ()
        spans = list(elements)
    except (ValueError, RecursionError):
        return None
    comma = "," if text[1:-1].strip() else ""
    if not spans:
        value = f"{text[: span[0]]}null{text[span[1] :]}" if span and text[span[0]] == "[" else text
        return [f'{value[:-1]}{comma}"{RECORD}":{number},"{ELEMENT}":null}}'.encode()]
    before, after = text[: span[0]], text[span[1] : -1]  # type: ignore[index]
    return [
        f'{before}{text[first:last]}{after}{comma}"{RECORD}":{number},"{ELEMENT}":{place}}}'.encode()
        for place, (first, last) in enumerate(spans, 1)
    ]


def _span(text: str, path: Sequence[str]) -> tuple[int, int] | None:
    """Return where the value begins and ends that a path leads to."""
    span = (0, len(text))
    for name in path:
        if text[span[0]] != "{":
            return None
        found = next((value for key, value in members(text, span[0]) if key == name), None)
        if found is None:
            return None
        span = found
    return span


def _skip(text: str, place: int) -> int:
    return _BLANK.match(text, place).end()  # type: ignore[union-attr]


def _elements(text: str, place: int) -> Iterator[tuple[int, int]]:
    place = _skip(text, place + 1)
    while text[place] != "]":
        _, end = _DECODER.raw_decode(text, place)
        yield place, end
        place = _skip(text, end)
        if text[place] == ",":
            place = _skip(text, place + 1)
