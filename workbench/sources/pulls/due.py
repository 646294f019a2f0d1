"""Which sources are due, and all of them pulled, each for itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError, WorkbenchError, unknown
from workbench.governance import alerts
from workbench.governance.alerts import Alert
from workbench.governance.alerts.recorded import close_subjects
from workbench.sources.pulls.ledger import FAILED
from workbench.sources.pulls.outcomes import Outcome
from workbench.sources.pulls.positions import Position
from workbench.sources.pulls.pulling import pull
from workbench.sources.pulls.reading import FILE, Declared, Sources, read_sources
from workbench.sources.pulls.taking import Places
from workbench.times import cron
from workbench.warehouse import Session, Warehouse

if TYPE_CHECKING:
    import pandas as pd

_EVER = timedelta(days=3660)


@dataclass(frozen=True)
class Last:
    """What the ledger says of a source: its newest entry that counts, and its newest of all. Times are UTC, without zone."""

    cursor: str | None = None
    pulled_at: datetime | None = None
    unfinished: bool = False
    status: str = ""
    ended_at: datetime | None = None
    message: str | None = None


@dataclass(frozen=True)
class Pulled:
    """What a stage pulled: an outcome for each source that was due, and a sentence for each thing that went wrong."""

    outcomes: tuple[Outcome, ...] = ()
    waiting: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Sums, for the run record."""
        return {
            "sources_pulled": sum(outcome.status != "failed" for outcome in self.outcomes),
            "sources_failed": sum(outcome.status == "failed" for outcome in self.outcomes),
            "sources_not_due": self.waiting,
            "files_landed": sum(len(outcome.files) for outcome in self.outcomes),
            "rows_landed": sum(outcome.landed or 0 for outcome in self.outcomes),
        }

    def frame(self) -> pd.DataFrame:
        """One row a source that was due, for display."""
        import pandas

        names = ("source", "status", "said", "read", "repeated", "landed", "cursor", "message")
        rows = [[getattr(outcome, name) for name in names] for outcome in self.outcomes]
        frame = pandas.DataFrame(rows, columns=list(names))
        return frame.astype(dict.fromkeys(("said", "read", "repeated", "landed"), "Int64"))


def lasts(warehouse: Warehouse) -> dict[str, Last]:
    """Return what the ledger says of each source that was ever pulled."""
    rows = warehouse.rows(
        "SELECT source, status, started_at, ended_at, cursor_after, message FROM ("
        "SELECT *, row_number() OVER (PARTITION BY source, status ORDER BY ended_at DESC) AS age FROM ops.pulls"
        ") AS newest WHERE age = 1 ORDER BY ended_at"
    )
    found: dict[str, Last] = {}
    for row in rows:
        last = found.get(row["source"], Last())
        counts = row["status"] in ("landed", "unfinished", "nothing_new", "rewound")
        whole = row["status"] in ("landed", "nothing_new")
        found[row["source"]] = Last(
            cursor=row["cursor_after"] if counts else last.cursor,
            pulled_at=row["started_at"] if whole else last.pulled_at,
            unfinished=not whole if counts else last.unfinished,
            status=row["status"] if row["status"] != "lost" else last.status,
            ended_at=row["ended_at"],
            message=row["message"],
        )
    return found


def origin(warehouse: Warehouse, batch_id: str) -> str | None:
    """Return of which source the file of a batch was pulled, from which cursor to which, and when; None if it wasn't."""
    if "ops.pulls" not in warehouse.catalogue():
        return None
    rows = warehouse.rows(
        "SELECT source, cursor_before, cursor_after, ended_at FROM ops.pulls WHERE batch_id = ? ORDER BY ended_at DESC LIMIT 1",
        [batch_id],
    )
    if not rows:
        return None
    first, last = (Position.kept(rows[0][name]) for name in ("cursor_before", "cursor_after"))
    span = f", cursor {first.shown if first else 'none'} to {last.shown}" if last else ""
    return f"source {rows[0]['source']}{span}, at {rows[0]['ended_at']:%Y-%m-%d %H:%M:%S}"


def next_pull(declared: Declared, last: Last, now: datetime) -> datetime | None:
    """Return when a source is due next, UTC; the past where it is due, None where it is with each run.

    Args:
        declared: the source.
        last: what the ledger says of it.
        now: the present moment, with its zone.
    """
    schedule = declared.source.schedule
    if schedule is None:
        return None
    if last.pulled_at is None or last.unfinished:
        return now
    after = last.pulled_at.replace(tzinfo=UTC)
    latest = cron.latest_time(schedule.cron, schedule.timezone, max(after, now - _EVER), now)
    return latest or next(cron.times(schedule.cron, schedule.timezone, now), None)


def pull_due(places: Places, names: Sequence[str] = ()) -> Pulled:
    """Pull from all sources that are due, one after the other; what is wrong with one stops no other.

    Args:
        places: where from and where to.
        names: only these, due or not.

    Raises:
        UsageError: a name is no source's.
    """
    try:
        sources = read_sources(places.settings)
    except UsageError as error:
        _told_of_file(places, str(error))
        return Pulled(warnings=(str(error),))
    for name in names:
        if name not in sources.names:
            raise unknown("source", name, sources.names)
    if not sources.names:
        return Pulled()
    _told_of_file(places, None)
    now = datetime.now(UTC)
    known = lasts(places.warehouse)
    outcomes, warnings, waiting = list[Outcome](), list[str](), 0
    for name in names or sources.names:
        try:
            declared = _right(sources, name, places)
            due = next_pull(declared, known.get(name, Last()), now)
            if not names and due is not None and due > now:
                waiting += 1
                continue
            outcome = pull(declared, places)
        except WorkbenchError as error:
            outcome = Outcome(name, "failed", message=str(error).removeprefix(f"source {name}: "))
            warnings.append(str(error))
        outcomes.append(outcome)
        if outcome.status != "failed" and outcome.message and outcome.read is not None:
            warnings.append(f"source {name}: {outcome.message}")
    return Pulled(tuple(outcomes), waiting, tuple(warnings))


def _right(sources: Sources, name: str, places: Places) -> Declared:
    try:
        return sources[name]
    except UsageError as error:
        _alert(places, name, str(error))
        raise


def _told_of_file(places: Places, problem: str | None) -> None:
    """Tell people that the file can't be read, or that it can again."""
    if problem is not None:
        _alert(places, FILE, problem)
        return

    def work(session: Session) -> None:
        close_subjects(session, FAILED, [FILE], datetime.now(UTC).replace(tzinfo=None))

    places.warehouse.run(work)


def _alert(places: Places, subject: str, problem: str) -> None:
    message = f"{subject} can't be pulled: {problem}"

    def work(session: Session) -> Any:
        day = str(datetime.now(UTC).date())
        found = Alert("pull_failed", "warning", subject, message, (subject, problem, day))
        alerts.put(session, [found], places.run_id)

    places.warehouse.run(work)
