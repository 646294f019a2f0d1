"""Where a CSV can be divided: at bytes where one record ends and the next begins.

A border is guessed behind a line end, and looked at afterwards: a part that begins with a record ends with one, too, or
a record spans the border. By that, from the first part on, each border is known to be one or not, though the parts are
looked at side by side.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.etl.ingestion.reading.cutter import Cutter, Layout

_LOOK = 1 << 20


@dataclass(frozen=True)
class Range:
    """Bytes of a file; ``is_last`` if nothing follows."""

    start: int
    stop: int
    is_last: bool


@dataclass(frozen=True)
class Part:
    """A range of whole records, ``before`` of which come earlier in the file."""

    range: Range
    before: int


class _Nowhere(io.RawIOBase):
    def write(self, _: object) -> int:
        return 0


def ranges(path: Path, head: int, size: int) -> list[Range]:
    """Return the ranges of about ``size`` bytes behind the head of a file, each but the last ending with a line."""
    end = path.stat().st_size
    stops = [*_line_ends(path, range(head + size, end, size)), end]
    starts = [head, *stops[:-1]]
    return [
        Range(start, stop, stop == end) for start, stop in zip(starts, stops, strict=True) if start < stop
    ]


def read(path: Path, part: Range) -> bytes:
    """Return the bytes of a range."""
    with path.open("rb") as file:
        file.seek(part.start)
        return file.read(part.stop - part.start)


def count_records(path: Path, part: Range, layout: Layout) -> int | None:
    """Return how many records a range has that begins with one; None if it doesn't end with one."""
    block = read(path, part)
    if b"\r" not in block and not (layout.quote and layout.quote.encode() in block):
        return block.count(b"\n") + (not block.endswith(b"\n"))
    cutter = Cutter(layout, _Nowhere(), lambda _: None)  # type: ignore[arg-type]
    used = cutter.cut(block, last=part.is_last)
    return cutter.number if used == len(block) else None


def parts_of(
    found: Sequence[Range], counts: Sequence[int | None], count: Callable[[Range], int | None]
) -> list[Part]:
    """Return the parts of whole records; ranges with a record that spans their border become one.

    Args:
        found: all ranges of a file.
        counts: of each, what :func:`count_records` returned.
        count: returns that of a range that was made of two.
    """
    parts: list[Part] = []
    before = 0
    start: int | None = None
    for each, records in zip(found, counts, strict=True):
        whole = each if start is None else Range(start, each.stop, each.is_last)
        records = records if start is None else count(whole)
        if records is None:
            start = whole.start
            continue
        parts.append(Part(whole, before))
        before, start = before + records, None
    return parts


def _line_ends(path: Path, places: range) -> Iterator[int]:
    """Yield the places behind the first LF after some places, each once."""
    last = 0
    with path.open("rb") as file:
        for place in places:
            if place <= last:
                continue
            file.seek(place - 1)
            at = place - 1
            while block := file.read(_LOOK):
                if (found := block.find(b"\n")) >= 0:
                    last = at + found + 1
                    if last < places.stop:
                        yield last
                    break
                at += len(block)
            else:
                return
