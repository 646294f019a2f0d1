"""Rows on their way into a table: the columns they go to, a batch of them, and those that can't be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

ROWS = 50_000
"""Rows of a batch."""


@dataclass(frozen=True)
class Column:
    """A column to load: its name, PostgreSQL's name of its type, and its length if that is text of a limited length."""

    name: str
    type: str
    length: int | None = None

    @property
    def is_text(self) -> bool:
        """Whether an empty string is a value of it."""
        return self.type in ("varchar", "bpchar", "text")


@dataclass(frozen=True)
class BadRow:
    """A row that can't be read, as stl_load_errors has it."""

    uri: str
    line: int
    code: int
    reason: str
    column: str = ""
    type: str = ""
    length: str = ""
    raw_line: str = ""
    raw_value: str = ""


@dataclass
class Batch:
    """Rows of one file; ``lines`` are the numbers of their lines, from 1."""

    uri: str
    data: pa.RecordBatch
    lines: Sequence[int] = field(default_factory=list)
