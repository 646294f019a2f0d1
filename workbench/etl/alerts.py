"""Put an alert on the board: ``ops.alerts``. The same finding is one alert, however often it is found."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Literal

from workbench.schema import cut
from workbench.warehouse import Session

Severity = Literal["info", "warning", "critical"]


def put(
    connection: Session,
    *,
    kind: str,
    subject: str,
    message: str,
    severity: Severity,
    run_id: str | None = None,
) -> str:
    """Record an alert inside the caller's transaction, unless the same one is there; return its id.

    Two alerts are the same if kind, subject and message are.
    """
    alert_id = hashlib.sha256("\0".join((kind, subject, message)).encode()).hexdigest()[:32]
    connection.execute(
        "INSERT INTO ops.alerts (alert_id, run_id, raised_at, kind, severity, subject, message, is_open) "
        "SELECT CAST(? AS VARCHAR(2048)), CAST(? AS VARCHAR(2048)), CAST(? AS TIMESTAMP), CAST(? AS VARCHAR(2048)), CAST(? AS VARCHAR(2048)), "
        "CAST(? AS VARCHAR(2048)), CAST(? AS VARCHAR(2048)), true "
        "WHERE NOT EXISTS (SELECT 1 FROM ops.alerts WHERE alert_id = ?)",
        [
            alert_id,
            run_id,
            datetime.now(UTC).replace(tzinfo=None),
            kind,
            severity,
            cut(subject, 256),
            cut(message, 2048),
            alert_id,
        ],
    )
    return alert_id
