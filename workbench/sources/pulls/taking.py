"""Take the rows of an answer: those that haven't landed go into files, each entered in the ledger before it lands."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.errors import UsageError, WorkFailed
from workbench.numbers import many
from workbench.settings import Settings
from workbench.sources.files import Check
from workbench.sources.landing import Landing, shown
from workbench.sources.landing.base import batch_id, chunks, landing_name
from workbench.sources.maps import Map
from workbench.sources.pulls.beginnings import Beginning, begin
from workbench.sources.pulls.entries import Entry, State, Status, fresh_id
from workbench.sources.pulls.ledger import Ledger
from workbench.sources.pulls.outcomes import Outcome
from workbench.sources.pulls.positions import Position
from workbench.sources.pulls.reading import Declared
from workbench.sources.pulls.rows import Chunk, Known, Reader, Row
from workbench.warehouse import Warehouse

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Places:
    """Where a pull works: the warehouse with its ledger, landing, and the settings; ``check`` holds files and their maps against what is read.

    ``run_id`` is the run that pulls; with it, a failure becomes an alert.
    """

    warehouse: Warehouse
    landing: Landing
    settings: Settings
    check: Check
    run_id: str | None = None


class Taking:
    """One pull from an API or a database, under way."""

    def __init__(
        self,
        declared: Declared,
        places: Places,
        ledger: Ledger,
        reader: Reader,
        entry: Entry,
        progress: Progress,
    ) -> None:
        self._declared, self._places, self._ledger, self._reader = declared, places, ledger, reader
        self._entry, self._progress = entry, progress
        self._cursor, self._state = declared.source.cursor, State()
        self._known = Known()
        self._newest: Position | None = None
        self._now = datetime.now(UTC)
        self._fresh: list[Row] = []
        self._doubtful: list[Row] = []
        self._current: set[int] = set()
        self._seen: set[int] = set()
        self._files: list[str] = []
        self._read = self._repeated = self._landed = 0
        self._noted = 0
        self._before: Position | None = None
        self._begun = Beginning()
        self._kinds: set[int] = set()
        self._standing: dict[tuple[int, int], float | None] = {}
        self._withdrawn: set[int] = set()
        self._messages: list[str] = []

    def run(self, full: bool, since: str | None, *, drop: bool = False) -> Outcome:
        """Take all that is new; ``full`` and ``since`` as for :func:`~workbench.sources.pulls.pulling.pull`.

        With ``drop`` the cursor that was kept is of another kind than the values that are there now.
        """
        self._found = self._state = state = self._ledger.state(self._declared.version)
        # Rows of void entries aren't among them any more; what a person took out, a person may have read again.
        self._known = self._ledger.known(without_withdrawn=full or since is not None)
        self._begun = begun = begin(state, self._reader, self._cursor, full, since, drop)
        self._before = begun.kept
        if begun.is_dropped:
            what = (
                f"what lies before {since} is for the next pull"
                if begun.is_part
                else "it was read from its beginning"
            )
            self._messages.append(f"its cursor was of another column or kind, so {what}")
        floor, resume = begun.floor, begun.resume
        if resume is not None and state.started_at is not None:
            self._entry = replace(self._entry, started_at=state.started_at)
        try:
            whole = self._sweep(floor, resume) + (state.read if resume is not None else 0)
        except WorkFailed:
            # A database compares no number with a time.
            if self._kept_is_unfit():
                return self._again()
            raise
        if self._kept_is_unfit():
            return self._again()
        said = self._reader.count(floor)
        missing = said is not None and whole < said
        if self._reader.is_numbered and (resume is not None or missing or not self._reader.is_steady):
            # A list that changed between two pages hides rows behind their border: a second look finds them.
            whole = max(whole, self._sweep(floor, None))
        return self._finish(said, max(0, (said or 0) - whole))

    def _again(self) -> Outcome:
        fresh = Taking(self._declared, self._places, self._ledger, self._reader, self._entry, self._progress)
        return fresh.run(False, None, drop=True)

    def _kept_is_unfit(self) -> bool:
        """Whether what is there is of another kind than the cursor that was kept; also tell if all of it lies before that."""
        kept = self._begun.kept
        if self._kinds or self._files or kept is None or self._begun.sets_anew:
            return not self._files and self._begun.is_unfit(self._kinds)
        greatest = self._reader.greatest()
        if greatest is None or greatest.order[0] != kept.order[0]:
            return greatest is not None
        self._messages.append(
            f"all its rows lie before its cursor, {kept.shown}, the last one at {greatest.shown}; "
            "if its values have begun anew, pull it once with --full"
        )
        return False

    def _reach(self, cursor: Position | None) -> Position | None:
        """Return the moment from which the next pull reads: with its zone, which what is asked for may lack."""
        if cursor is None or self._cursor is None:
            return None
        return cursor.back(self._cursor.lag, as_written=True)

    def _sweep(self, floor: Position | None, resume: Mapping[str, Any] | None) -> int:
        """Take all rows of an answer; return how many it has, those that its pages have twice counted once."""
        before = self._read
        for chunk in self._reader.read(floor, resume):
            for row in chunk.rows:
                self._take(row)
            self._progress(self._read, self._landed + len(self._fresh))
            if len(self._fresh) >= self._declared.source.rows_a_file:
                self._land_early(chunk)
        return len(self._seen) if self._tells_rows else self._read - before

    @property
    def _tells_rows(self) -> bool:
        return self._reader.is_numbered and bool(self._declared.source.key)

    def _take(self, row: Row) -> None:
        self._read += 1
        if self._tells_rows:
            self._seen.add(row.key_hash)
        position = row.position
        if position:
            if self._cursor and not self._kinds and position.order[0]:
                # A lag that doesn't fit is told before anything lands.
                position.back(self._cursor.lag)
            self._kinds.add(position.order[0])
        # A clock that is ahead must not make the rows of others old: what lies in the future moves no cursor.
        if (
            position
            and position.is_until(self._now)
            and (self._newest is None or position.order > self._newest.order)
        ):
            self._newest = position
        if self._known.is_last(row):
            self._repeated += 1
            self._current.add(row.key_hash)
            if self._known.is_withdrawn(row):
                self._withdrawn.add(row.key_hash)
            if self._begun.is_dropped:
                self._standing[row.key_hash, row.row_hash] = position.place if position else None
        elif self._known.has(row):
            self._doubtful.append(row)
        else:
            self._add(row)

    def _add(self, row: Row) -> None:
        self._known.note(row)
        self._current.add(row.key_hash)
        self._fresh.append(row)

    def _decide(self) -> None:
        """Decide on rows that landed, and another of their key after them: an older state, or one that is back again."""
        for row in self._doubtful:
            if row.key_hash in self._current:
                self._repeated += 1
            else:
                self._add(row)
        self._doubtful = []

    def _land_early(self, chunk: Chunk) -> None:
        is_ordered = self._reader.is_ordered
        cursor = self._begun.after(self._newest) if is_ordered else self._begun.kept
        floor = self._reach(cursor) if is_ordered else None
        # The next pull asks from the cursor on, and what was asked for otherwise doesn't go on within its answer.
        resume = None if self._begun.sets_anew else chunk.resume
        self._land("unfinished", cursor, floor, resume, None, 0)

    def _finish(self, said: int | None, short: int) -> Outcome:
        self._decide()
        cursor = self._begun.after(self._newest)
        if short:
            missing = many(short, "row that wasn't", "rows that weren't")
            self._messages.append(f"the source has {missing} in its answer")
        if self._withdrawn:
            self._messages.append(
                f"{many(len(self._withdrawn), 'row')} landed before in files that were withdrawn since; --full lands them again"
            )
        message = "; ".join(self._messages) or None
        self._entry = replace(self._entry, message=message)
        self._land("landed" if self._fresh else "nothing_new", cursor, self._reach(cursor), None, said, short)
        return Outcome(
            self._declared.name, "landed" if self._files else "nothing_new", said, self._read, self._repeated,
            self._landed, tuple(self._files), cursor.shown if cursor else None, message,
        )  # fmt: skip

    def _land(
        self,
        status: Status,
        cursor: Position | None,
        floor: Position | None,
        resume: Mapping[str, Any] | None,
        said: int | None,
        short: int,
    ) -> None:
        """Enter what was read since the last entry, and put it into landing: in that order, see the ledger."""
        rows, mapping = self._fresh, self._declared.map
        repeated = self._noted
        after, column = str(cursor) if cursor else None, self._cursor.column if self._cursor else None
        is_unfinished = status == "unfinished"
        if self._begun.is_dropped and (is_unfinished or self._begun.is_part):
            # The next pull is to find what was kept before, and begin anew by itself.
            after, column = str(self._found.cursor), self._found.column
            floor = resume = None
        entry = replace(
            self._entry,
            status=status,
            cursor_before=str(self._before) if self._before else None,
            cursor_after=after,
            cursor_column=column,
            resume=json.dumps(resume) if resume else None,
            rows_said=said,
            rows_read=self._repeated - repeated + len(rows),
            rows_repeated=self._repeated - repeated,
            rows_landed=len(rows),
            pull_id=fresh_id(),
        )
        with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
            path = Path(folder) / f"{self._declared.name}{self._reader.suffix}"
            if rows:
                entry = self._written(entry, path, mapping)
            standing = self._standing if self._begun.is_dropped and not is_unfinished else None
            entry = self._ledger.enter(entry, self._state, rows, floor, short, standing)
            if rows:
                landed = self._places.landing.put(path, str(self._declared.dataset), mapping)
                self._files.append(landed.uri)
        self._landed += len(rows)
        self._noted, self._fresh, self._before = self._repeated, [], cursor
        self._state = replace(
            self._state, cursor=cursor, last=entry.ended_at, taken_in=self._state.taken_in and not rows
        )

    def _written(self, entry: Entry, path: Path, mapping: Map | None) -> Entry:
        """Write the rows to a file that no batch has been before, and return the entry with what it will be called."""
        dataset, number = str(self._declared.dataset), 0
        while True:
            self._reader.write(self._fresh, path, number)
            with path.open("rb") as content:
                identity = batch_id(dataset, mapping.canonical if mapping else b"", chunks(content))
            if not self._ledger.has(identity):
                break
            # A row that is again as it was once must not be taken for a file that is known.
            number += 1
        try:
            self._places.check(path, dataset, mapping)
        except UsageError as error:
            # Nobody knows the file, which is gone in a moment.
            raise UsageError(str(error).replace(f"{shown(path)}: ", "")) from None
        return replace(entry, batch_id=identity, landed_as=f"{dataset}/{landing_name(path.name, identity)}")
