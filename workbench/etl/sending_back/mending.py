"""Rows from quarantine as a CSV that people mend, and that CSV read again."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from workbench.errors import UsageError
from workbench.etl.ingestion.reading.sent_back.rows import split_record, written_members
from workbench.files import csv_writer
from workbench.governance.quarantine.rows import Refused
from workbench.settings import get_settings

BATCH, ROW, REASONS, RECORD = (f"_quarantine_{name}" for name in ("batch", "row", "reasons", "record"))
"""The columns before those of the file: which row it is, what is wrong with it, and its text as it came."""

_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
"""How files of spreadsheets begin, new and old: as zips and as compound files."""

LOST = frozenset({"line:not_utf8", "line:too_long", "line:nul_byte"})
"""Reasons of rows whose text in quarantine isn't, byte for byte, what came."""

Key = tuple[str, int]


@dataclass(frozen=True)
class Mended:
    """What a person made of a row: its cells by the names of their columns, or its text. None of both as it came.

    ``form`` is how the text is read, if otherwise than the row as it stands.
    """

    cells: dict[str, str] | None = None
    record: str | None = None
    form: str | None = None


def cells_of(row: Refused) -> dict[str, str] | None:
    """Return the cells of a row by the names of their columns; None if its text can't be split into them."""
    form = json.loads(row.form) if row.form else {}
    if form.get("form") == "csv":
        columns = form["columns"]
        cells = split_record(form, row.record, get_settings().longest_line)
        if not columns or cells is None or len(cells) != len(columns) or LOST & set(row.reasons):
            return None
        return dict(zip(columns, cells, strict=True))
    if form.get("form") in ("json", "parquet"):
        found = written_members(row.record)
        return None if found is None else {name: _text(value) for name, value in found.items()}
    return None


def _text(value: str) -> str:
    """Return what a cell has for a value in JSON: a text itself, nothing for null, and of others their words."""
    if value == "null":
        return ""
    return json.loads(value) if value.startswith('"') else value


def write_csv(rows: Sequence[Refused], out: Any) -> None:
    """Write rows as a CSV with a header to a text file: which row, its reasons and its text, then its columns."""
    cells = [cells_of(row) for row in rows]
    names: dict[str, None] = {}
    for row, found in zip(rows, cells, strict=True):
        names |= dict.fromkeys(_columns(row.form))
        names |= dict.fromkeys(found or ())
    writer = csv_writer(out)
    writer.writerow([BATCH, ROW, REASONS, RECORD, *names])
    for row, found in zip(rows, cells, strict=True):
        told = [row.batch_id, row.row_number, " ".join(row.reasons), row.record]
        writer.writerow([*told, *((found or {}).get(name, "") for name in names)])


@cache
def _columns(form: str | None) -> tuple[str, ...]:
    return tuple(json.loads(form).get("columns", ())) if form else ()


def read_csv(path: Path) -> dict[Key, dict[str, str]]:
    """Return the cells of an exported CSV by batch and row, whatever a program made of its delimiter.

    Raises:
        UsageError: it isn't one, or a row of it can't be told.
    """
    found: dict[Key, dict[str, str]] = {}
    for line, row in _lines(path):
        try:
            key = row[BATCH].strip(), int(row[ROW])
        except ValueError:
            raise UsageError(f"{path}, line {line}: {row[ROW]!r} in {ROW} is no row number") from None
        if key in found:
            raise UsageError(
                f"{path}, line {line}: row {key[1]} of batch {key[0][:12]} is there twice; keep one of them"
            )
        found[key] = row
    return found


