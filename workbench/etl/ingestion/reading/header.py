"""The head of a text file: its byte-order mark, Excel's ``sep=`` line, and the first record, which names columns."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from workbench.etl.ingestion.reading.lines import open_bytes
from workbench.etl.ingestion.reading.quoting import Quoting

DELIMITERS = ",;\t|"
_END = re.compile(rb"\r\n|\r|\n")
_SEPARATOR = re.compile(r"\s*\"?sep=(.)\"?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Header:
    """The columns of a CSV as its first record names them, each once, and how they are delimited.

    ``size`` is how many bytes come before the records; where no column is known (``known`` is 0), the first record
    is one of them. ``lines`` are the first of the file, as they are.
    """

    names: tuple[str, ...]
    delimiter: str
    size: int
    known: int
    lines: tuple[str, ...]


def read_header(path: Path, known: Iterable[str], longest: int) -> Header:
    """Read the head of a CSV, plain or gzip.

    Args:
        path: the file.
        known: names of columns by which a header can be told, whatever their case.
        longest: bytes that a record may have.
    """
    with open_bytes(path) as file:
        start = file.read(longest + 2)
    mark = len(codecs.BOM_UTF8) if start.startswith(codecs.BOM_UTF8) else 0
    wanted = {name.lower() for name in known}
    shown = tuple(line.decode("utf-8", "backslashreplace") for line in _END.split(start[mark:])[:100])
    first, end = _line(start, mark)
    sep_line = _SEPARATOR.fullmatch(first)
    place = end if sep_line else mark
    choices = [sep_line[1]] if sep_line else sorted(DELIMITERS, key=lambda delimiter: delimiter != ",")
    found = [_record(start, place, delimiter, longest) for delimiter in choices]
    names, size, delimiter = max(found, key=lambda each: sum(name.lower() in wanted for name in each[0]))
    count = sum(name.lower() in wanted for name in names) if size - place <= longest else 0
    return Header(tuple(names), delimiter, size if count else place, count, shown)


def _line(start: bytes, place: int) -> tuple[str, int]:
    end = _END.search(start, place)
    line = start[place : end.start() if end else len(start)]
    return line.decode("utf-8", "backslashreplace"), end.end() if end else len(start)


def _record(start: bytes, place: int, delimiter: str, longest: int) -> tuple[list[str], int, str]:
    """Return the fields of the record at a place, where what follows it begins, and the delimiter."""
    quoting = Quoting(delimiter, 0, longest)
    line, end = _line(start, place)
    if quoting.is_open(line):
        for more in _END.finditer(start, end):
            text = start[place : more.start()].decode("utf-8", "backslashreplace")
            if not quoting.is_open(text):
                if (fields := quoting.parse(text)) is not None:
                    return distinct(fields), more.end(), delimiter
                break
    try:
        (fields,) = csv.reader((line,), delimiter=delimiter, strict=True)
    except (csv.Error, ValueError):
        fields = line.split(delimiter)
    return distinct(fields), end, delimiter


def distinct(header: Iterable[str], *, trimmed: bool = True) -> list[str]:
    """Give every column a name of its own: the first of two keeps it, an empty one is called by its place."""
    names: list[str] = []
    taken: set[str] = set()
    for place, cell in enumerate(header, 1):
        name = (cell.strip() if trimmed else cell) or f"column{place}"
        while name in taken:
            name += f".{place}"
        taken.add(name)
        names.append(name)
    return names


def positions(known: Iterable[str], names: Iterable[str]) -> dict[str, list[int]]:
    """Return, for each known name that occurs, where among theirs: as it is written first, then in another case.

    A name that is written exactly as another known one is no other's.
    """
    known, names = tuple(known), tuple(names)
    by_case: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        by_case.setdefault(name.lower(), []).append(place)
    found = {}
    for name in known:
        candidates = [
            place
            for place in by_case.get(name.lower(), ())
            if names[place] == name or names[place] not in known
        ]
        if candidates:
            found[name] = sorted(candidates, key=lambda place: names[place] != name)
    return found
