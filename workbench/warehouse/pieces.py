"""How an answer of any length is handed on: in pieces, so that no more than some of it is in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import pyarrow

Take: TypeAlias = "Callable[[pyarrow.Table], None]"
"""Takes a piece: a table with the columns of the answer, whose names may repeat."""

ROWS = 10_240
"""Rows of a piece, about; the first one has fewer, so that it comes at once."""
BYTES = 4 * 2**20
"""Bytes from which on a piece has fewer rows."""


class Handed:
    """Hands pieces on, and knows whether any was: until then the statement may be run again, somewhere else even.

    Args:
        take: takes them.
    """

    def __init__(self, take: Take) -> None:
        self._take = take
        self.any = False

    def __call__(self, piece: pyarrow.Table) -> None:
        self.any = True
        self._take(piece)
