"""Cut a text file into records, one a line, so that a record's number is its place in the file.

DuckDB splits plain lines faster than anything else, but it can't number the lines it rejects or hand back their
bytes. So the file is looked at once: lines it can take as they are stay in one plain file, and the few that need
care (quotes, broken UTF-8, control characters) are parsed here and leave a placeholder behind.
"""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

PLACEHOLDER = "\x1e"
FIELD_FREE = "\x1f"
"""A byte that no plain line contains: lines with either of these two are always parsed here."""

_CHUNK = 4 << 20
_LONGEST = 1 << 20
_MOST_LINES = 100
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Special:
    """A record that DuckDB doesn't parse: its fields, or the code of what is wrong with the line."""

    number: int
    record: str
    fields: list[str] | None
    error: str | None


@dataclass
class LineFile:
    """A file cut into records: ``path`` holds the plain ones, one a line, after ``skip`` lines of header."""

    path: Path
    skip: int
    gzipped: bool
    specials: list[Special] = field(default_factory=list)


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file for reading, unpacking gzip (told by its first two bytes)."""
    if is_gzip(path):
        return gzip.open(path, "rb")  # type: ignore[return-value]
    return path.open("rb")


def is_gzip(path: Path) -> bool:
    """Return True if the file begins as gzip does."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def first_line(path: Path) -> tuple[str, bool]:
    """Return the first line without its end and byte-order mark, and whether the file has any byte at all."""
    with open_bytes(path) as file:
        line = file.readline(_LONGEST)
    return line.removeprefix(_BOM).rstrip(b"\r\n").decode("utf-8", "backslashreplace"), bool(line)


def cut(path: Path, scratch: Path, *, delimiter: str | None, columns: int, header: bool) -> LineFile:
    """Cut ``path`` into records.

    Args:
        path: the file, plain or gzip.
        scratch: where to write the plain lines if the file can't be used as it is.
        delimiter: of a CSV; None where a line is a record whatever it holds (JSON lines).
        columns: how many a CSV record should have; a quoted field may span lines only if that makes it whole.
        header: whether the first line is a header, which is no record.

    Raises:
        OSError, EOFError: the file can't be read (a broken gzip).
    """
    quoting = delimiter is not None
    if _is_plain(path, quoting):
        return LineFile(path, int(header), is_gzip(path))
    result = LineFile(scratch, 0, False)
    cutter = _Cutter(delimiter, columns)
    with open_bytes(path) as source, scratch.open("wb") as plain:
        if header:
            source.readline()
        carried = b""
        while True:
            chunk = source.read(_CHUNK)
            if chunk:
                whole, newline, rest = (carried + chunk).rpartition(b"\n")
                block, carried = whole + newline, rest
            else:
                block, carried = carried, b""
            if block:
                if b"\r" in block and block.count(b"\r") == block.count(b"\r\n"):
                    block = block.replace(b"\r\n", b"\n")
                used = cutter.cut(block, plain, result.specials, last=not chunk)
                carried = block[used:] + carried
            if not chunk and not carried:
                return result


def _is_plain(path: Path, quoting: bool) -> bool:
    suspicious = (b"\r", b"\0", b"\x1e", b"\x1f", *((b'"',) if quoting else ()))
    rest = b""
    with open_bytes(path) as file:
        while chunk := file.read(_CHUNK):
            if any(byte in chunk for byte in suspicious):
                return False
            if chunk.find(b"\n", 0, _LONGEST) < 0 and len(chunk) >= _LONGEST:
                return False
            if chunk.isascii() and not rest:
                continue
            whole, _, rest = (rest + chunk).rpartition(b"\n")
            if len(rest) > _LONGEST or not _is_utf8(whole):
                return False
    return _is_utf8(rest)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


