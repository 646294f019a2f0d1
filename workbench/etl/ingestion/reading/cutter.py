"""Blocks of bytes into records: plain lines in stretches, and those that need care one by one."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from workbench.etl.ingestion.reading.quoting import Quoting

PLACEHOLDER = "\x1e"
FIELD_FREE = "\x1f"
"""A byte that no plain line contains: lines with either of these two are always parsed here."""

MARK = codecs.BOM_UTF8
"""Stands where a file began that was put behind another, and belongs to no value."""
CAREFUL = (b"\0", b"\x1e", b"\x1f")
"""Bytes for which a line is looked at, apart from quotes."""
_MOST_SPECIALS = 20_000
_MOST_TEXT = 8 << 20
_SHOWN = 1000
_KEPT = 4 * _SHOWN


@dataclass(frozen=True)
class Special:
    """A record that DuckDB doesn't parse: its fields, or the code of what is wrong with the line."""

    number: int
    record: str
    fields: list[str] | None
    error: str | None


@dataclass(frozen=True)
class Layout:
    """What is known of a text file before it is cut.

    ``delimiter`` is None where a line is a record whatever it holds (JSON lines). ``columns`` is how many fields a
    record should have, ``head`` how many bytes come before the first record, ``longest`` how many a record may have,
    ``quote`` what stands around a quoted field, None if nothing does. ``above`` is how many rows come before the first
    that is numbered, and ``blanks`` whether a blank line is a record.
    """

    delimiter: str | None
    columns: int
    head: int
    longest: int
    quote: str | None = '"'
    above: int = 0
    blanks: bool = True

    @property
    def careful(self) -> tuple[bytes, ...]:
        """Bytes for which a line is looked at."""
        return (*CAREFUL, *((self.quote.encode(),) if self.delimiter and self.quote else ()))


