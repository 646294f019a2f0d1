"""The ledger of pulls, ``ops.pulls``: where the next one begins, and which rows landed already.

An entry is written before its file is put into landing, and counts only if the file is there or was taken in. So a
process may be killed at any moment: before the entry nothing has happened, between the two the entry is void, and
after both the pull is done.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError, WorkFailed
from workbench.governance import alerts
from workbench.governance.alerts import Alert
from workbench.governance.alerts.recorded import close_subjects
from workbench.numbers import many
from workbench.schema import cut
from workbench.settings import Settings
from workbench.sources.landing import Landing
from workbench.sources.pulls.entries import Entry, State, now
from workbench.sources.pulls.positions import Position
from workbench.sources.pulls.remembered import Places, is_reached, placed_anew, table_of
from workbench.sources.pulls.rows import Known, Row
from workbench.warehouse import Session, Warehouse
from workbench.warehouse.access import infrastructure

if TYPE_CHECKING:
    import pyarrow

FAILED = "pull_failed"
INCOMPLETE = "pull_incomplete"
_LANDED = ("landed", "unfinished")
_COUNTING = "('landed', 'unfinished', 'nothing_new', 'rewound')"
_OTHERS = "source = ? AND pull_id NOT IN (SELECT pull_id FROM ops.pulls WHERE source = ? AND started_at = ?)"
_LANDING_TAKES = timedelta(minutes=10)
_RESUMABLE = timedelta(days=1)


class Ledger:
    """The entries of one source.

    Args:
        warehouse: where they are; its tables are there.
        source: its name.
        landing: where its files land.
        settings: tell who pulls.
    """

    def __init__(self, warehouse: Warehouse, source: str, landing: Landing, settings: Settings) -> None:
        self._warehouse, self._source, self._landing = warehouse, source, landing
        self.puller = cut(f"{socket.gethostname()}:{settings.home}", 512)

    def state(self, version: str) -> State:
        """Return where the source stands; entries whose file is gone, or was refused whole, are void from now on.

        Raises:
            WorkFailed: another machine may be about to land a file of it.
        """
        # It asks what runs before this one took in; as a stage that reads the ledger it would have to wait for ingestion.
        with infrastructure():
            entries = self._warehouse.rows(
                "SELECT p.pull_id, p.status, p.started_at, p.ended_at, p.puller, p.cursor_before, p.cursor_after, p.resume, "
                "p.rows_read, p.landed_as, p.version, p.cursor_column, b.status AS taken_in FROM ops.pulls AS p "
                f"LEFT JOIN ops.batches AS b ON b.batch_id = p.batch_id WHERE p.source = ? AND p.status IN {_COUNTING} "
                "ORDER BY p.ended_at",
                [self._source],
            )
        waiting = [
            entry
            for entry in entries
            if entry["status"] in _LANDED and entry["landed_as"] and entry["taken_in"] in (None, "rejected")
        ]
        void = [
            entry
            for entry in waiting
            if entry["taken_in"] == "rejected" or not self._lies(entry["landed_as"])
        ]
        if void:
            return self._rewound(void, entries[-1]["ended_at"])
        if not entries:
            return State()
        last = entries[-1]
        fresh = now() - last["ended_at"] < _RESUMABLE and last["version"] == version
        resume = (
            json.loads(last["resume"])
            if last["status"] == "unfinished" and last["resume"] and fresh
            else None
        )
        parts = [entry["rows_read"] or 0 for entry in entries if entry["started_at"] == last["started_at"]]
        return State(
            Position.kept(last["cursor_after"]),
            resume,
            sum(parts) if resume else 0,
            last["started_at"] if resume else None,
            last["ended_at"],
            not waiting,
            last["cursor_column"],
        )

    def has(self, batch_id: str) -> bool:
        """Whether a content landed or was taken in before; one that was refused whole may come again."""
        with infrastructure():
            found = self._warehouse.rows(
                "SELECT 1 AS one FROM ops.batches WHERE batch_id = ? AND status <> 'rejected' "
                "UNION ALL SELECT 1 FROM ops.pulls WHERE batch_id = ? AND status IN ('landed', 'unfinished')",
                [batch_id, batch_id],
            )
        return bool(found)

    def known(self, *, without_withdrawn: bool = False) -> Known:
        """Return the rows that landed and may be read again; ``without_withdrawn`` those that no person took out of raw."""
        with infrastructure():
            found = self._warehouse.query(
                "SELECT r.key_hash, r.row_hash, CASE WHEN b.withdrawn_at IS NULL THEN 0 ELSE 1 END AS withdrawn "
                "FROM ops.pulled_rows AS r LEFT JOIN ops.pulls AS p ON p.pull_id = r.pull_id "
                "LEFT JOIN ops.batches AS b ON b.batch_id = p.batch_id WHERE r.source = ? ORDER BY r.landed_at",
                [self._source],
            )
        names = ("key_hash", "row_hash", "withdrawn")
        rows = zip(*(found.column(name).to_pylist() for name in names), strict=True)
        return Known((key, row, bool(out)) for key, row, out in rows if not (out and without_withdrawn))

    def enter(
        self,
        entry: Entry,
        state: State,
        rows: Sequence[Row] = (),
        floor: Position | None = None,
        short: int = 0,
        places: Places | None = None,
    ) -> Entry:
        """Write an entry, and the rows of its file; what is older than ``floor`` isn't read again and is forgotten.

        Args:
            entry: what happened; its time is made later than the last one's.
            state: as it was when the pull began, or after its last part.
            rows: those of the file that lands next.
            floor: from where the next pull reads.
            short: rows that the source has and that weren't read, which is told.
            places: if the cursor is another one, where the rows stand by it that landed before this pull and were read.

        Raises:
            WorkFailed: another pull of this source went on meanwhile.
        """
        ended = now() if state.last is None else max(now(), state.last + timedelta(microseconds=1))
        entry = replace(entry, ended_at=ended, puller=self.puller)
        place = floor.place if floor else None
        kept = [row for row in rows if is_reached(row.position.place if row.position else None, place)]
        table = table_of(entry, kept)
        others = [self._source, self._source, entry.started_at]
        if places is not None:
            table = self._with_others(table, others, places, place)
        with self._warehouse.prepare("ops.pulled_rows", table) as staged:

            def work(session: Session) -> None:
                self._warehouse.lock(session, "ops.pulls")
                (last,) = session.execute(
                    f"SELECT max(ended_at) FROM ops.pulls WHERE source = ? AND status IN {_COUNTING}",
                    [self._source],
                ).fetchall()[0]
                if last != state.last:
                    raise WorkFailed("another pull of it went on meanwhile; nothing more of this one lands")
                _insert(session, entry)
                if places is not None:
                    session.execute(f"DELETE FROM ops.pulled_rows WHERE {_OTHERS}", others)
                if table.num_rows:
                    staged.load(session)
                if place is not None and state.taken_in and entry.status != "unfinished":
                    session.execute(
                        "DELETE FROM ops.pulled_rows WHERE source = ? AND place < ?",
                        [self._source, place - 1],
                    )
                if entry.status != "unfinished":
                    close_subjects(session, FAILED, [self._source], ended)
                    self._tell_short(session, entry, short)

            self._warehouse.run(work)
        return entry

    def _with_others(
        self, table: pyarrow.Table, others: list[Any], places: Places, floor: float | None
    ) -> pyarrow.Table:
        import pyarrow

        found = self._warehouse.rows(
            "SELECT source, pull_id, key_hash, row_hash, place, landed_at FROM ops.pulled_rows "
            f"WHERE {_OTHERS} ORDER BY landed_at",
            others,
        )
        return pyarrow.concat_tables([table, placed_anew(found, places, floor)])

    def fail(self, entry: Entry, alert: bool) -> None:
        """Write that a pull failed; with ``alert``, tell people, once for the same error until it succeeds."""

        def work(session: Session) -> None:
            _insert(session, entry)
            if alert:
                (last,) = session.execute(
                    f"SELECT max(ended_at) FROM ops.pulls WHERE source = ? AND status IN {_COUNTING}",
                    [self._source],
                ).fetchall()[0]
                finding = (
                    self._source,
                    "".join(c for c in entry.message or "" if not c.isdigit()),
                    str(last),
                )
                message = f"source {self._source} couldn't be pulled: {entry.message}"
                found = Alert(FAILED, "warning", self._source, message, finding)
                alerts.put(session, [found], entry.run_id)

        self._warehouse.run(work)

    def _tell_short(self, session: Session, entry: Entry, short: int) -> None:
        if not short:
            close_subjects(session, INCOMPLETE, [self._source], entry.ended_at)
            return
        message = (
            f"source {self._source} said that it has {many(entry.rows_said or 0, 'row')}, and {short:,} of them "
            f"{'was' if short == 1 else 'were'}n't in its answer"
        )
        found = Alert(
            "pull_incomplete", "warning", self._source, message, (self._source, str(entry.ended_at.date()))
        )
        alerts.put(session, [found], entry.run_id)

    def _lies(self, key: str) -> bool:
        try:
            self._landing.find(key)
        except UsageError:
            return False
        return True

    def _rewound(self, void: Sequence[Mapping[str, Any]], last: datetime) -> State:
        """Put the cursor back to where it was before the first of some entries."""
        for entry in void:
            is_young = now() - entry["ended_at"] < _LANDING_TAKES
            if entry["taken_in"] is None and is_young and entry["puller"] != self.puller:
                raise WorkFailed(
                    f"another machine may be landing a file of it ({entry['puller']}); try again in a while"
                )
        ended = max(now(), last + timedelta(microseconds=1))
        cursor = void[0]["cursor_before"]
        refused = any(entry["taken_in"] for entry in void)
        why = "was refused whole" if refused else "was gone before it was taken in"
        marks = ", ".join("?" * len(void))
        ids = [entry["pull_id"] for entry in void]

        def work(session: Session) -> None:
            self._warehouse.lock(session, "ops.pulls")
            session.execute(f"UPDATE ops.pulls SET status = 'lost' WHERE pull_id IN ({marks})", ids)
            session.execute(f"DELETE FROM ops.pulled_rows WHERE pull_id IN ({marks})", ids)
            message = f"what landed as {', '.join(str(entry['landed_as']) for entry in void)} {why}: its rows are read again"
            _insert(
                session,
                Entry(
                    self._source,
                    "rewound",
                    ended,
                    ended,
                    cursor_after=cursor,
                    cursor_column=void[0]["cursor_column"],
                    message=message,
                    puller=self.puller,
                ),
            )

        self._warehouse.run(work)
        return State(Position.kept(cursor), last=ended, taken_in=False, column=void[0]["cursor_column"])


def _insert(session: Session, entry: Entry) -> None:
    values = asdict(entry)
    values["message"] = entry.message and cut(entry.message, 2048)
    session.execute(
        f"INSERT INTO ops.pulls ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
        list(values.values()),
    )
