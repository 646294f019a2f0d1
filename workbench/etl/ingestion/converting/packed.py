"""Take off what a file is packed in: gzip, zstd, bzip2, xz, lz4, or a zip of one file, one in another too."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from workbench.etl.ingestion.converting.faults import Damaged, ForeignForm

_MAGIC = (
    (b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh", "bzip2"), (b"\xfd7zXZ\0", "xz"),
    (b"\x04\x22\x4d\x18", "lz4"), (b"PK\x03\x04", "zip"), (b"PK\x05\x06", "zip"),
)  # fmt: skip
_SKIPPED = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18[\s\S]{4}")
_PEEKED = 1 << 16
_DEEPEST = 3
_BLOCK = 1 << 20
_MOST = 4 << 30
"""Bytes that a file may hold however little it takes packed; beyond them the ratio counts."""
_RATIO = 200
"""How many times its packed size a file may hold; tables of text take 5 to 50 times."""
_SHOWN = 5


def open_unpacked(path: Path) -> tuple[BinaryIO, tuple[str, ...]]:
    """Open a file for reading without what it is packed in; the second value names that, the outermost first.

    A workbook, which is a zip itself, is left as it is.

    Raises:
        ForeignForm: a zip that doesn't hold one file alone, or wants a password; too many layers.
        Damaged: it can't be unpacked. Reading raises it, too.
    """
    stream: BinaryIO = path.open("rb")
    packing: list[str] = []
    try:
        while kind := _kind(stream):
            if kind == "zip":
                if packing:
                    if _begins_a_workbook(stream):
                        break
                    raise ForeignForm(
                        f"it is a zip archive inside {packing[-1]}: unpack it, and load the files in it"
                    )
                member = _only_member(path)
                if member is None:
                    break
                opened: Any = member
            else:
                opened = _OPEN[kind](stream)
            packing.append(kind)
            if len(packing) > _DEEPEST:
                raise ForeignForm(
                    f"it is packed more than {_DEEPEST} times ({', '.join(packing)}): unpack it"
                )
            stream = io.BufferedReader(_Unpacked(opened, stream, kind, path.stat().st_size), _BLOCK)
    except BaseException:
        stream.close()
        raise
    return stream, tuple(packing)


def unpack(path: Path, target: Path) -> Path:
    """Write what a packed file holds to a file, and return that one."""
    source, _ = open_unpacked(path)
    with source, target.open("wb") as copy:
        while block := source.read(_BLOCK):
            copy.write(block)
    return target


def _kind(stream: BinaryIO) -> str | None:
    start = stream.peek(_PEEKED)  # type: ignore[attr-defined]
    found = _magic(start)
    # Frames that are to be skipped, with which parallel packers begin, are of zstd and of lz4 alike.
    while _SKIPPED.match(start) and found is None:
        start = start[8 + int.from_bytes(start[4:8], "little") :]
        found = _magic(start)
    return found


def _magic(start: bytes) -> str | None:
    return next((kind for magic, kind in _MAGIC if start.startswith(magic)), None)


def _begins_a_workbook(stream: BinaryIO) -> bool:
    start = stream.peek(128)[:128]  # type: ignore[attr-defined]
    return start[30:].startswith((b"[Content_Types].xml", b"_rels/", b"docProps/", b"xl/"))


class _Unpacked(io.RawIOBase):
    """A stream that is unpacked as it is read, closes what it comes from, and stops where it grows beyond measure."""

    def __init__(self, opened: Any, below: BinaryIO, kind: str, size: int) -> None:
        self._opened, self._below, self._kind = opened, below, kind
        self._left = max(_MOST, _RATIO * size)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            block = self._opened.read(len(buffer))
        except Damaged:
            raise
        except EOFError as error:
            raise Damaged(f"the {self._kind} ends too early: {error}", cut_short=True) from None
        except (
            OSError,
            zlib.error,
            lzma.LZMAError,
            zipfile.BadZipFile,
            ValueError,
            RuntimeError,
            NotImplementedError,
        ) as error:
            if getattr(error, "errno", None):
                raise
            cut_short = "Truncated" in str(error)
            what = "ends too early" if cut_short else "can't be unpacked"
            raise Damaged(f"the {self._kind} {what}: {error}", cut_short=cut_short) from None
        self._left -= len(block)
        if self._left < 0:
            raise Damaged(
                f"unpacked it takes more than {_MOST >> 30} GB and {_RATIO} times its size; unpack and split it"
            )
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        if not self.closed:
            self._opened.close()
            self._below.close()
        super().close()


class _Streams:
    """What one stream after another holds, as bzip2 and xz allow them in a file, padded with zeros.

    The readers of the library take what is no stream behind the first for the end of the file.
    """

    def __init__(self, below: BinaryIO, begin: Callable[[], Any]) -> None:
        self._below, self._begin = below, begin
        self._stream = begin()
        self._given = b""

    def read(self, size: int) -> bytes:
        while True:
            if self._stream.eof and not self._is_begun_again():
                return b""
            if not self._given and self._stream.needs_input:
                self._given = self._below.read(_BLOCK)
                if not self._given:
                    raise EOFError("the end of the stream is missing")
            given, self._given = self._given, b""
            if block := self._stream.decompress(given, size):
                return bytes(block)

    def _is_begun_again(self) -> bool:
        rest = self._stream.unused_data.lstrip(b"\0")
        while not rest:
            if not (block := self._below.read(_BLOCK)):
                return False
            rest = block.lstrip(b"\0")
        self._stream, self._given = self._begin(), rest
        return True

    def close(self) -> None:
        """Nothing is held but what it reads from."""


def _arrow(kind: str) -> Callable[[BinaryIO], Any]:
    def opened(stream: BinaryIO) -> Any:
        import pyarrow

        return pyarrow.CompressedInputStream(stream, kind)

    return opened


_OPEN: dict[str, Callable[[BinaryIO], Any]] = {
    "gzip": lambda stream: gzip.GzipFile(fileobj=stream),
    "bzip2": lambda stream: _Streams(stream, bz2.BZ2Decompressor),
    "xz": lambda stream: _Streams(stream, lzma.LZMADecompressor),
    "zstd": _arrow("zstd"),
    "lz4": _arrow("lz4"),
}


def _only_member(path: Path) -> Any:
    """Open the one file of a zip; None if it is a workbook or another document, which are zips, too."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise Damaged(f"the zip ends too early, or can't be read: {error}", cut_short=True) from None
    names = set(archive.namelist())
    if "[Content_Types].xml" in names or {"mimetype", "content.xml"} <= names:
        archive.close()
        return None
    files = [
        each for each in archive.infolist() if not each.is_dir() and _is_content(PurePosixPath(each.filename))
    ]
    if len(files) != 1:
        archive.close()
        shown = ", ".join(each.filename for each in files[:_SHOWN])
        more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
        if not files:
            raise ForeignForm("it is a zip archive without a file of data")
        held = f"a zip archive of {len(files)} files ({shown}{more})"
        raise ForeignForm(f"it is {held}: unpack it, and load the files in it one by one")
    (file,) = files
    if file.flag_bits & 1:
        archive.close()
        raise ForeignForm("it is a zip archive with a password: unpack it, and load the file in it")
    try:
        return archive.open(file)
    except (NotImplementedError, zipfile.BadZipFile, RuntimeError) as error:
        archive.close()
        raise Damaged(f"the zip can't be unpacked: {error}") from None


def _is_content(name: PurePosixPath) -> bool:
    """Whether a file of a zip isn't what a desktop leaves in it."""
    return "__MACOSX" not in name.parts and name.name not in (".DS_Store", "Thumbs.db", "desktop.ini")
