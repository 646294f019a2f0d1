"""Where a record of a CSV ends, and what its fields are: one line, or several if a quoted field spans them.

Bytes are looked at as Latin-1, in which each is a character: delimiters and quotes are ASCII, so broken UTF-8 or a
NUL inside a record changes nothing about where it ends.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Quoting:
    """How the records of one file are quoted.

    Args:
        delimiter: between two fields.
        columns: how many fields a record should have.
        longest: bytes that a record may have; a quote that isn't closed within them is a stray one.
        quote: what stands around a quoted field.
    """

    delimiter: str
    columns: int
    longest: int
    quote: str = '"'

    def __post_init__(self) -> None:
        csv.field_size_limit(max(csv.field_size_limit(), self.longest))

    def parse(self, record: str) -> list[str] | None:
        """Return the fields of a record; None if its quotes are wrong."""
        try:
            rows = list(csv.reader((record,), delimiter=self.delimiter, quotechar=self.quote, strict=True))
        except csv.Error:
            return None
        return rows[0] if len(rows) == 1 else None

    def is_open(self, line: str) -> bool:
        """Return True if a quoted field goes on after the line; a fault before that doesn't matter."""
        try:
            return (
                len(list(csv.reader((line + "\n", "."), delimiter=self.delimiter, quotechar=self.quote))) == 1
            )
        except csv.Error:
            return False

    def extent(self, block: bytes, starts: Any, ends: Any, index: int, *, last: bool) -> int | None:
        """Return how many lines the record has that begins with a line of a block; None if it takes more bytes.

        A record that spans lines and has another fault is one record. But where the lines that follow are whole
        records of their own, the quote was a stray one.

        Args:
            block: bytes; the lines in it are whole.
            starts: where each line starts, an array of integers.
            ends: where each ends, without its line end.
            index: the line.
            last: whether nothing follows the block.
        """
        start, end = int(starts[index]), int(ends[index])
        if not self.is_open(block[start:end].decode("latin-1")):
            return 1
        limit = min(len(block), start + self.longest)
        position = end
        while (quote := block.find(self.quote.encode(), position, limit)) >= 0:
            line = int(np.searchsorted(ends, quote))
            if line == len(ends) or ends[line] > limit:
                break
            position = int(ends[line])
            # Up to here all is quoted, as it is after a quote at the beginning of a field.
            if self.is_open(self.quote + block[quote:position].decode("latin-1")):
                continue
            return line - index + 1 if self._is_one(block, starts, ends, index, line) else 1
        return 1 if last or limit < len(block) else None

    def _is_one(self, block: bytes, starts: Any, ends: Any, first: int, final: int) -> bool:
        record = block[starts[first] : ends[final]].decode("latin-1")
        if self._is_whole(record):
            return True
        following = (block[starts[i] : ends[i]].decode("latin-1") for i in range(first + 1, final + 1))
        return self.columns == 1 or not any(map(self._is_whole, following))

    def _is_whole(self, record: str) -> bool:
        fields = self.parse(record)
        return fields is not None and len(fields) == self.columns
