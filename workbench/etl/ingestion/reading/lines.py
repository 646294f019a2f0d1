"""Cut a text file into records, one a line, so that a record's number is its place in the file.

DuckDB splits plain lines faster than anything else, but it can't number the lines it rejects or hand back their
bytes. So the file is looked at once: lines it can take as they are stay in one plain file, and the few that need
care (quotes, broken UTF-8, control characters) are parsed here and leave a placeholder behind.

A line ends at LF, at CR LF or at a CR alone, in one file, too. Memory is bounded by a block and the longest line.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.etl.ingestion.reading.cutter import MARK, Cutter, Layout, Special
from workbench.etl.ingestion.reading.forms import Content

_CHUNK = 4 << 20
_LATER_MARK = b"\n" + MARK


@dataclass
class LineFile:
    """A file cut into records: ``path`` holds the plain ones, one a line, after ``skip`` lines of header."""

    path: Path
    skip: int
    records: int


def cut(content: Content, scratch: Path, layout: Layout, take: Callable[[list[Special]], None]) -> LineFile:
    """Cut a text into records.

    Args:
        content: the text.
        scratch: where to write the plain lines if the file can't be used as it is.
        layout: what is known of the file.
        take: called with the special records, some thousands at a time.

    Raises:
        Damaged, OSError: the file can't be read.
    """
    if content.is_plain:
        plain = _as_it_is(content.path, layout)
        if plain is not None:
            return plain
    with content.open() as source, scratch.open("wb") as target:
        source.read(layout.head)
        cutter = Cutter(layout, target, take)
        pending, last = b"", False
        while not last:
            chunk = source.read(_CHUNK)
            last = not chunk
            block = pending + chunk
            pending = block[cutter.cut(block, last=last) :]
        cutter.finish()
    return LineFile(scratch, 0, cutter.number)


def _as_it_is(path: Path, layout: Layout) -> LineFile | None:
    """Return the file itself if DuckDB can take each line as it is."""
    careful = (b"\r", *layout.careful)
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines, unfinished, before = 0, 0, b""
    with path.open("rb") as file:
        skip = _lines(file.read(layout.head))
        file.seek(0)
        while chunk := file.read(_CHUNK):
            if any(byte in chunk for byte in careful):
                return None
            if _LATER_MARK in chunk or _LATER_MARK in before + chunk[: len(MARK)]:
                return None
            before = chunk[-len(MARK) :]
            unfinished = _unfinished(chunk, unfinished, layout.longest)
            if unfinished < 0:
                return None
            lines += chunk.count(b"\n")
            if not chunk.isascii() or decoder.getstate()[0]:
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    return None
    if decoder.getstate()[0]:
        return None
    return LineFile(path, skip, lines + bool(unfinished) - skip)


def _lines(head: bytes) -> int:
    text = head.removeprefix(codecs.BOM_UTF8)
    return text.count(b"\n") + bool(text and not text.endswith(b"\n"))


def _unfinished(chunk: bytes, before: int, longest: int) -> int:
    """Return how long the line is that a chunk ends in, after so many bytes before; -1 if a line is too long."""
    start = -before
    while True:
        end = chunk.rfind(b"\n", max(start, 0), start + longest + 1)
        if end < 0:
            return len(chunk) - start if len(chunk) - start <= longest else -1
        start = end + 1