class Cutter:
    """Copies plain lines in stretches and stops only at those that need care."""

    def __init__(self, layout: Layout, plain: IO[bytes], take: Callable[[list[Special]], None]) -> None:
        self.number = 0
        self._longest = layout.longest
        self._delimiter, self._careful = layout.delimiter, layout.careful
        self._quote = layout.quote.encode() if layout.quote else b""
        self._quoting = (
            Quoting(layout.delimiter, layout.columns, layout.longest, layout.quote)
            if layout.delimiter and layout.quote
            else None
        )
        self._plain, self._take = plain, take
        self._specials: list[Special] = []
        self._text = 0
        self._beginning = b""
        self._skipped = 0
        """Bytes of a line that is too long, of which no more is kept than its beginning."""

    def cut(self, block: bytes, *, last: bool) -> int:
        """Cut a block of bytes; return how many were used. The rest is to come again, with more."""
        used = self._skip(block, last=last) if self._skipped else 0
        if self._skipped or not block[used:]:
            return used
        return used + self._cut(block[used:], last=last)

    def finish(self) -> None:
        """Hand over what is left."""
        if self._specials:
            self._take(self._specials)
        self._specials, self._text = [], 0

    def _skip(self, block: bytes, *, last: bool) -> int:
        """Go on with a line that is too long; return how many bytes were used."""
        ends = [place for place in (block.find(b"\n"), block.find(b"\r")) if place >= 0]
        end = min(ends, default=len(block))
        self._skipped += end
        self._beginning += block[: min(end, max(0, _KEPT - len(self._beginning)))]
        if ends:
            if block[end : end + 1] == b"\r" and end + 1 == len(block) and not last:
                return end
            end += 2 if block[end : end + 2] == b"\r\n" else 1
        elif not last:
            return end
        self._set_aside(_too_long(self.number + 1, self._beginning, self._skipped))
        self._skipped = 0
        return end

    def _cut(self, block: bytes, *, last: bool) -> int:
        starts, ends = _bounds(block, last=last)
        marked = _marked(block, starts)
        starts[marked] += len(MARK)
        tail = int(starts[-1])
        whole = block[:tail]
        position = 0
        for index in self._doubtful(whole, starts, ends, marked):
            if index < position:
                continue
            self._copy(block, starts, ends, position, index)
            line = block[starts[index] : ends[index]]
            taken = 1
            if not self._parsed(line):
                if self._quoting and self._quote in line and len(line) <= self._longest:
                    found = self._quoting.extent(whole, starts, ends, index, last=last)
                    if found is None:
                        return int(starts[index])
                    taken = found
                self._judge(block[starts[index] : ends[index + taken - 1]] if taken > 1 else line)
            position = index + taken
        self._copy(block, starts, ends, position, len(ends))
        if len(block) - tail <= self._longest:
            return tail
        # Of a CR at the end it isn't known yet what it ends.
        used = len(block) - block.endswith(b"\r")
        self._beginning, self._skipped = block[tail : min(used, tail + _KEPT)], used - tail
        return used

    def _doubtful(self, block: bytes, starts: Any, ends: Any, marked: Any) -> list[int]:
        """Return the lines that need care; a byte that isn't in the block at all costs next to nothing."""
        data = np.frombuffer(block, dtype=np.uint8)
        positions = [np.flatnonzero(data == byte[0]) for byte in self._careful if byte in block]
        if not _is_utf8(block):
            positions.append(np.flatnonzero(data > 127))
        long = np.flatnonzero(ends - starts[:-1] > self._longest)
        found: list[int] = np.union1d(
            np.concatenate([long, marked]), np.searchsorted(ends, np.concatenate([long[:0], *positions]))
        ).tolist()
        return found

    def _copy(self, block: bytes, starts: Any, ends: Any, first: int, stop: int) -> None:
        if first < stop:
            stretch = block[starts[first] : ends[stop - 1]]
            if b"\r" in stretch:
                stretch = stretch.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            self._plain.write(stretch + b"\n")
            self.number += stop - first

    def _parsed(self, line: bytes) -> bool:
        """Set a line aside that is a whole record with quotes, and nothing else about it: most are."""
        if self._quoting is None or self._quote not in line or b"\0" in line or len(line) > self._longest:
            return False
        try:
            record = line.decode("utf-8")
        except UnicodeDecodeError:
            return False
        fields = self._quoting.parse(record)
        if fields is None:
            return False
        self._set_aside(Special(self.number + 1, record, fields, None))
        return True

    def _judge(self, line: bytes) -> None:
        """Write a record as a plain line, or set it aside."""
        number = self.number + 1
        if len(line) > self._longest:
            self._set_aside(_too_long(number, line, len(line)))
            return
        record = line.decode("utf-8", "backslashreplace")
        if b"\0" in line:
            self._set_aside(Special(number, record.replace("\0", "\\x00"), None, "line:nul_byte"))
        elif not _is_utf8(line):
            self._set_aside(Special(number, record, None, "line:not_utf8"))
        elif self._quoting and self._quote in line:
            fields = self._quoting.parse(record)
            self._set_aside(Special(number, record, fields, "line:bad_quoting" if fields is None else None))
        elif b"\x1e" in line or b"\x1f" in line:
            fields = record.split(self._delimiter) if self._delimiter else [record]
            self._set_aside(Special(number, record, fields, None))
        else:
            self._plain.write(line + b"\n")
            self.number = number

    def _set_aside(self, special: Special) -> None:
        self._plain.write(PLACEHOLDER.encode() + b"\n")
        self.number = special.number
        self._specials.append(special)
        self._text += len(special.record)
        if len(self._specials) >= _MOST_SPECIALS or self._text >= _MOST_TEXT:
            self.finish()


def _bounds(block: bytes, *, last: bool) -> tuple[Any, Any]:
    """Return where the lines of a block start and where they end; one start more: that of the rest."""
    data = np.frombuffer(block, dtype=np.uint8)
    ends = np.flatnonzero(data == 10)
    following = ends + 1
    if b"\r" in block:
        returns = np.flatnonzero(data == 13)
        if not last and returns[-1] == len(block) - 1:
            # An LF may follow.
            returns = returns[:-1]
        pairs = returns[np.append(data, 0)[returns + 1] == 10]
        ends = np.union1d(np.setdiff1d(ends, pairs + 1, assume_unique=True), returns)
        following = ends + 1 + np.isin(ends, pairs)
    starts = np.concatenate(([0], following))
    if last and starts[-1] < len(block):
        ends, starts = np.append(ends, len(block)), np.append(starts, len(block))
    return starts, ends


def _marked(block: bytes, starts: Any) -> Any:
    """Return which lines begin with a byte-order mark; the last start is that of the rest."""
    if MARK not in block:
        return np.zeros(0, dtype=np.int64)
    return np.array([n for n, at in enumerate(starts[:-1].tolist()) if block.startswith(MARK, at)], np.int64)


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _too_long(number: int, beginning: bytes, size: int) -> Special:
    """Return a record that is too long, shortened to its beginning."""
    shown = beginning[:_KEPT].decode("utf-8", "backslashreplace").replace("\0", "\\x00")[:_SHOWN]
    return Special(number, f"{shown} … (cut: {size} bytes)", None, "line:too_long")
