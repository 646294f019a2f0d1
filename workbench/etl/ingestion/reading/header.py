"""The head of a text file: its byte-order mark, Excel's ``sep=`` line, what stands above, and what names the columns."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from workbench.etl.ingestion.reading.forms import Content
from workbench.etl.ingestion.reading.quoting import Quoting

DELIMITERS = ",;\t|^~\x01:"
_COMMON = ",;\t|"
_MOST_ABOVE = 50
"""Lines of a file among which a header is looked for."""
_MOST_LINES = 200
"""Lines that one record of a header may span."""
_END = re.compile(rb"\r\n|\r|\n")
_SEPARATOR = re.compile(r"\s*\"?sep=(.)\"?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Header:
    """The columns of a CSV, each once, and how they are delimited.

    Attributes:
        names: as the first record names them, or a map, or by their places.
        delimiter: between two fields.
        size: how many bytes come before the records; where no column is known, the first record is one of them.
        known: how many of the columns are known.
        lines: the first of the file, as they are.
        above: the lines above the header.
        rows: how many records come before the first that is a row.
        line: in which the header stands, or where there is none, the first record; of a sheet, the row.
    """

    names: tuple[str, ...]
    delimiter: str
    size: int
    known: int
    lines: tuple[str, ...]
    above: tuple[str, ...] = ()
    rows: int = 0
    line: int = 1


@dataclass(frozen=True)
class _Record:
    fields: list[str]
    start: int
    end: int
    delimiter: str

    def count(self, wanted: set[str]) -> int:
        """Return how many of some names are fields of it."""
        return len(wanted.intersection(map(_name, self.fields)))


def read_header(content: Content, known: Iterable[str], longest: int) -> Header:
    """Read the head of a CSV.

    The header is the first record, unless a later line of the first 50 has more of the known names, and at least two.

    Args:
        content: the text.
        known: names of columns by which a header can be told, whatever their case.
        longest: bytes that a record may have.
    """
    dialect = content.dialect
    with content.open() as file:
        start = file.read(longest + 2)
    mark = len(codecs.BOM_UTF8) if start.startswith(codecs.BOM_UTF8) else 0
    wanted = {name.lower() for name in known}
    shown = tuple(line.decode("utf-8", "backslashreplace") for line in _END.split(start[mark:])[:100])
    first, end = _line(start, mark)
    separator = _SEPARATOR.fullmatch(first)
    place = end if separator else mark
    # Anything but ASCII is no delimiter.
    told = dialect.delimiter or (separator[1] if separator and separator[1].isascii() else None)
    quote = None if dialect.quote == "none" else dialect.quote or '"'
    choices = [told] if told else DELIMITERS

    def record(place: int) -> _Record:
        found = [_record(start, place, delimiter, quote, longest) for delimiter in choices]
        best = max(found, key=lambda each: each.count(wanted))
        return best if best.count(wanted) else max(found, key=_looks_delimited)

    began = place
    for _ in range(dialect.skip or 0):
        place = _row_end(start, place) if content.is_sheet else _line(start, place)[1]
    if dialect.header == "none":
        names, delimiter = _without(
            [_record(start, place, each, quote, longest) for each in choices], dialect.names
        )
        count = sum(name.lower() in wanted for name in names)
        above = _above(start, began, place)
        line = (_rows(above) if content.is_sheet else len(above) + bool(separator)) + 1
        return Header(names, delimiter, place, count, shown, above, _rows(above), line)
    best = record(place)
    if dialect.skip is None and (below := _below(start, place, best.count(wanted), choices, quote, wanted)):
        best = max(best, record(below), key=lambda each: each.count(wanted))
    count = best.count(wanted) if best.end - best.start <= longest else 0
    above = _above(start, began, best.start)
    size = best.end if count else best.start
    rows, line = _rows(above), (_rows(above) if content.is_sheet else len(above) + bool(separator)) + 1
    names = tuple(distinct(best.fields))
    return Header(names, best.delimiter, size, count, shown, above, rows + bool(count), line)


def _without(records: list[_Record], names: tuple[str, ...] | None) -> tuple[tuple[str, ...], str]:
    """Return the names of columns that no line names, said or by place, and the delimiter."""
    if names:
        return names, max(records, key=lambda each: len(each.fields) == len(names)).delimiter
    best = max(records, key=_looks_delimited)
    return tuple(f"column{place}" for place in range(1, len(best.fields) + 1)), best.delimiter


def _looks_delimited(record: _Record) -> tuple[bool, int]:
    """Rank a record by how much it looks like one of that delimiter, where no name tells."""
    return record.delimiter in _COMMON and len(record.fields) > 1, len(record.fields)


def _below(
    start: bytes, place: int, most: int, choices: Iterable[str], quote: str | None, wanted: set[str]
) -> int | None:
    """Return where the line begins that has more known names than the first, and at least two (or all)."""
    found, most = None, max(most, min(1, len(wanted) - 1))
    for _ in range(_MOST_ABOVE):
        line, end = _line(start, place)
        bare = line.replace(quote, "") if quote else line
        count = max(len(wanted.intersection(map(_name, bare.split(each)))) for each in choices)
        if count > most:
            found, most = place, count
        place = end
    return found


def _above(start: bytes, place: int, end: int) -> tuple[str, ...]:
    """Return the lines between two places."""
    found = []
    while place < end:
        line, place = _line(start, place)
        found.append(line)
    return tuple(found)


def _rows(lines: Iterable[str]) -> int:
    """Return how many records lines are, of which a quoted field may span several."""
    return sum(1 for _ in csv.reader(f"{line}\n" for line in lines))


def _name(cell: str) -> str:
    return cell.strip().lower()


def _row_end(start: bytes, place: int) -> int:
    """Return where the row of a sheet ends."""
    line, end = _line(start, place)
    return _record(start, place, ",", '"', len(start)).end if '"' in line else end


def _line(start: bytes, place: int) -> tuple[str, int]:
    end = _END.search(start, place)
    line = start[place : end.start() if end else len(start)]
    return line.decode("utf-8", "backslashreplace"), end.end() if end else len(start)


def _record(start: bytes, place: int, delimiter: str, quote: str | None, longest: int) -> _Record:
    """Return the record at a place."""
    line, end = _line(start, place)
    if quote is None:
        return _Record(line.split(delimiter), place, end, delimiter)
    quoting = Quoting(delimiter, 0, longest, quote)
    if quoting.is_open(line):
        for more in islice(_END.finditer(start, end), _MOST_LINES):
            text = start[place : more.start()].decode("utf-8", "backslashreplace")
            if not quoting.is_open(text):
                if (fields := quoting.parse(text)) is not None:
                    return _Record(fields, place, more.end(), delimiter)
                break
    try:
        (fields,) = csv.reader((line,), delimiter=delimiter, quotechar=quote, strict=True)
    except (csv.Error, ValueError):
        fields = line.split(delimiter)
    return _Record(fields, place, end, delimiter)


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
