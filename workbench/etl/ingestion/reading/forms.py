"""What a landed file is, told from its first bytes; of a form that isn't read, what to do about it."""

from __future__ import annotations

import codecs
import json
import re
import zipfile
from pathlib import Path
from typing import Literal

from workbench.etl.ingestion.reading.lines import is_gzip, open_bytes

Form = Literal["empty", "parquet", "json", "csv"]

_LOOK = 64 << 10
_WANTED = "CSV with a header, JSON lines or Parquet"
_CONVERT = f"convert it to {_WANTED}"
_UNPACK = "unpack it and load the files in it"

_BINARY: tuple[tuple[bytes, str, str], ...] = (
    (b"PARE", "an encrypted Parquet file", "write it without encryption"),
    (b"\x1f\x8b", "gzip inside gzip", "compress it once"),
    (b"BZh", "compressed with bzip2", "unpack it, or use gzip"),
    (b"\xfd7zXZ\0", "compressed with xz", "unpack it, or use gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it, or use gzip"),
    (b"\x04\x22\x4d\x18", "compressed with lz4", "unpack it, or use gzip"),
    (b"\x1f\x9d", "compressed with compress (.Z)", "unpack it, or use gzip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"%PDF-", "a PDF document", "ask for the data as CSV"),
    (b"\x89PNG\r\n\x1a\n", "a picture (PNG)", "ask for the data as CSV"),
    (b"\xff\xd8\xff", "a picture (JPEG)", "ask for the data as CSV"),
    (b"GIF87a", "a picture (GIF)", "ask for the data as CSV"),
    (b"GIF89a", "a picture (GIF)", "ask for the data as CSV"),
    (b"II*\0", "a picture (TIFF)", "ask for the data as CSV"),
    (b"MM\0*", "a picture (TIFF)", "ask for the data as CSV"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Office file", "save the sheet as CSV UTF-8"),
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


class ForeignForm(Exception):
    """The file is of a form that isn't read; its text says which, and what to do."""


def form_of(path: Path) -> Form:
    """Tell the form of a file.

    A file that begins as JSON does is JSON lines, whatever its name; one named so is, unless it begins otherwise.

    Raises:
        ForeignForm: it is something else.
        OSError, EOFError, zlib.error: it can't be read.
    """
    with open_bytes(path) as file:
        start = file.read(_LOOK)
    if not start.removeprefix(codecs.BOM_UTF8):
        return "empty"
    if start.startswith(b"PAR1"):
        if is_gzip(path):
            raise ForeignForm("it is Parquet inside gzip: unpack it; Parquet is compressed in itself")
        return "parquet"
    verdict = _binary(path, start) or _encoding(start) or _text(start)
    if verdict:
        raise ForeignForm("it is {}: {}".format(*verdict))
    text = start.removeprefix(codecs.BOM_UTF8)
    if text.lstrip().startswith(b"{"):
        return "json"
    named = path.name.lower().removesuffix(".gz").endswith((".jsonl", ".ndjson", ".json"))
    # One that is named so, and whose first line alone is broken, is JSON lines still.
    like_csv = b"," in re.split(rb"[\r\n]", text, maxsplit=1)[0] and not re.search(rb"[\r\n]\s*\{", text)
    return "json" if named and not like_csv else "csv"


def _binary(path: Path, start: bytes) -> tuple[str, str] | None:
    for magic, what, advice in _BINARY:
        if start.startswith(magic):
            return what, advice
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip(path)
    if start[8:12] == b"DUCK":
        return "a DuckDB database", "export the table: COPY t TO 'file.parquet'"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "a picture (WebP)", "ask for the data as CSV"
    if start[257:262] == b"ustar":
        return "a tar archive", _UNPACK
    return None


def _zip(path: Path) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError):
        names = []
    if any(name.startswith("xl/") for name in names):
        return "an Excel workbook (.xlsx)", "save the sheet as CSV UTF-8"
    if any(name.startswith(("word/", "ppt/")) for name in names):
        return "an Office document", "save the data as CSV UTF-8"
    if "mimetype" in names and "content.xml" in names:
        return "an OpenDocument file (.ods)", "save the sheet as CSV UTF-8"
    return "a zip archive", _UNPACK


def _encoding(start: bytes) -> tuple[str, str] | None:
    advice = "save it as UTF-8 (iconv -f {} -t UTF-8, or 'CSV UTF-8' in Excel)"
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "text in UTF-32", advice.format("UTF-32")
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "text in UTF-16", advice.format("UTF-16")
    # Without a mark: of ASCII text, every second byte is a NUL.
    look = start[: len(start) // 2 * 2][:2048]
    for name, text, nuls in (("UTF-16LE", look[::2], look[1::2]), ("UTF-16BE", look[1::2], look[::2])):
        if len(look) >= 8 and nuls.count(0) > 0.9 * len(nuls) and text.count(0) < 0.1 * len(text):
            return f"text in {name}", advice.format(name)
    if len(look) >= 8 and look.count(0) == len(look):
        return "nothing but zeros", "it was cut short or never written: get it again"
    return None


def _text(start: bytes) -> tuple[str, str] | None:
    text = start.removeprefix(codecs.BOM_UTF8).lstrip()
    for pattern, what, advice in _MARKUP:
        if re.match(pattern, text, re.IGNORECASE):
            return what, advice
    if text.startswith(b"["):
        if _is_array(text):
            return "one JSON array", "write an object a line (jq -c '.[]' FILE > FILE.jsonl)"
    elif text.startswith(b"{") and _is_spread(text):
        if re.search(rb'"(cells|nbformat)"\s*:', text):
            return "a Jupyter notebook", "run it with: workbench notebook"
        return "one JSON object over many lines", "write an object a line (jq -c . FILE > FILE.jsonl)"
    return None


def _is_array(text: bytes) -> bool:
    """Return True for an array of objects or arrays; a line of a CSV may begin with a bracket, too."""
    return re.match(rb"\[\s*([\[{]|\])", text) is not None


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
