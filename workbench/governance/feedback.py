"""What people said of anomalies, ``ops.anomaly_feedback``: each verdict stays, and of those on an alert the newest counts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any, Literal, get_args

from workbench.errors import unknown
from workbench.governance import audit
from workbench.governance.alerts.alert import Raised
from workbench.governance.ledger import after
from workbench.schema import cut
from workbench.warehouse import Session, Warehouse

Verdict = Literal["real", "false", "expected"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""``real``: something was wrong. ``false``: nothing was. ``expected``: it was so, and there is a reason for it."""

TABLE = "ops.anomaly_feedback"

NEWEST = (
    "SELECT * FROM (SELECT f.*, row_number() OVER (PARTITION BY alert_id ORDER BY given_at DESC) AS place "
    f"FROM {TABLE} AS f) AS ranked WHERE place = 1"
)
"""The query for the verdicts that count, for other queries to stand on."""


@dataclass(frozen=True)
class Concerned:
    """What an alert is about: days of a series, a landed file or a receipt; and the model that found it.

    ``series`` is empty where the days of all series are concerned, None where no days are.
    """

    series: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    batch_id: str | None = None
    transaction_id: str | None = None
    model_name: str | None = None
    model_version: str | None = None


@dataclass(frozen=True)
class Feedback:
    """One verdict; ``given_at`` is UTC, without zone."""

    alert_id: str
    kind: str
    subject: str
    verdict: Verdict
    note: str
    given_by: str
    given_at: datetime
    concerned: Concerned


_OWN = tuple(field.name for field in fields(Feedback) if field.name != "concerned")
_CONCERNED = tuple(field.name for field in fields(Concerned))
_COLUMNS = ", ".join((*_OWN, *_CONCERNED))


def check_verdict(verdict: str) -> Verdict:
    """Return a verdict.

    Raises:
        UsageError: it isn't one.
    """
    for known in VERDICTS:
        if verdict == known:
            return known
    raise unknown("verdict", verdict, VERDICTS)


def give(
    warehouse: Warehouse, alert: Raised, concerned: Concerned, verdict: Verdict, actor: str, note: str = ""
) -> Feedback:
    """Keep a verdict on an alert, and note in ``ops.audit_log`` who gave it.

    An alert that is false or expected leaves nothing to do, so it is closed; judged real after that, it is open again.
    """

    def work(session: Session) -> Feedback:
        past = session.execute(
            f"SELECT given_at, verdict FROM {TABLE} WHERE alert_id = ? ORDER BY given_at DESC LIMIT 1",
            [alert.alert_id],
        ).fetchall()
        last, before = past[0] if past else (None, "real")
        given = Feedback(
            alert.alert_id, alert.kind, alert.subject, verdict, cut(note, 2048), cut(actor, 128), after(last),
            concerned,
        )  # fmt: skip
        values = {**{name: getattr(given, name) for name in _OWN}, **asdict(concerned)}
        session.execute(
            f"INSERT INTO {TABLE} ({_COLUMNS}) VALUES ({', '.join('?' for _ in values)})",
            list(values.values()),
        )
        if verdict != "real" or before != "real":
            session.execute(
                "UPDATE ops.alerts SET is_open = ? WHERE alert_id = ?", [verdict == "real", alert.alert_id]
            )
        details = {"kind": alert.kind, "subject": alert.subject, "verdict": verdict, "note": note}
        audit.note(session, actor, "judge alert", alert.alert_id, details, given.given_at)
        return given

    return warehouse.run(work)


def history(warehouse: Warehouse, alert_id: str) -> list[Feedback]:
    """Return all verdicts on an alert, the newest first."""
    rows = warehouse.rows(
        f"SELECT {_COLUMNS} FROM {TABLE} WHERE alert_id = ? ORDER BY given_at DESC", [alert_id]
    )
    return [_read(row) for row in rows]


def newest(warehouse: Warehouse, kind: str = "") -> list[Feedback]:
    """Return the verdict that counts of each alert, or of each of a kind, the newest first."""
    only, values = (" AND kind = ?", [kind]) if kind else ("", [])
    rows = warehouse.rows(f"{NEWEST}{only} ORDER BY given_at DESC, alert_id", values)
    return [_read(row) for row in rows]


def _read(row: dict[str, Any]) -> Feedback:
    own = {name: row[name] for name in _OWN}
    # An engine may keep no empty text apart from none.
    own["note"] = own["note"] or ""
    return Feedback(**own, concerned=Concerned(**{name: row[name] for name in _CONCERNED}))
