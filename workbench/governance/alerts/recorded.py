"""Alerts in the warehouse, ``ops.alerts``: the same finding is one alert, however often it is found."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workbench.governance.alerts.alert import Alert, Raised
from workbench.governance.audit import note
from workbench.governance.ids import row_named
from workbench.governance.this_run import this_run
from workbench.schema import cut

if TYPE_CHECKING:
    from workbench.warehouse import Session, Warehouse

COLUMNS = ", ".join(field.name for field in fields(Raised))


def now() -> datetime:
    """Return the present moment as the warehouse keeps it: UTC, without zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def raised(alert: Alert, run_id: str | None, raised_at: datetime) -> Raised:
    """Return an alert as it is kept."""
    return Raised(
        alert.alert_id, run_id, raised_at, alert.kind, alert.severity, cut(alert.subject, 256),
        cut(alert.message, 2048), alert.link and cut(alert.link, 2048), model=alert.model,
        owner=cut(alert.owner or os.environ.get("WORKBENCH_OWNER", ""), 256) or None,
    )  # fmt: skip


def put(session: Session, alerts: Iterable[Alert], run_id: str | None = None) -> int:
    """Record alerts inside the caller's transaction, but for those that are there; return how many are new.

    They are of the run whose stage this process executes, unless another is given.

    Of two transactions at once that find the same, one is done again where the engine lets several write.
    """
    moment, run_id = now(), run_id or this_run()
    return insert(session, [raised(alert, run_id, moment) for alert in alerts])


def insert(session: Session, alerts: Iterable[Raised]) -> int:
    """Record alerts as they were raised, but for those that are there; return how many are new."""
    wanted = {alert.alert_id: alert for alert in alerts}
    if not wanted:
        return 0
    marks = ", ".join("?" * len(wanted))
    found = session.execute(f"SELECT alert_id FROM ops.alerts WHERE alert_id IN ({marks})", list(wanted))
    fresh = sorted(wanted.keys() - {identity for (identity,) in found.fetchall()})
    values = ", ".join("?" for _ in fields(Raised))
    for identity in fresh:
        alert = wanted[identity]
        session.execute(
            f"INSERT INTO ops.alerts ({COLUMNS}) VALUES ({values})",
            [getattr(alert, field.name) for field in fields(Raised)],
        )
    return len(fresh)


def close_subjects(session: Session, kind: str, subjects: Sequence[str], until: datetime) -> None:
    """Close the open alerts of a kind about these subjects that were raised until then: what they told of is over."""
    if not subjects:
        return
    condition = f"kind = ? AND is_open AND raised_at <= ? AND subject IN ({', '.join('?' for _ in subjects)})"
    values = [kind, until, *(cut(subject, 256) for subject in subjects)]
    # Most often there are none, and a table that isn't written to is in nobody's way.
    if session.execute(f"SELECT 1 FROM ops.alerts WHERE {condition} LIMIT 1", values).fetchone():
        session.execute(f"UPDATE ops.alerts SET is_open = false WHERE {condition}", values)


def ended(session: Session, kind: str, subject: str) -> datetime | None:
    """Return when the newest alert of a kind about a subject was raised that ended by itself; None if none did."""
    ((newest,),) = session.execute(
        "SELECT max(raised_at) FROM ops.alerts WHERE kind = ? AND subject = ? AND NOT is_open AND alert_id NOT IN "
        "(SELECT object FROM ops.audit_log WHERE action IN ('close alert', 'judge alert'))",
        [kind, cut(subject, 256)],
    ).fetchall()
    return newest


def close(warehouse: Warehouse, alert: Raised, actor: str, reason: str = "") -> bool:
    """Close an alert, and note who did it and why; return whether it was open."""

    def work(session: Session) -> bool:
        still = session.execute(
            "SELECT 1 FROM ops.alerts WHERE alert_id = ? AND is_open", [alert.alert_id]
        ).fetchone()
        if not still:
            return False
        session.execute("UPDATE ops.alerts SET is_open = false WHERE alert_id = ?", [alert.alert_id])
        details = {"kind": alert.kind, "subject": alert.subject, "reason": reason}
        note(session, actor, "close alert", alert.alert_id, details)
        return True

    return warehouse.run(work)


def recent(
    warehouse: Warehouse,
    limit: int,
    *,
    only_open: bool = False,
    kind: str = "",
    owner: str = "",
    since: datetime | None = None,
) -> list[Raised]:
    """Return alerts, the newest first."""
    conditions, values = ["true"], list[Any]()
    if only_open:
        conditions.append("is_open")
    if kind:
        conditions.append("kind = ?")
        values.append(kind)
    if owner:
        conditions.append("owner = ?")
        values.append(owner)
    if since:
        conditions.append("raised_at >= ?")
        values.append(since)
    rows = warehouse.rows(
        f"SELECT {COLUMNS} FROM ops.alerts WHERE {' AND '.join(conditions)} "
        f"ORDER BY raised_at DESC, alert_id LIMIT {int(limit)}",
        values,
    )
    return [Raised(**row) for row in rows]


def named(warehouse: Warehouse, beginning: str) -> Raised:
    """Return the alert whose id begins so.

    Raises:
        UsageError: there is none, or several.
    """
    row = row_named(warehouse, "ops.alerts", "alert_id", COLUMNS, beginning, kind="alert", newest="raised_at")
    return Raised(**row)
