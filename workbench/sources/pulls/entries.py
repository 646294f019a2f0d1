"""Entries of the ledger of pulls, and where a source stands by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

from workbench.sources.pulls.positions import Position

Status = Literal["landed", "unfinished", "nothing_new", "failed", "lost", "rewound"]


def fresh_id() -> str:
    """Return an identity that no entry has."""
    return uuid4().hex


def now() -> datetime:
    """Return the present moment as the ledger keeps it: UTC, without zone."""
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class Entry:
    """A row of ``ops.pulls``; see there."""

    source: str
    status: Status
    started_at: datetime
    ended_at: datetime
    dataset: str | None = None
    run_id: str | None = None
    puller: str | None = None
    cursor_before: str | None = None
    cursor_after: str | None = None
    resume: str | None = None
    rows_said: int | None = None
    rows_read: int | None = None
    rows_repeated: int | None = None
    rows_landed: int | None = None
    batch_id: str | None = None
    landed_as: str | None = None
    message: str | None = None
    version: str | None = None
    cursor_column: str | None = None
    pull_id: str = field(default_factory=fresh_id)


@dataclass(frozen=True)
class State:
    """Where a source stands: its cursor, where an answer goes on that was read in part, and the last entry's time.

    ``read`` is how many rows were read of such an answer, and ``started_at`` since when. ``taken_in`` says that
    ingestion has all that landed. ``column`` is the one whose value the cursor is, None where that wasn't kept.
    """

    cursor: Position | None = None
    resume: Mapping[str, Any] | None = None
    read: int = 0
    started_at: datetime | None = None
    last: datetime | None = None
    taken_in: bool = True
    column: str | None = None
