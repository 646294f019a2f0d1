"""Records in an answer: found by their place, and kept in the very text in which they came."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

_BLANK = re.compile(r"[ \t\r\n]*")
_BREAKS = re.compile(r"[\r\n]+")


class Written(str):
    """A number with a point, as it is written."""

    __slots__ = ()


# Numbers are compared as they are written: 1.10 and 1.1 aren't the same text, and 1e400 is no infinity.
_DECODER = json.JSONDecoder(parse_float=Written, parse_constant=str)
_WALKER = json.JSONDecoder()


@dataclass(frozen=True)
class Record:
    """One record: its text in one line, and what it says, numbers with a point as text."""

    text: str
    value: Any


class NoRecords(ValueError):
    """An answer has no list where the records should be; the text says what it has."""


def records_of(text: str, path: str) -> Iterator[Record]:
    """Yield the records of an answer in JSON.

    Args:
        text: the answer.
        path: where the list of records is: names with points between, empty for the answer itself.

    Raises:
        ValueError: the answer isn't JSON.
        NoRecords: there is no list at that place.
    """
    whole = _WALKER.decode(text)
    found = value_at(whole, path)
    if found is None and (not path or _has(whole, path)):
        # Many servers write an empty list so.
        return
    if not isinstance(found, list):
        raise NoRecords(f"it has no list {_where(path)}{_told(whole)}")
    place = _start(text, tuple(filter(None, path.split("."))), 0) + 1
    for number in range(len(found)):
        place = _skip(text, place)
        if number:
            place = _skip(text, place + 1)
        value, end = _DECODER.raw_decode(text, place)
        # Within texts of valid JSON no line breaks: those that are left are layout.
        yield Record(_BREAKS.sub(" ", text[place:end]), value)
        place = end


def read_record(text: str) -> Record:
    """Return the record that a text in one line is."""
    return Record(text, _DECODER.decode(text))


def value_at(value: Any, path: str) -> Any:
    """Return what is at a place in a value, names with points between; None if there is nothing."""
    if not path:
        return value
    if isinstance(value, dict):
        if path in value:
            return value[path]
        first, _, rest = path.partition(".")
        return value_at(value.get(first), rest) if rest else value.get(first)
    return None


def _has(value: Any, path: str) -> bool:
    """Return whether there is something at a place in a value, and be it null."""
    if not isinstance(value, dict):
        return False
    first, _, rest = path.partition(".")
    return path in value or (bool(rest) and _has(value.get(first), rest))


def _start(text: str, path: Sequence[str], place: int) -> int:
    """Return where the value at a path begins, in an answer that has it."""
    place = _skip(text, place)
    if not path:
        return place
    found = None
    place = _skip(text, place + 1)
    while text[place] != "}":
        name, place = _WALKER.raw_decode(text, place)
        place = _skip(text, _skip(text, place) + 1)
        # Of names that come twice the last one counts, as in what was decoded.
        for count in range(1, len(path) + 1):
            if name == ".".join(path[:count]):
                found = (place, path[count:])
        _, place = _WALKER.raw_decode(text, place)
        place = _skip(text, place)
        if text[place] == ",":
            place = _skip(text, place + 1)
    if found is None:
        raise NoRecords(f"it has no list {_where('.'.join(path))}")
    return _start(text, found[1], found[0])


def _skip(text: str, place: int) -> int:
    found = _BLANK.match(text, place)
    return found.end() if found else place


def _where(path: str) -> str:
    return f"at {path!r}" if path else "as the answer itself"


def _told(value: Any) -> str:
    lists = list(_lists(value, ""))
    if lists:
        return f"; `records:` may be {' or '.join(lists[:5])}"
    return f"; it has {', '.join(map(str, list(value)[:8])) or 'nothing'}" if isinstance(value, dict) else ""


def _lists(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict) and path.count(".") < 4:
        for name, item in value.items():
            yield from _lists(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and path:
        yield path
