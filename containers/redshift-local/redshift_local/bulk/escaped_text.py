"""Delimited text in which a backslash takes the meaning from the character after it, as ESCAPE has it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from redshift_local.bulk.rows import ROWS, BadRow, Batch, Column
from redshift_local.operations import Copy, Location

_CHARACTERS = {b"n": b"\\\n", b"r": b"\\\r", b"t": b"\\\t", b"b": b"\b", b"f": b"\f", b"v": b"\v"}
_PAIR = re.compile(rb"\\(\\|[nrtbfv])")
_UNESCAPED = re.compile(r"\\(.)", re.S)


def as_redshift(row: bytes) -> bytes:
    r"""Return a row of PostgreSQL's text format as UNLOAD with ESCAPE writes it: a line feed as itself after a backslash."""
    return _PAIR.sub(lambda found: found[0] if found[1] == b"\\" else _CHARACTERS[found[1]], row)


_PLAIN = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"v": b"\v"}
_ANY_PAIR = re.compile(rb"\\(.)", re.S)


def unescaped(row: bytes) -> bytes:
    """Return a row of PostgreSQL's text format with every value as it is."""
    return _ANY_PAIR.sub(lambda found: _PLAIN.get(found[1], found[1]), row) if b"\\" in row else row


def records(stream: io.TextIOBase) -> Iterator[tuple[int, str]]:
    """Yield each record without its line feed, and the number of its first line: an escaped line feed ends none."""
    held: list[str] = []
    first = 1
    for number, line in enumerate(stream, 1):
        if not held:
            first = number
        held.append(line)
        body = line.removesuffix("\n")
        escapes = len(body) - len(body.rstrip("\\"))
        if escapes % 2 == 0 or body == line:
            yield first, "".join(held).removesuffix("\n").removesuffix("\r")
            held = []
    if held:
        yield first, "".join(held)


def read_escaped(
    stream: Any, location: Location, spec: Copy, columns: Sequence[Column], refuse: Callable[[BadRow], None]
) -> Iterator[Batch]:
    """Yield the rows of one file; a field that is the null string as it stands is null."""
    fields = re.compile(
        rf"((?:[^\\{re.escape(spec.delimiter)}]|\\.)*)(?:{re.escape(spec.delimiter)}|$)", re.S
    )
    names = [column.name for column in columns]
    errors = "replace" if spec.replacement else "strict"
    rows: list[list[str | None]] = []
    lines: list[int] = []

    def batch() -> Batch:
        arrays = [pa.array(values, pa.string()) for values in zip(*rows, strict=True)]
        return Batch(location.uri, pa.RecordBatch.from_arrays(arrays, names), list(lines))

    for line, record in records(io.TextIOWrapper(stream, "utf-8", errors=errors, newline="\n")):
        if line <= spec.header or (spec.ignore_blank_lines and not record.strip()):
            continue
        found, at = [], 0
        while (match := fields.match(record, at)) is not None:
            found.append(match[1])
            at = match.end()
            if at == len(record) and match[0] == match[1]:
                break
        if spec.fill_record:
            found += [""] * (len(names) - len(found))
        if len(found) != len(names):
            extra = len(found) > len(names)
            reason = "Extra column(s) found" if extra else "Delimiter not found"
            refuse(BadRow(location.uri, line, 1202 if extra else 1214, reason, raw_line=record))
            continue
        rows.append([None if raw == spec.null else _unescaped(raw, spec) for raw in found])
        lines.append(line)
        if len(rows) == ROWS:
            yield batch()
            rows, lines = [], []
    if rows:
        yield batch()


def _unescaped(raw: str, spec: Copy) -> str:
    text = _UNESCAPED.sub(r"\1", raw) if "\\" in raw else raw
    return text.replace("\ufffd", spec.replacement) if spec.replacement else text
