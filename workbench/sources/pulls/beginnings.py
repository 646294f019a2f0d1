"""Where a pull begins to read, and what becomes of the cursor that was kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.errors import UsageError
from workbench.sources.pulls.declared import Cursor
from workbench.sources.pulls.entries import State
from workbench.sources.pulls.positions import Position
from workbench.sources.pulls.rows import Reader


@dataclass(frozen=True)
class Beginning:
    """Where one pull begins.

    Attributes:
        floor: what is read from; None for the beginning of the source.
        kept: the cursor while nothing is read, from which the next pull misses nothing.
        resume: where an answer goes on that was read in part.
        sets_anew: the cursor is what is read, be it less than before; else it never goes back.
        is_dropped: the cursor that was kept is of another column or kind than now, and is of no use.
        is_part: what lies before the floor isn't read now, though nobody knows what landed of it by this cursor.
    """

    floor: Position | None = None
    kept: Position | None = None
    resume: Mapping[str, Any] | None = None
    sets_anew: bool = False
    is_dropped: bool = False
    is_part: bool = False

    def after(self, newest: Position | None) -> Position | None:
        """Return the cursor after the greatest value that was read."""
        if self.sets_anew:
            return newest or self.kept
        found = [each for each in (self.kept, newest) if each is not None]
        return max(found, key=lambda each: each.order, default=None)

    def is_unfit(self, kinds: set[int]) -> bool:
        """Whether values were read, by the kinds of their order, and none is of the kind of the cursor that was kept."""
        if self.kept is None or self.sets_anew or self.kept.order[0] in kinds:
            return False
        # A word among times or numbers is no sign of anything.
        return max(kinds, default=0) > 0


def begin(
    state: State, reader: Reader, cursor: Cursor | None, full: bool, since: str | None, drop: bool
) -> Beginning:
    """Return where a pull begins; ``drop`` says that the values are of another kind than the cursor that was kept.

    Raises:
        UsageError: there is nothing to begin at, or it isn't as the values of the cursor are.
    """
    if cursor is None:
        if since is not None:
            raise UsageError("it has no cursor, so there is nothing to begin at; --full reads all of it")
        return Beginning(resume=None if full else state.resume, sets_anew=full)
    kept, has_changed = _usable(state, reader, cursor, drop)
    if full:
        return Beginning(sets_anew=True, is_dropped=has_changed)
    if since is not None:
        given = reader.position_of(since)
        lower = _lower(given, kept, since)
        return Beginning(given, lower, sets_anew=True, is_dropped=has_changed, is_part=has_changed)
    floor = None
    if kept is not None:
        try:
            floor = kept.back(cursor.lag, as_written=reader.takes_times)
        except UsageError:
            if not _may_be_of_another_kind(kept, reader.greatest()):
                raise
            kept, has_changed = None, True
    if floor is None and cursor.start is not None:
        floor = reader.position_of(str(cursor.start))
    return Beginning(floor, kept, None if has_changed else state.resume, is_dropped=has_changed)


def _usable(state: State, reader: Reader, cursor: Cursor, drop: bool) -> tuple[Position | None, bool]:
    """Return the cursor that was kept, and whether it is of no use any more."""
    if state.cursor is None:
        return None, False
    if drop or state.column not in (None, cursor.column):
        return None, True
    return reader.position_kept(state.cursor), False


def _may_be_of_another_kind(kept: Position, greatest: Position | None) -> bool:
    return greatest is None or greatest.order[0] != kept.order[0]


def _lower(given: Position, kept: Position | None, since: str) -> Position | None:
    """Return from where nothing is missed if nothing is found from a given value on."""
    if kept is None:
        return None
    if given.order[0] < min(1, kept.order[0]):
        raise UsageError(f"--since: values of the cursor are as {kept.shown}, and {since!r} is none")
    return min(given, kept, key=lambda each: each.order) if given.order[0] == kept.order[0] else None
