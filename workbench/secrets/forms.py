"""The forms in which a secret may show: escaped, encoded, wrapped over lines, or cut off with an ellipsis.

A form is a row of units, one a character; each matches what its character may have become in JSON, in JSON within
JSON, in HTML, in a URL, or in a literal of Python's.
"""

from __future__ import annotations

import base64
import re
from bisect import bisect_right
from functools import lru_cache
from html.entities import codepoint2name

SHORTEST = 4
# So much of a secret's beginning or end is nobody's chance text, wherever the rest may be.
_TELLING = 12
_ELLIPSIS = re.compile(r"\.{3}|…|&hellip;|\\+u2026")
_WRAP = r"(?:(?:\r?\n|\\+n)[ \t]*)"
_wrap = re.compile(_WRAP)
_LETTERS = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}


class Form:
    """One form of a secret; ``head`` and ``tail`` are regular expressions of its first and last characters."""

    def __init__(self, text: str, *, plain: bool = False) -> None:
        self.text = text
        patterns = [re.escape(char) for char in text] if plain else _patterns(text)
        self._units = [_compiled(pattern) for pattern in patterns]
        self._wraps = len(self._units) >= 2 * SHORTEST
        between = f"{_WRAP}?" if self._wraps else ""
        self.head = between.join(f"(?:{pattern})" for pattern in patterns[:SHORTEST])
        self.tail = between.join(f"(?:{pattern})" for pattern in patterns[-SHORTEST:])

    def end(self, text: str, start: int) -> int | None:
        """Return where it ends that begins here, whole or cut off; None if it isn't this form."""
        if text.startswith(self.text, start):
            return start + len(self.text)
        place, count = self._run(text, start, 0)
        if count == len(self._units):
            return place
        cut = count >= SHORTEST and _ELLIPSIS.match(text, place)
        return place if cut or self._tells(count) else None

    def end_after_gap(self, text: str, start: int) -> int | None:
        """Return where the last part of it ends that begins here, behind an ellipsis."""
        for first in range(1, len(self._units) - SHORTEST + 1):
            place, count = self._run(text, start, first)
            if first + count == len(self._units):
                return place
        return None

    def _tells(self, count: int) -> bool:
        return count >= _TELLING and 2 * count >= len(self._units)

    def _run(self, text: str, place: int, first: int) -> tuple[int, int]:
        """Return how far units from the first on match, and how many do."""
        count = 0
        for unit in self._units[first:]:
            found = unit.match(text, place)
            if found is None and self._wraps and count and (gap := _wrap.match(text, place)):
                found = unit.match(text, gap.end())
            if found is None:
                break
            place, count = found.end(), count + 1
        return place, count


def forms_of(secret: str) -> list[Form]:
    """Return the forms of a secret of at least :data:`SHORTEST` characters."""
    data = secret.encode("utf-8", "surrogatepass")
    texts = {data.hex(), data.hex().upper(), *_base64(data)}
    return [Form(secret), *(Form(text, plain=True) for text in sorted(texts, key=len, reverse=True))]


def after_gaps(text: str, start: int, tails: re.Pattern[str], longest: int) -> list[int]:
    """Return the places behind an ellipsis from which a secret's end is near."""
    gaps = [found.end() for found in _ELLIPSIS.finditer(text, start)]
    if not gaps:
        return []
    ends = [found.end() for found in tails.finditer(text, start)]
    return [
        gap for gap in gaps if (place := bisect_right(ends, gap)) < len(ends) and ends[place] <= gap + longest
    ]


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _patterns(text: str) -> list[str]:
    found = []
    before = ""
    # Backslashes and quotes come in runs, as each may have become several.
    parts = re.findall(r"\\+|'+|\"+|.", text, re.DOTALL)
    for place, part in enumerate(parts, start=1):
        if part.startswith("\\"):
            escaped = r"(?i:%(?:25)*5c)|&(?:amp;)*#(?:0*92|(?i:x0*5c));?|\\+(?i:u0*5c|x5c)"
            found.append(rf"(?:{escaped}){{{len(part)}}}|\\{{{len(part)},}}")
        elif part[0] in "\"'":
            # SQL and CSV double them; the last may be followed by one that isn't the secret's.
            most = 2 * len(part) if place < len(parts) else len(part)
            found.append(rf"(?:{_unit(part[0], _slashes(before))}){{{len(part)},{most}}}")
        else:
            found.append(_unit(part, _slashes(before)))
        before = part
    return found


def _slashes(before: str) -> str:
    return r"\\*" if before.startswith("\\") else r"\\+"


def _unit(char: str, slashes: str, *, is_byte: bool = False) -> str:
    """Return what a character, or a byte taken for one, may have become, as a regular expression."""
    code = ord(char)
    data = char.encode("utf-8", "surrogatepass")
    ways = [
        rf"\\*{re.escape(char)}" if char in "\"'/" else re.escape(char),
        "".join(rf"(?i:%(?:25)*{byte:02x})" for byte in data),
        rf"&(?:amp;)*#0*{code};?",
        rf"&(?:amp;)*#(?i:x0*{code:x});?",
        rf"{slashes}(?i:u0*{code:x})",
        rf"{slashes}(?i:u\{{0*{code:x}\}})",
    ]
    if name := codepoint2name.get(code):
        ways.append(rf"&(?:amp;)*{name};")
    if char == "'":
        ways.append("&(?:amp;)*apos;")
        # Within quotes of a shell it is written between the end of some and the beginning of others.
        ways += [r"\\*'\\*\"\\*'\\*\"\\*'", r"\\*'\\+'\\*'"]
    if char == " ":
        ways += [r"\+", "&nbsp;", "\xa0"]
    if char in _LETTERS:
        ways += (
            [slashes + _LETTERS[char], r"\r\n", "<br ?/?>"] if char == "\n" else [slashes + _LETTERS[char]]
        )
    if code < 0x100:
        ways.append(rf"{slashes}(?i:x{code:02x})")
    if code > 0x7F:
        ways.append("".join(rf"{slashes}(?i:x{byte:02x})" for byte in data))
        if not is_byte:
            # Who takes UTF-8 for Latin-1, as of headers, has a character for each byte.
            ways.append("".join(f"(?:{_unit(chr(byte), slashes, is_byte=True)})" for byte in data))
    if code > 0xFFFF:
        pair = char.encode("utf-16-be").hex()
        ways.append(rf"{slashes}(?i:u{pair[:4]}){slashes}(?i:u{pair[4:]})")
    if 0xD800 <= code < 0xE000:
        ways.append("\ufffd")
    # What is itself comes last: "&" begins what it may have become.
    return "|".join(ways[1:] + ways[:1])


def _base64(secret: bytes) -> set[str]:
    """Return how a secret shows in base64, wherever in the encoded text it begins.

    The characters at its ends hold bits of its neighbours too, so they are left out.
    """
    forms = set()
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            text = encode(b"\0" * before + secret).decode().rstrip("=")
            core = text[(0, 2, 3)[before] :]
            if (before + len(secret)) % 3:
                core = core[:-1]
            if len(core) >= 2 * SHORTEST:
                forms.add(core)
        if len(secret) < 2 * SHORTEST:
            forms.add(encode(secret).decode().rstrip("="))
    return forms
