"""Cut a text file into records, one a line, so that a record's number is its place in the file.

DuckDB splits plain lines faster than anything else, but it can't number the lines it rejects or hand back their
bytes. So the file is looked at once: lines it can take as they are stay in one plain file, and the few that need
care (quotes, broken UTF-8, control characters) are parsed here and leave a placeholder behind.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

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
    with open_bytes(path) as source, scratch.open("w", encoding="utf-8", newline="\n") as plain:
        lines = _lines(source)
        if header:
            next(lines, None)
        for text, special in cutter.records(lines):
            plain.write(text + "\n")
            if special is not None:
                result.specials.append(special)
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


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    for line in io.BufferedReader(file, _CHUNK):  # type: ignore[type-var]
        yield line.removesuffix(b"\n").removesuffix(b"\r")


class _Cutter:
    def __init__(self, delimiter: str | None, columns: int) -> None:
        self.delimiter = delimiter
        self.columns = columns
        self.number = 0

    def records(self, lines: Iterator[bytes]) -> Iterator[tuple[str, Special | None]]:
        waiting: list[bytes] = []
        while True:
            line = waiting.pop(0) if waiting else next(lines, None)
            if line is None:
                return
            self.number += 1
            if self._plain(line):
                yield line.decode("utf-8"), None
            else:
                yield PLACEHOLDER, self._special(line, waiting, lines)

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

    def _special(self, line: bytes, waiting: list[bytes], lines: Iterator[bytes]) -> Special:
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
        if fields is not None:
            return Special(self.number, record, fields, None)
        spanning = self._span(record, waiting, lines)
        if spanning is not None:
            return spanning
        return Special(self.number, record, None, "line:bad_quoting")

    def _parse(self, record: str) -> list[str] | None:
        try:
            rows = list(
                csv.reader(io.StringIO(record, newline=""), delimiter=self.delimiter or ",", strict=True)
            )
        except csv.Error:
            return None
        return rows[0] if len(rows) == 1 else None

    def _span(self, record: str, waiting: list[bytes], lines: Iterator[bytes]) -> Special | None:
        """Try to close an open quote with the lines that follow; those not used wait for their own turn."""
        taken: list[bytes] = []
        while len(taken) < _MOST_LINES and len(record) < _LONGEST:
            line = waiting.pop(0) if waiting else next(lines, None)
            if line is None:
                break
            taken.append(line)
            if not _is_utf8(line) or b"\0" in line:
                break
            record += "\n" + line.decode("utf-8")
            if b'"' not in line:
                continue
            fields = self._parse(record)
            if fields is not None:
                if len(fields) == self.columns:
                    return Special(self.number, record, fields, None)
                break
        waiting[:0] = taken
        return None
