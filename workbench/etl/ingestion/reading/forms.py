"""What a landed file is, told by looking at it; of a form that isn't read, what to do about it."""

from __future__ import annotations

import codecs
import io
import json
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal

from workbench.etl.ingestion.converting.encodings import UTF_8, WESTERN, Recoded, tell_encoding
from workbench.etl.ingestion.converting.faults import ForeignForm
from workbench.etl.ingestion.converting.json_values import JsonValues
from workbench.etl.ingestion.converting.nested import Unnested
from workbench.etl.ingestion.converting.packed import open_unpacked
from workbench.etl.ingestion.converting.workbook import has_password
from workbench.sources.dialect import Dialect

Form = Literal["empty", "parquet", "workbook", "json", "csv"]

_LOOK = 64 << 10
_BUFFER = 1 << 20
_WANTED = "CSV, JSON, Parquet or an Excel workbook"
_CONVERT = f"convert it to {_WANTED}"
_UNPACK = "unpack it and load the files in it"

_BINARY: tuple[tuple[bytes, str, str], ...] = (
    (b"PARE", "an encrypted Parquet file", "write it without encryption"),
    (b"\x1f\x9d", "compressed with compress (.Z)", "unpack it, or use gzip or zstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"%PDF-", "a PDF document", "ask for the data as CSV"),
    (b"\x89PNG\r\n\x1a\n", "a picture (PNG)", "ask for the data as CSV"),
    (b"\xff\xd8\xff", "a picture (JPEG)", "ask for the data as CSV"),
    (b"GIF87a", "a picture (GIF)", "ask for the data as CSV"),
    (b"GIF89a", "a picture (GIF)", "ask for the data as CSV"),
    (b"II*\0", "a picture (TIFF)", "ask for the data as CSV"),
    (b"MM\0*", "a picture (TIFF)", "ask for the data as CSV"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Office file", "save it as .xlsx, or the sheet as CSV UTF-8"),
    (b"{\\rtf", "an RTF document", "save the data as CSV UTF-8"),
    (b"SQLite format 3\0", "an SQLite database", "export the table as CSV"),
    (b"ARROW1", "an Arrow (Feather) file", _CONVERT),
    (b"FEA1", "a Feather file", _CONVERT),
    (b"ORC", "an ORC file", _CONVERT),
    (b"Obj\x01", "an Avro file", _CONVERT),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", _CONVERT),
    (b"\x93NUMPY", "a NumPy array", _CONVERT),
    (b"\x80\x04\x95", "a Python pickle", f"{_CONVERT}; a pickle is never opened, since that runs its code"),
    (b"\x80\x05\x95", "a Python pickle", f"{_CONVERT}; a pickle is never opened, since that runs its code"),
    (b"\x7fELF", "a program", "look for the file you meant"),
    (b"MZ\x90\0", "a program", "look for the file you meant"),
)  # fmt: skip
_MARKUP = (
    (rb"<!doctype html|<html|<head|<body|<table|<!--", "a page in HTML", "was it an error page or a login? Download the data itself"),
    (rb"<svg", "a picture (SVG)", "ask for the data as CSV"),
    (rb"<\?xml", "an XML document", _CONVERT),
)  # fmt: skip


@dataclass(frozen=True)
class Content:
    """What a file holds, and how to get at it.

    Attributes:
        path: the file.
        form: of what it holds.
        dialect: what is said of it.
        packing: what it is packed in, the outermost first.
        encoding: of a text, as Python calls it.
        depth: of the values in a JSON document that isn't one of lines: 1 in an array, 0 of objects over many lines.
        notes: what was told by looking and might be told wrong, for people.
        is_sheet: whether it is CSV that was made of a sheet of a workbook.
    """

    path: Path
    form: Form
    dialect: Dialect = field(default_factory=Dialect)
    packing: tuple[str, ...] = ()
    encoding: str = UTF_8
    depth: int | None = None
    notes: tuple[str, ...] = ()
    is_sheet: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether the file's own bytes are those that :meth:`open` gives."""
        return not self.packing and self.encoding == UTF_8 and self.depth is None and not self._unnested

    @property
    def _unnested(self) -> str | None:
        return self.dialect.unnest if self.form == "json" else None

    def open(self) -> BinaryIO:
        """Open the text: unpacked, in UTF-8, of JSON a value a line.

        Raises:
            ForeignForm, Damaged, OSError: it can't be read; reading raises them, too.
        """
        stream, _ = open_unpacked(self.path)
        if self.encoding != UTF_8:
            stream = io.BufferedReader(Recoded(stream, self.encoding), _BUFFER)
        if self.depth is not None:
            stream = io.BufferedReader(JsonValues(stream, self.depth), _BUFFER)
        if self._unnested:
            stream = io.BufferedReader(Unnested(stream, self._unnested), _BUFFER)
        return stream

    def described(self) -> str:
        """Return in words what it is."""
        names = {"parquet": "Parquet", "workbook": "an Excel workbook", "csv": "CSV", "empty": "empty"}
        json_names = {None: "JSON lines", 1: "a JSON array", 0: "JSON objects over several lines"}
        name = "an Excel workbook" if self.is_sheet else names.get(self.form) or json_names[self.depth]
        packed = " in ".join([name, *reversed(self.packing)])
        is_text = self.form in ("csv", "json") and not self.is_sheet
        return f"{packed}, {self.encoding.upper()}" if is_text else packed


def look_at(path: Path, dialect: Dialect | None = None) -> Content:
    """Tell what a file holds.

    A text that begins as JSON does is JSON, whatever its name; one named so is, unless it begins otherwise.

    Raises:
        ForeignForm: it is of a form that isn't read.
        Damaged, OSError: it can't be read.
    """
    dialect = dialect or Dialect()
    stream, packing = open_unpacked(path)
    with stream:
        start = stream.read(_LOOK)
    if not start.removeprefix(codecs.BOM_UTF8):
        return Content(path, "empty", dialect, packing)
    if start.startswith(b"PAR1"):
        return Content(path, "parquet", dialect, packing)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        if verdict := _document(path, start, packed=bool(packing)):
            raise ForeignForm("it is {}: {}".format(*verdict))
        return Content(path, "workbook", dialect, packing)
    if verdict := _binary(path, start):
        raise ForeignForm("it is {}: {}".format(*verdict))
    with open_unpacked(path)[0] as stream:
        told = dialect.encoding or tell_encoding(stream, start)
    encoding = told or UTF_8
    with io.BufferedReader(Recoded(io.BytesIO(start), encoding)) as decoded:
        text = decoded.read().removeprefix(codecs.BOM_UTF8)
    if not text:
        return Content(path, "empty", dialect, packing)
    if verdict := _text(text):
        raise ForeignForm("it is {}: {}".format(*verdict))
    form, depth = _json(path, text)
    if form == "csv" and dialect.unnest:
        raise ForeignForm("it is CSV, and the map says unnest: lists are in JSON and Parquet")
    return Content(path, form, dialect, packing, encoding, depth, _notes(dialect, told, packing))


def _notes(dialect: Dialect, told: str | None, packing: tuple[str, ...]) -> tuple[str, ...]:
    if told is None:
        return ("not all of it is UTF-8; a map may say its encoding (encoding: windows-1250)",)
    if dialect.encoding or told == UTF_8:
        return ()
    return (f"read as {'windows-1252' if told == WESTERN else told.upper()}, told by looking",)


def _json(path: Path, text: bytes) -> tuple[Form, int | None]:
    """Return whether a text is JSON or CSV, and how deep in it the values are if they aren't lines."""
    start = text.lstrip()
    if start.startswith(b"["):
        # A line of a CSV may begin with a bracket, too.
        if re.match(rb"\[\s*([\[{]|\]\s*$)", start) or (_is_named_json(path) and not _is_json_line(start)):
            return "json", 1
    elif start.startswith(b"{"):
        return "json", 0 if _is_spread(start) else None
    # One that is named so, and whose first line alone is broken, is JSON lines still.
    like_csv = b"," in re.split(rb"[\r\n]", text, maxsplit=1)[0] and not re.search(rb"[\r\n]\s*\{", text)
    return ("json" if _is_named_json(path) and not like_csv else "csv"), None


def _is_named_json(path: Path) -> bool:
    name = path.name.lower()
    for packing in (".gz", ".zst", ".zip", ".bz2", ".xz", ".lz4"):
        name = name.removesuffix(packing)
    return name.endswith((".jsonl", ".ndjson", ".json"))


def _is_json_line(start: bytes) -> bool:
    """Whether an array is closed on the first line and more lines follow."""
    first, _, following = start.partition(b"\n")
    return first.rstrip().endswith(b"]") and bool(following.strip())


def _binary(path: Path, start: bytes) -> tuple[str, str] | None:
    if start.startswith(b"\xd0\xcf\x11\xe0") and has_password(path):
        return "an Excel workbook with a password", "take the password off and save it again"
    if start[8:12] == b"DUCK":
        return "a DuckDB database", "export the table: COPY t TO 'file.parquet'"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "a picture (WebP)", "ask for the data as CSV"
    if start[257:262] == b"ustar":
        return "a tar archive", _UNPACK
    return next(((what, advice) for magic, what, advice in _BINARY if start.startswith(magic)), None)


def _document(path: Path, start: bytes, *, packed: bool) -> tuple[str, str] | None:
    """Return what a zip is that is a document; None for a workbook that can be read."""
    names: list[str] = []
    if not packed:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    if "xl/workbook.bin" in names:
        return "a binary Excel workbook (.xlsb)", "save it as .xlsx, or the sheet as CSV UTF-8"
    if any(name.startswith(("word/", "ppt/")) for name in names):
        return "an Office document", "save the data as CSV UTF-8"
    if "mimetype" in names:
        return "an OpenDocument file (.ods)", "save it as .xlsx, or the sheet as CSV UTF-8"
    return None


def _text(start: bytes) -> tuple[str, str] | None:
    text = start.removeprefix(codecs.BOM_UTF8).lstrip()
    for pattern, what, advice in _MARKUP:
        if re.match(pattern, text, re.IGNORECASE):
            return what, advice
    if text.startswith(b"{") and _is_spread(text) and re.search(rb'"(cells|nbformat)"\s*:', text):
        return "a Jupyter notebook", "run it with: workbench notebook"
    return None


def _is_spread(text: bytes) -> bool:
    """Return True if an object goes on after the first line, as it does when it is written for people."""
    first, end, following = text.partition(b"\n")
    if not end or not following.strip():
        first, end, following = text.partition(b"\r")
    if not end or following.lstrip()[:1] not in (b'"', b"}"):
        return False
    try:
        json.loads(first)
    except ValueError:
        return True
    return False
