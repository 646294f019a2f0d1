"""Rows as they are read: each with its key, its hash and its position, so that none lands twice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

from workbench.errors import UsageError
from workbench.sources.pulls.positions import Position

_ADDRESS = re.compile(r"<.* at 0x[0-9a-fA-F]+>")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a source; ``content`` is what its reader writes, hashes are signed and of 64 bits."""

    content: Any
    key_hash: int
    row_hash: int
    position: Position | None


@dataclass(frozen=True)
class Chunk:
    """Rows that were read at once; ``resume`` says where the answer goes on after them, if it can go on there."""

    rows: Sequence[Row]
    resume: Mapping[str, Any] | None = None


class Known:
    """The rows of a source that landed, by hash: which of each key, and which of them landed last.

    Args:
        landed: hashes of keys and of their rows, and whether their file was withdrawn, the ones that landed first first.
    """

    def __init__(self, landed: Iterable[tuple[int, int, bool]] = ()) -> None:
        # One number for both hashes takes a third of the memory of a pair.
        self._landed: set[int] = set()
        self._last: dict[int, int] = {}
        self._withdrawn: set[int] = set()
        for key, row, is_withdrawn in landed:
            self._landed.add(_both(key, row))
            self._last[key] = row
            (self._withdrawn.add if is_withdrawn else self._withdrawn.discard)(_both(key, row))

    def is_last(self, row: Row) -> bool:
        """Whether a row landed as it is, and none of its key after it."""
        return self._last.get(row.key_hash) == row.row_hash

    def has(self, row: Row) -> bool:
        """Whether a row landed as it is, once."""
        return _both(row.key_hash, row.row_hash) in self._landed

    def is_withdrawn(self, row: Row) -> bool:
        """Whether a row landed as it is in a file that a person took out of raw, and not again since."""
        return _both(row.key_hash, row.row_hash) in self._withdrawn

    def note(self, row: Row) -> None:
        """Take in a row that lands."""
        self._landed.add(_both(row.key_hash, row.row_hash))
        self._last[row.key_hash] = row.row_hash


class Reader(Protocol):
    """What reads the rows of one source, and writes them as a file of a form that ingestion takes."""

    suffix: str
    """How the names of its files end."""
    takes_times: bool
    """Whether a cursor's text is asked for as a whole time, as what reads it takes it for one and compares no texts."""

    @property
    def is_ordered(self) -> bool:
        """Whether rows come in the order of the cursor, so that those before the last one read are complete."""

    @property
    def is_numbered(self) -> bool:
        """Whether it reads by numbers of pages: a list that changes meanwhile hides rows from it."""

    @property
    def is_steady(self) -> bool:
        """Whether what was read last seems to have stayed as it was until :meth:`count` was asked."""

    def position_of(self, text: str) -> Position:
        """Return a position that a person wrote."""

    def position_kept(self, kept: Position) -> Position:
        """Return a position of the ledger, as rows have it now."""

    def read(self, since: Position | None, resume: Mapping[str, Any] | None) -> Iterator[Chunk]:
        """Yield the rows from a position on, and those without one; or go on where an earlier answer stopped.

        Raises:
            WorkFailed: the source can't be reached, or answers wrongly.
            UsageError: what is declared of it is wrong.
        """

    def count(self, since: Position | None) -> int | None:
        """Ask the source how many rows it has that :meth:`read` yields; None if it can't be asked."""

    def greatest(self) -> Position | None:
        """Return the greatest value of the cursor that the source has; None if there is none, or it can't be asked."""

    def write(self, rows: Sequence[Row], path: Path, number: int) -> None:
        """Write rows to a file, whose bytes are others with another number: the same rows may land twice, for a reason."""

    def close(self) -> None:
        """Let go of connections."""


def _both(key: int, row: int) -> int:
    return (key << 64) | (row & 0xFFFF_FFFF_FFFF_FFFF)


def hashed(value: Any) -> int:
    """Return a hash of 64 bits, signed, of a value that JSON or its text can tell.

    Raises:
        UsageError: its text isn't what it says, but where in memory it is, which is another place each time.
    """
    try:
        text = _told(value)
    except TypeError:
        text = _told(_named(value))
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _told(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=_content, ensure_ascii=False, separators=(",", ":"))


def _named(value: Any) -> Any:
    """Return a value in which the members of objects have texts as names, as JSON needs them."""
    if isinstance(value, dict):
        return {str(_content(name)): _named(item) for name, item in value.items()}
    return list(map(_named, value)) if isinstance(value, list | tuple) else value


def _content(value: Any) -> Any:
    """Return what a value says that JSON has no form for."""
    if isinstance(value, bytes | bytearray | memoryview):
        return str(bytes(value))
    if isinstance(value, set | frozenset):
        return sorted(str(_content(each)) for each in value)
    text = str(value)
    if _ADDRESS.search(text) and not isinstance(value, str):
        raise UsageError(
            f"a value of type {type(value).__name__} has no text that is its content; cast it to text in a query"
        )
    return text
