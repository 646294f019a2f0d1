"""Raise alerts: ``ops.alerts``. The same finding is one alert, however often it is found."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from workbench.schema import cut
from workbench.warehouse import Session

Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True)
class Alert:
    """One sentence for a person about one subject.

    ``finding`` tells what was found apart from all other findings of the kind: two alerts are the same if their kind
    and finding are, whatever they say. A figure that may come out otherwise tomorrow belongs into the finding only if
    it is news then.
    """

    kind: str
    severity: Severity
    subject: str
    message: str
    finding: tuple[str, ...]

    @property
    def alert_id(self) -> str:
        """Its identity: 32 hexadecimal digits."""
        return hashlib.sha256("\0".join((self.kind, *self.finding)).encode()).hexdigest()[:32]


def put(session: Session, alerts: Iterable[Alert], run_id: str | None = None) -> int:
    """Record alerts inside the caller's transaction, but for those that are there; return how many are new.

    Of two transactions at once that find the same, one is done again where the engine lets several write.
    """
    wanted = {alert.alert_id: alert for alert in alerts}
    if not wanted:
        return 0
    marks = ", ".join("?" * len(wanted))
    found = session.execute(f"SELECT alert_id FROM ops.alerts WHERE alert_id IN ({marks})", list(wanted))
    fresh = sorted(wanted.keys() - {identity for (identity,) in found.fetchall()})
    now = datetime.now(UTC).replace(tzinfo=None)
    for identity in fresh:
        alert = wanted[identity]
        session.execute(
            "INSERT INTO ops.alerts (alert_id, run_id, raised_at, kind, severity, subject, message, is_open) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, true)",
            [identity, run_id, now, alert.kind, alert.severity, cut(alert.subject, 256), cut(alert.message, 2048)],
        )  # fmt: skip
    return len(fresh)
