"""A sheet of an Excel workbook (.xlsx) as CSV: its values as they would be written in one."""

from __future__ import annotations

import datetime as dt
import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from workbench.etl.ingestion.converting.faults import Damaged, ForeignForm
from workbench.files import csv_writer
from workbench.libraries.extras import advice
from workbench.sources.dialect import Dialect

_MOST = 2 << 30
"""Bytes that the parts of a workbook may hold unpacked: it is read into memory."""
_BLOCK = 4 << 20
_ERROR = re.compile(
    rb'<(?:\w+:)?c\b([^>]*\bt="e"[^>/]*)>(?:(?!</(?:\w+:)?c>).)*?<(?:\w+:)?v>([^<]*)</', re.DOTALL
)
_PLACE = re.compile(rb'\br="([A-Z]{1,3})([0-9]+)"')
_RELATIONS = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_PASSWORD = "EncryptedPackage".encode("utf-16-le")


@dataclass(frozen=True)
class Sheet:
    """A sheet as CSV: where it is written, its name, and the names of the others that have something in them."""

    path: Path
    name: str
    others: tuple[str, ...]


def has_password(path: Path) -> bool:
    """Whether an old Office file is the envelope of a workbook with a password."""
    with path.open("rb") as file:
        return _PASSWORD in file.read(1 << 20)


def write_sheet(path: Path, target: Path, dialect: Dialect) -> Sheet:
    """Write a sheet of a workbook as CSV, a line for each row from the sheet's first, blank where the row is.

    Numbers are written plainly (12, not 12.0), times as ISO 8601, formulas as their values when the workbook was
    saved, and errors as Excel shows them (``#N/A``).

    Raises:
        ForeignForm: there is no such sheet, or none with a value in it.
        Damaged: it is no workbook that can be read.
    """
    try:
        import python_calamine
    except ImportError:
        raise ForeignForm(f"it is an Excel workbook, which python-calamine reads; {advice('etl')}") from None
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(each.file_size for each in archive.infolist() if each.filename.endswith(".xml"))
            if size > _MOST:
                raise ForeignForm(
                    f"it is a workbook of {size >> 20} MB of cells: save the sheet as CSV UTF-8"
                )
            book = python_calamine.CalamineWorkbook.from_path(path)
            sheet, others = _chosen(book, dialect.sheet)
            errors = _errors(archive, sheet.name)
            with target.open("w", encoding="utf-8", newline="") as file:
                writer = csv_writer(file)
                for number, row in enumerate(sheet.iter_rows()):
                    texts = [_text(value, dialect) for value in row]
                    for column, error in errors.get(number, {}).items():
                        texts[column : column + 1] = [error]
                    writer.writerow(texts if any(texts) else [])
            return Sheet(target, sheet.name, others)
    except (
        python_calamine.CalamineError,
        zipfile.BadZipFile,
        ElementTree.ParseError,
        KeyError,
        NotImplementedError,
    ) as error:
        raise Damaged(f"the workbook can't be read: {error}") from None


def _chosen(book: Any, asked: str | int | None) -> tuple[Any, tuple[str, ...]]:
    names = book.sheet_names
    if isinstance(asked, int):
        if asked > len(names):
            raise ForeignForm(
                f"it is a workbook of {len(names)} sheets ({', '.join(names)}), and the map says sheet: {asked}"
            )
        return book.get_sheet_by_index(asked - 1), ()
    if asked is not None:
        if asked not in names:
            raise ForeignForm(
                f"it is a workbook with the sheets {', '.join(names)}, and the map says sheet: {asked}"
            )
        return book.get_sheet_by_name(asked), ()
    # Hidden ones often hold lists for menus; they are asked for by name.
    hidden = {each.name for each in book.sheets_metadata if not str(each.visible).endswith(".Visible")}
    filled = [sheet for name in names if name not in hidden and (sheet := book.get_sheet_by_name(name)).start]
    if not filled:
        more = f" but hidden ones: {', '.join(sorted(hidden))}; say sheet: NAME in a map" if hidden else ""
        raise ForeignForm(f"it is a workbook without a value in any sheet{more}")
    return filled[0], tuple(sheet.name for sheet in filled[1:])


def _text(value: Any, dialect: Dialect) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            text = f"{value:.0f}" if value == int(value) else format(Decimal(repr(value)), "f")
            return text.replace(".", ",") if dialect.decimal == "," else text
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case dt.timedelta():
            seconds = round(value.total_seconds())
            return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        case _:
            return str(value)


def _errors(archive: zipfile.ZipFile, name: str) -> dict[int, dict[int, str]]:
    """Return the errors in a sheet by row and column, from 0: the reader of values takes them for blank cells."""
    found: dict[int, dict[int, str]] = {}
    part = _part(archive, name)
    if part is None:
        return found
    for text in _blocks(archive, part):
        if b't="e"' not in text:
            continue
        for cell in _ERROR.finditer(text):
            if place := _PLACE.search(cell[1]):
                column = 0
                for letter in place[1]:
                    column = column * 26 + letter - 64
                found.setdefault(int(place[2]) - 1, {})[column - 1] = cell[2].decode()
    return found


def _blocks(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """Yield the XML of a sheet in blocks that end with a cell."""
    rest = b""
    with archive.open(part) as file:
        while block := file.read(_BLOCK):
            text = rest + block
            end = text.rfind(b"</c>") + 4
            if end > 4:
                yield text[:end]
                rest = text[end:]
            else:
                rest = text[-_BLOCK:]


def _part(archive: zipfile.ZipFile, name: str) -> str | None:
    """Return which part of a workbook holds a sheet."""
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314 - expat bounds entities
    sheets = {each.get("name"): each.get(_RELATIONS) for each in book.iter() if each.tag.endswith("}sheet")}
    links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    targets = {each.get("Id"): each.get("Target", "") for each in links}
    target = targets.get(sheets.get(name) or "")
    part = posixpath.normpath(posixpath.join("/xl", target)).lstrip("/") if target else None
    return part if part in archive.namelist() else None
