"""Alerts in the log: a line on stderr, in JSON on AWS."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

from workbench.governance.alerts.notifications import Notification, json_of, runbook_link
from workbench.settings import Settings
from workbench.terminal import printable


class LogChannel:
    """Writes a line a notification."""

    name = "log:"

    def send(self, notification: Notification, settings: Settings) -> None:
        """Write it."""
        if settings.profile == "aws":
            line = json.dumps(
                {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "message": notification.title}
                | {"level": "error" if notification.severity == "critical" else notification.severity}
                | {"alert": json_of(notification, settings)}
            )
        else:
            first = printable(notification.alerts[0].message)
            line = f"alert {notification.title}: {first} ({runbook_link(notification.kind, settings)})"
        print(line, file=sys.stderr, flush=True)
