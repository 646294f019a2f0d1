"""Which encoding a text is in, and its text as UTF-8."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterable
from functools import partial
from typing import Any, BinaryIO

from workbench.etl.ingestion.converting.faults import ForeignForm

UTF_8 = "utf-8"
WESTERN = "cp1252"

_BLOCK = 1 << 20
_LOOKED = 64 << 20
"""Bytes of a text that are looked at for one that isn't ASCII."""
_ENOUGH = 64 << 10
"""Bytes of texts that are not ASCII by which an encoding is told."""
_MARKS = (
    (codecs.BOM_UTF8, UTF_8), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
# What the words of one language have beside ASCII; a word of another code page hardly ever fits one of them.
_LETTERS = [
    "äöüß", "àâæçéèêëîïôœùûüÿ", "áéíñóúüï", "áâàçéêíóôúü", "àèéìíîòóùú", "åäöéæø", "áéëïíóöü", "àçèéíïòóúü", "áéíóúæö",
]  # fmt: skip
_WORDS = [re.compile(f"[a-z{letters}]+") for letters in _LETTERS]
# Letters with a tilde have few neighbours in Portuguese; elsewhere they are misread ones of the Danube's languages.
_WORDS.append(re.compile("(?:[a-záâàçéêíóôúü]|ã(?=[oens]|$)|õ(?=e))+"))
_SYMBOLS = "€£¥§©®°±²³µ·×¼½¾«»¡¿‘’‚“”„–—…•™ªº\u00a0"  # noqa: RUF001
_WORD = re.compile(r"(?:(?![²³¹¼½¾])[^\W\d_])+")
_FITTING = 0.98
_BETWEEN = re.compile(rb"[\r\n,;\t|\"]")
# As which marks the letters of Central Europe's code page stand in words.
_MISREAD = re.compile(r"[£¥²³](?![²³])[^\W\d_]|[^\W\d_][¡¿]")


def tell_encoding(stream: BinaryIO, start: bytes) -> str | None:
    """Return the encoding of a text by looking at it; None if it is none that can be told, and isn't UTF-8 throughout.

    A mark, or the zeros between ASCII letters, tell UTF-16. Bytes that are never UTF-8, in words as the languages of
    Western Europe have them, are Windows-1252. Others could be of many code pages.

    Args:
        stream: the text, from its beginning.
        start: what it begins with.

    Raises:
        ForeignForm: it is nothing but zeros.
    """
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name
    look = start[: len(start) // 2 * 2][:2048]
    if len(look) >= 8 and look.count(0) == len(look):
        raise ForeignForm(
            "it is nothing but zeros: it was cut short or never written; get it again", cut_short=True
        )
    # Of ASCII text in UTF-16, every second byte is a NUL.
    for name, text, nuls in (("utf-16-le", look[::2], look[1::2]), ("utf-16-be", look[1::2], look[::2])):
        if len(look) >= 8 and nuls.count(0) > 0.9 * len(nuls) and text.count(0) < 0.1 * len(text):
            return name
    texts = _beyond_ascii(stream)
    wrong = [text for text in texts if not _is_utf8(text)]
    if not wrong:
        return UTF_8
    return WESTERN if len(wrong) == len(texts) and _is_western(wrong) else None


def _beyond_ascii(stream: BinaryIO) -> list[bytes]:
    """Return the first texts between marks and line ends that aren't ASCII."""
    found: list[bytes] = []
    size = looked = 0
    rest, broken, block = b"", False, b""
    while looked < _LOOKED and size < _ENOUGH and (block := stream.read(_BLOCK)):
        looked += len(block)
        if rest.isascii() and block.isascii():
            rest, broken = b"", False
            continue
        # By lines first: few of many have anything that is looked for.
        *lines, last = (rest + block).split(b"\n")
        *ended, rest = _BETWEEN.split(last)
        texts = [
            text for line in lines for text in ((line,) if line.isascii() else _BETWEEN.split(line))
        ] + ended
        for text in texts[broken:]:
            if not text.isascii():
                found.append(text)
                size += len(text)
        broken = (broken and not texts) or len(rest) > _ENOUGH
        rest = b"" if broken else rest
    return found if block or rest.isascii() else [*found, rest]


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode(UTF_8)
    except UnicodeDecodeError:
        return False
    return True


def _is_western(texts: Iterable[bytes]) -> bool:
    fitting = words = 0
    for each in texts:
        try:
            text = each.decode(WESTERN)
        except UnicodeDecodeError:
            return False
        if any(not letter.isascii() and not letter.isalpha() and letter not in _SYMBOLS for letter in text):
            return False
        for word in _WORD.findall(text):
            if word.isascii():
                continue
            words += 1
            # A letter that stands alone, or a word of nothing else, is no word of theirs.
            fitting += any(map(str.isascii, word)) and any(known.fullmatch(word.lower()) for known in _WORDS)
        if _MISREAD.search(text):
            return False
    return fitting >= _FITTING * words


def _kept(replaced: str, error: UnicodeError) -> tuple[str, int]:
    """Have bytes that are no text of an encoding be none of UTF-8 either, and shown by their values."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    shown = "".join(f"\\x{byte:02x}" for byte in error.object[error.start : error.end])
    return f"{replaced}{shown}", error.end


_KEPT = "workbench-kept"
codecs.register_error(_KEPT, partial(_kept, "\udcff"))


class Recoded(io.RawIOBase):
    """A text of another encoding as UTF-8; what can't be decoded makes its line one that is no UTF-8."""

    def __init__(self, source: BinaryIO, encoding: str) -> None:
        self._source = source
        self._decoder = codecs.getincrementaldecoder(encoding)(_KEPT)
        self._ready, self._ended = memoryview(b""), False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and not self._ended:
            block = self._source.read(_BLOCK)
            self._ended = not block
            text = self._decoder.decode(block, self._ended)
            self._ready = memoryview(text.encode(UTF_8, "surrogateescape"))
        taken = min(len(buffer), len(self._ready))
        buffer[:taken], self._ready = self._ready[:taken], self._ready[taken:]
        return taken

    def close(self) -> None:
        self._source.close()
        super().close()