def _encoding(path: Path) -> str:
    """Return the encoding of an exported CSV: UTF-8, or UTF-16 if it begins as that does.

    Raises:
        UsageError: it is a workbook.
    """
    with path.open("rb") as file:
        first = file.read(8)
    if first.startswith(_WORKBOOKS):
        raise UsageError(f"{path} is a workbook: save it as CSV UTF-8, and give that file")
    return "utf-16" if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        # Nothing but LF, CR LF and CR ends a line, and within a cell each stays as it is.
        with path.open(encoding=_encoding(path), newline="") as file:
            text = file.read()
    except FileNotFoundError:
        raise UsageError(f"no file {path}") from None
    except UnicodeError:
        raise UsageError(f"{path} isn't UTF-8; save it as CSV UTF-8") from None
    except OSError as error:
        raise UsageError(f"can't read {path}: {error.strerror or error}") from None
    csv.field_size_limit(max(csv.field_size_limit(), 4 * get_settings().longest_line))
    lines = io.StringIO(text, newline="")
    first, above = lines.readline(), 0
    if first.lower().startswith("sep="):
        # Excel writes how it is delimited above the header.
        first, above = lines.readline(), 1
    reader = csv.reader(itertools.chain([first], lines), delimiter=_delimiter(first))
    try:
        header = next(reader, [])
        if not {BATCH, ROW} <= set(header):
            raise UsageError(
                f"{path} has no columns {BATCH} and {ROW}: it is no file that workbench quarantine export wrote. A corrected "
                "file of its own is loaded with: workbench load FILE"
            )
        for cells in reader:
            line = reader.line_num + above
            if not any(cells):
                continue
            if len(cells) != len(header):
                raise UsageError(f"{path}, line {line}: {len(cells)} cells, and the header has {len(header)}")
            yield line, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num + above}: {error}") from None


def _delimiter(header: str) -> str:
    """Return what delimits a header, by the one with which our column is a cell of its first line."""
    return next((each for each in ",;\t|" if BATCH in next(csv.reader([header], delimiter=each), [])), ",")


def mended(row: Refused, cells: Mapping[str, str], now: Refused | None = None) -> Mended:
    """Return what a person made of a row, by its line of the exported CSV: of its cells, of its text, or of both.

    Args:
        row: as it was exported.
        cells: the line.
        now: the row as it stands, if it was sent back since then: what it has already is no mend.
    """
    now = now or row
    theirs, changed = _changes(row, cells)
    text = cells.get(RECORD)
    if text is not None and _is_same(text, row.record):
        text = None
    if changed and text is not None:
        before, inside = cells_of(row) or {}, cells_of(replace(row, record=text, reasons=[])) or {}
        differing = {
            name: value for name, value in inside.items() if not _is_same(value, before.get(name, ""))
        }
        changed = differing | changed
    if not changed:
        if text is None or _is_same(text, now.record):
            return Mended()
        return Mended(record=text, form=row.form if row.form != now.form else None)
    standing = cells_of(now) or {}
    further = {name: value for name, value in changed.items() if value != standing.get(name, "")}
    if not further:
        return Mended()
    columns, whole = _columns(now.form), dict[str, str]()
    if (json.loads(now.form) if now.form else {}).get("form", "csv") == "csv":
        first, second = (theirs, standing) if now is row else (standing, theirs)
        whole = {name: first.get(name, second.get(name, "")) for name in (*columns, *standing)}
    whole |= further
    return Mended(cells={name: whole[name] for name in dict.fromkeys([*columns, *whole]) if name in whole})


def _changes(row: Refused, cells: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the cells of a line of the exported CSV, and those of them that a person changed."""
    before = cells_of(row) or {}
    own = {*_columns(row.form), *before}
    theirs = {
        name: before[name] if name in before and _is_same(value, before[name]) else value
        for name, value in cells.items()
        if name not in (BATCH, ROW, REASONS, RECORD)
    }
    changed = {
        name: value
        for name, value in theirs.items()
        if value != before.get(name, "") and (name in own or value)
    }
    return theirs, changed


def _is_same(one: str, other: str) -> bool:
    """Return whether two texts differ in nothing but how lines end, which programs change when they save a file."""
    return one == other or _plain(one) == _plain(other)


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def match(
    rows: Sequence[Refused], given: Mapping[Key, dict[str, str]]
) -> tuple[list[Refused], dict[Key, Mended], list[Refused]]:
    """Find the rows that a CSV speaks of.

    One that was sent back before and refused again is meant as it stands now, if what was changed in it since the
    export goes further.

    Returns:
        The open rows, what was made of them, and the rows that are no longer open.
    """
    by_place = {(row.batch_id, row.row_number): row for row in rows}
    found: dict[Key, Refused] = {}
    made: dict[Key, Mended] = {}
    done = []
    for key, cells in given.items():
        row = by_place.get(key)
        if row is None:
            continue
        now = row
        while now.status == "replayed" and (
            later := by_place.get((now.into_batch_id or "", now.into_row_number or 0))
        ):
            now = later
        what = mended(row, cells, now)
        place = (now.batch_id, now.row_number)
        if now.status != "open" or (now is not row and what == Mended()) or place in found:
            done.append(row)
            continue
        found[place], made[place] = now, what
    return list(found.values()), made, done
