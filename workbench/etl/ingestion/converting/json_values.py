"""The values of a JSON document as lines: the elements of an array, or objects that are written over several lines.

Nothing is parsed: what stands between two elements becomes the end of a line, and a line end inside one a blank. So
each keeps its digits, its names and its faults.
"""

from __future__ import annotations

import io
from typing import Any, BinaryIO

import numpy as np

from workbench.etl.ingestion.converting.faults import Damaged

_BLOCK = 1 << 20
_QUOTE, _BACKSLASH, _COMMA, _BLANK, _TAB, _LF, _CR = b'"\\, \t\n\r'
_OPENS, _CLOSES = (b"["[0], b"{"[0]), (b"]"[0], b"}"[0])


class JsonValues(io.RawIOBase):
    """JSON in UTF-8 as a value a line; blank lines stand for nothing.

    Args:
        source: the document.
        depth: that of the values: 1 for the elements of an array, 0 for objects one after the other.

    Raises:
        Damaged: as it is read: brackets don't match, or it ends inside a value.
    """

    def __init__(self, source: BinaryIO, depth: int) -> None:
        self._source, self._base = source, depth
        self._depth = self._inside = self._escaped = 0
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            block = self._source.read(_BLOCK)
            if not block:
                if self._depth or self._inside:
                    raise Damaged(
                        "the JSON ends inside a value or before the array is closed", cut_short=True
                    )
                return 0
            self._ready = memoryview(self._cut(np.frombuffer(block, dtype=np.uint8)))
        taken = min(len(buffer), len(self._ready))
        buffer[:taken], self._ready = self._ready[:taken], self._ready[taken:]
        return taken

    def close(self) -> None:
        self._source.close()
        super().close()

    def _cut(self, data: Any) -> bytes:
        quotes = data == _QUOTE
        self._take_escaped(data, quotes)
        within = (np.cumsum(quotes, dtype=np.int64) + self._inside) & 1
        self._inside = int(within[-1])
        opens = ((data == _OPENS[0]) | (data == _OPENS[1])) & (within == 0)
        closes = ((data == _CLOSES[0]) | (data == _CLOSES[1])) & (within == 0)
        depth = self._depth + np.cumsum(opens, dtype=np.int64) - np.cumsum(closes, dtype=np.int64)
        if depth.min() < 0:
            raise Damaged("the JSON closes a bracket that it never opened")
        self._depth = int(depth[-1])
        ends = (data == _LF) | (data == _CR)
        written = data.copy()
        # Between values a line end is a blank; inside a text it is a fault, and stays one.
        written[ends] = np.where(within[ends], _TAB, _BLANK)
        if self._base:
            written[(data == _COMMA) & (within == 0) & (depth == 1)] = _LF
            written[opens & (depth == 1)] = _BLANK
            written[closes & (depth == 0)] = _LF
            return written.tobytes()
        written[(data == _COMMA) & (within == 0) & (depth == 0)] = _BLANK
        return np.insert(written, np.flatnonzero(closes & (depth == 0)) + 1, _LF).tobytes()

    def _take_escaped(self, data: Any, quotes: Any) -> None:
        """Leave out, in place, the quotes that a backslash makes part of a text."""
        carried, self._escaped = self._escaped, 0
        places = np.flatnonzero(data == _BACKSLASH)
        if carried:
            quotes[0] = False
            # Itself escaped, it escapes nothing.
            places = places[1:] if len(places) and places[0] == 0 else places
        if not len(places):
            return
        first = np.concatenate(([True], np.diff(places) != 1))
        starts = np.maximum.accumulate(np.where(first, np.arange(len(places)), 0))
        escaped = places[(np.arange(len(places)) - starts) % 2 == 0] + 1
        if escaped[-1] == len(data):
            self._escaped, escaped = 1, escaped[:-1]
        quotes[escaped] = False