class _Cutter:
    """Copies plain lines in stretches and stops only at those that need care."""

    def __init__(self, delimiter: str | None, columns: int) -> None:
        self.delimiter = delimiter
        self.columns = columns
        self.number = 0
        self.careful = (0, 13, 30, 31, *([34] if delimiter else []))

    def cut(self, block: bytes, plain: IO[bytes], specials: list[Special], *, last: bool) -> int:
        """Cut a block of lines; return how many bytes were used.

        The last lines are left for the next block if a quoted field might go on there.
        """
        data = np.frombuffer(block, dtype=np.uint8)
        ends = np.flatnonzero(data == 10)
        if not block.endswith(b"\n"):
            ends = np.append(ends, len(block))
        starts = np.concatenate(([0], ends[:-1] + 1))
        doubtful = np.unique(np.searchsorted(ends, self._doubtful(block, data)))
        long = np.flatnonzero(ends - starts > _LONGEST)
        position = 0
        for index in np.union1d(doubtful, long).tolist():
            if index < position:
                continue
            self._copy(block, starts, ends, position, index, plain)
            line = block[starts[index] : ends[index]].removesuffix(b"\r")
            self.number += 1
            position = index + 1
            if self._plain(line):
                plain.write(line + b"\n")
                continue
            special = self._special(line)
            if special is None:
                following = min(len(ends), position + _MOST_LINES)
                taken, special = self._span(line, block, starts[position:following], ends[position:following])
                if special is None and following == len(ends) and not last:
                    self.number -= 1
                    return int(starts[index])
                position += taken
                special = special or self._bad_quoting(line)
            plain.write(PLACEHOLDER.encode() + b"\n")
            specials.append(special)
        self._copy(block, starts, ends, position, len(ends), plain)
        return len(block)

    def _doubtful(self, block: bytes, data: Any) -> Any:
        """Return the places of bytes that need care; a byte that isn't in the block at all costs next to nothing."""
        places = [np.flatnonzero(data == byte) for byte in self.careful if byte in block]
        if not block.isascii():
            places.append(np.flatnonzero(data > 127))
        return np.concatenate(places) if places else np.empty(0, dtype=np.intp)

    def _copy(self, block: bytes, starts: Any, ends: Any, first: int, stop: int, plain: IO[bytes]) -> None:
        if first < stop:
            plain.write(block[starts[first] : ends[stop - 1]] + b"\n")
            self.number += stop - first

    def _plain(self, line: bytes) -> bool:
        if (
            (self.delimiter and b'"' in line)
            or b"\0" in line
            or b"\x1e" in line
            or b"\x1f" in line
            or b"\r" in line
        ):
            return False
        return len(line) <= _LONGEST and (line.isascii() or _is_utf8(line))

    def _special(self, line: bytes) -> Special | None:
        """Return what the line alone amounts to; None if an open quote may be closed further on."""
        record = line.decode("utf-8", "backslashreplace")
        if b"\0" in line:
            return Special(self.number, record.replace("\0", "\\x00"), None, "line:nul_byte")
        if not _is_utf8(line):
            return Special(self.number, record, None, "line:not_utf8")
        if len(line) > _LONGEST:
            return Special(self.number, record, None, "line:too_long")
        if self.delimiter is None:
            return Special(self.number, record, [record], None)
        fields = self._parse(record)
        if fields is None and not self._is_open(record):
            return self._bad_quoting(line)
        return None if fields is None else Special(self.number, record, fields, None)

    def _is_open(self, record: str) -> bool:
        """Return True if the record ends inside a quoted field; no other fault is mended by what follows."""
        try:
            list(csv.reader([record], delimiter=self.delimiter or ",", strict=True))
        except csv.Error as error:
            return "unexpected end of data" in str(error)
        return False

    def _bad_quoting(self, line: bytes) -> Special:
        return Special(self.number, line.decode("utf-8"), None, "line:bad_quoting")

    def _parse(self, record: str) -> list[str] | None:
        try:
            rows = list(
                csv.reader(io.StringIO(record, newline=""), delimiter=self.delimiter or ",", strict=True)
            )
        except csv.Error:
            return None
        return rows[0] if len(rows) == 1 else None

    def _span(self, line: bytes, block: bytes, starts: Any, ends: Any) -> tuple[int, Special | None]:
        """Try to close an open quote with the lines that follow; return how many it takes, and the record."""
        record = line.decode("utf-8")
        if len(ends) == 0 or block.find(b'"', int(starts[0]), int(ends[-1])) < 0:
            return 0, None
        for taken, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True), 1):
            following = block[start:end].removesuffix(b"\r")
            if not _is_utf8(following) or b"\0" in following or len(record) > _LONGEST:
                break
            record += "\n" + following.decode("utf-8")
            if b'"' not in following:
                continue
            fields = self._parse(record)
            if fields is not None:
                whole = len(fields) == self.columns
                return (taken, Special(self.number, record, fields, None)) if whole else (0, None)
        return 0, None
