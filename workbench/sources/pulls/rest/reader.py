"""Read an API page by page, and write its records as lines of JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from workbench.errors import UsageError, WorkFailed
from workbench.sources.pulls.declared import Cursor, Rest
from workbench.sources.pulls.positions import Position
from workbench.sources.pulls.references import Revealed
from workbench.sources.pulls.rest.answers import whole_number
from workbench.sources.pulls.rest.client import Answer, Client, Refused
from workbench.sources.pulls.rest.paging import Pager, State
from workbench.sources.pulls.rest.records import (
    NoRecords,
    Record,
    Written,
    read_record,
    records_of,
    value_at,
)
from workbench.sources.pulls.rows import Chunk, Row, hashed

_MOST_PAGES = 1_000_000


class RestReader:
    """A :class:`~workbench.sources.pulls.rows.Reader` of an API.

    Raises:
        UsageError: the address isn't one, or a secret is missing.
    """

    suffix = ".jsonl"
    takes_times = True
    is_ordered = False

    def __init__(self, rest: Rest, cursor: Cursor | None, key: Sequence[str], revealed: Revealed) -> None:
        self._rest, self._cursor, self._key, self._revealed = rest, cursor, key, revealed
        self._client, self._pager = Client(rest, revealed), Pager(rest.paging)
        self._first_page: list[int] | None = None
        self._is_first_steady = True
        self._totals: set[int] = set()
        self._parameters = {
            name: revealed.text(value) if isinstance(value, str) else _written(value)
            for name, value in rest.parameters.items()
        }

    @property
    def is_steady(self) -> bool:
        """Whether the list seems to have stayed as it was, as far as its first page and what it says of itself tell."""
        return self._is_first_steady and len(self._totals) < 2

    @property
    def is_numbered(self) -> bool:
        """Whether it reads by numbers of pages: a list that changes meanwhile hides rows from it."""
        return self._pager.is_numbered

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def position_of(self, text: str) -> Position:
        """Return a position that a person wrote: as it is, an API takes it or doesn't."""
        return Position.written(text)

    def position_kept(self, kept: Position) -> Position:
        """Return a position of the ledger as records have it now: numbers in quotes were texts once."""
        return Position.written(kept.value) if kept.kind == "text" else kept

    def read(self, since: Position | None, resume: Mapping[str, Any] | None) -> Iterator[Chunk]:
        """Yield the pages; a page to go on with that the API doesn't know any more means to begin again."""
        state: State = resume or self._pager.start()
        self._totals, self._first_page = set(), None
        before: list[int] | None = None
        visited: set[int] = set()
        for _ in range(_MOST_PAGES):
            try:
                answer = self._ask(state, since)
            except Refused as refusal:
                if refusal.status == self._end_status(state):
                    return
                if resume is not None and state == resume:
                    state, resume = self._pager.start(), None
                    continue
                raise
            rows = [self._row(record) for record in self._records(answer)]
            hashes = [row.row_hash for row in rows]
            if rows and hashes == before and self._pager.is_numbered:
                name = self._rest.paging.name
                raise WorkFailed(
                    f"two pages have the same records: the API seems to take no notice of {name!r}"
                )
            before = hashes
            self._watch(state, answer, hashes)
            visited.add(hashed(state))
            state_after = self._pager.after(state, answer, len(rows), self._client)
            if state_after is not None and hashed(state_after) in visited:
                raise WorkFailed(
                    f"the next page is one that was read before, by its {self._rest.paging.kind}: it would never end"
                )
            yield Chunk(rows, self._kept(state_after))
            if state_after is None:
                return
            state = state_after
        raise WorkFailed(f"more than {_MOST_PAGES:,} pages: it seems never to end")

    def count(self, since: Position | None) -> int | None:
        """Ask for the first page once more, and take from it how many records there are in all."""
        where = self._rest.count
        if where is None and not self.is_numbered:
            return None
        first = self._pager.start()
        answer = self._ask(first, since)
        self._watch(first, answer, [self._row(record).row_hash for record in self._records(answer)])
        if where is None:
            return None
        said = self._said(answer)
        if said is None and not answer.text:
            return 0
        if said is None:
            place = f"header {where.header!r}" if where.header else f"{where.path!r} of the answer"
            raise UsageError(f"count: there is no number in {place}")
        return said

    def greatest(self) -> Position | None:
        """Return None: there is no way to ask an API for it that all have."""
        return None

    def write(self, rows: Sequence[Row], path: Path, number: int) -> None:
        """Write the records, each as it came but for secrets in it, a line each; blanks behind the last one tell the file's number."""
        with path.open("w", encoding="utf-8", errors="surrogatepass", newline="\n") as file:
            file.write("\n".join(row.content for row in rows))
            file.write(" " * number + "\n")

    def _said(self, answer: Answer) -> int | None:
        """Return how many records an answer says that there are; None if it doesn't."""
        where = self._rest.count
        if where is None:
            return None
        said = (
            answer.headers.get(where.header.lower())
            if where.header
            else value_at(answer.value, where.path or "")
        )
        if isinstance(said, str):
            said = whole_number(said)
        return None if isinstance(said, bool) or not isinstance(said, int) else said

    def _watch(self, state: State, answer: Answer, hashes: list[int]) -> None:
        """Note what tells that rows came or went while the list was read."""
        said = self._said(answer)
        if said is not None:
            self._totals.add(said)
        if self._pager.is_start(state):
            self._is_first_steady = self._first_page in (None, hashes)
            self._first_page = hashes

    def _end_status(self, state: State) -> int | None:
        """Return the status that says that a page lies behind the last one, which the first one can't."""
        return None if self._pager.is_start(state) else self._rest.paging.end_status

    def _ask(self, state: State, since: Position | None) -> Answer:
        end_status = self._end_status(state)
        if url := state.get("url"):
            return self._client.get({}, url, end_status)
        asked = {**self._parameters, **self._pager.parameters(state)}
        if self._cursor and self._cursor.parameter and since is not None:
            asked[self._cursor.parameter] = _formatted(since, self._cursor.format)
        return self._client.get(asked, end_status=end_status)

    def _records(self, answer: Answer) -> list[Record]:
        if not answer.text:
            return []
        try:
            found = list(records_of(answer.text, self._rest.records))
        except NoRecords as error:
            raise WorkFailed(
                self._revealed.clean(f"records: the answer isn't as declared: {error}")
            ) from None
        return list(map(self._blotted, found)) if self._revealed.may_be_in(answer.text) else found

    def _blotted(self, record: Record) -> Record:
        """Return a record without what we were let in with, which some APIs repeat in theirs."""
        text = self._revealed.blotted(record.text)
        return record if text == record.text else read_record(text)

    def _row(self, record: Record) -> Row:
        digest = hashed(record.value)
        key = [value_at(record.value, name) for name in self._key]
        known = bool(key) and all(part is not None for part in key)
        place = value_at(record.value, self._cursor.column) if self._cursor else None
        return Row(record.text, hashed(key) if known else digest, digest, _position(place))

    def _kept(self, state: State | None) -> State | None:
        """Return where to go on, unless a secret is in it."""
        return (
            state if state and all(self._revealed.is_clean(str(value)) for value in state.values()) else None
        )


def _position(value: Any) -> Position | None:
    """Return the position that a record has; digits are a number, be they in quotes or not."""
    if isinstance(value, dict | list):
        return None
    if isinstance(value, Written):
        return Position.of(Decimal(value))
    return Position.written(value) if isinstance(value, str) and value else Position.of(value)


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _formatted(since: Position, pattern: str | None) -> str:
    """Return a position as the API is asked for it; without a pattern as the records have it."""
    if pattern is None or since.moment is None:
        return since.shown
    seconds = since.moment.timestamp()
    if pattern == "unix":
        return str(int(seconds))
    if pattern == "unix_ms":
        return str(int(seconds * 1000))
    return datetime.fromtimestamp(seconds, UTC).strftime(pattern)
