"""Messages: the alerts of one run and kind put into words, the worst first, with links to what helps."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workbench.governance.alerts.alert import KINDS, Raised, Severity
from workbench.settings import Settings
from workbench.terminal import printable

LISTED = 10
"""Alerts that a notification tells in full; of the others it says how many there are."""

RUNBOOK = "operations/alerts.md"


@dataclass(frozen=True)
class Notification:
    """Alerts that go to a channel together, at least one, the worst first.

    ``notification_id`` stays the same at each attempt, so that a receiver can drop what it has got before.
    """

    notification_id: str
    alerts: tuple[Raised, ...]
    attempts: int = 0
    first_tried_at: datetime | None = None

    @property
    def kind(self) -> str | None:
        """Their kind; None if they are of several."""
        kinds = {alert.kind for alert in self.alerts}
        return next(iter(kinds)) if len(kinds) == 1 else None

    @property
    def severity(self) -> Severity:
        """That of the worst."""
        return self.alerts[0].severity

    @property
    def badness(self) -> tuple[int, datetime]:
        """By this notifications are put into order: the worse, then the newer."""
        return self.alerts[0].badness, self.alerts[0].raised_at

    @property
    def title(self) -> str:
        """One line."""
        first = self.alerts[0]
        if len(self.alerts) == 1:
            return printable(f"[{first.severity}] {first.kind}: {first.subject}")
        many = f"{len(self.alerts)} of {self.kind}" if self.kind else f"{len(self.alerts)} alerts"
        return printable(f"[{first.severity}] {many}, the worst: {first.subject}")


def worst_first(alerts: Sequence[Raised]) -> tuple[Raised, ...]:
    """Return alerts by severity, then the newer first."""
    found = sorted(alerts, key=lambda alert: (alert.subject, alert.alert_id))
    return tuple(sorted(found, key=lambda alert: (alert.badness, alert.raised_at), reverse=True))


def notification_of(alerts: Sequence[Raised], channel: str) -> Notification:
    """Return a new notification with these alerts for a channel."""
    ids = sorted(alert.alert_id for alert in alerts)
    identity = hashlib.sha256("\0".join((channel, *ids)).encode()).hexdigest()[:32]
    return Notification(identity, worst_first(alerts))


def report_link(alert: Raised, settings: Settings) -> str | None:
    """Return where more is said of an alert: its own page, or that of its run, as an address or a file."""
    if alert.link or not alert.run_id:
        return alert.link
    page = settings.page(alert.run_id)
    if settings.reports_url:
        return f"{settings.reports_url.rstrip('/')}/{page.relative_to(settings.site).as_posix()}"
    return str(page)


def runbook_link(kind: str | None, settings: Settings) -> str:
    """Return where is told what a kind of alert means and what to do; the way in for others' kinds."""
    place = settings.docs_url.rstrip("/") or str(settings.root / "docs")
    return f"{place}/{RUNBOOK}" + (f"#{kind}" if kind in KINDS else "")


def text_of(notification: Notification, settings: Settings) -> str:
    """Return a notification as plain text, its title left out."""
    lines = [
        printable(f"- [{each.severity}] {each.subject}: {each.message}")
        for each in notification.alerts[:LISTED]
    ]
    if len(notification.alerts) == 1:
        lines = [printable(notification.alerts[0].message)]
    if (left := len(notification.alerts) - LISTED) > 0:
        lines.append(f"and {left} more; all of them: workbench alerts list --open")
    links = {
        "Report": report_link(notification.alerts[0], settings),
        "Runbook": runbook_link(notification.kind, settings),
    }
    owners = sorted({each.owner for each in notification.alerts if each.owner})
    if owners:
        links = {"Owner": printable(", ".join(owners)), **links}
    return "\n".join([*lines, "", *(f"{name}: {link}" for name, link in links.items() if link)]) + "\n"


def json_of(notification: Notification, settings: Settings) -> dict[str, Any]:
    """Return a notification for programs; ``text`` is what chats show that take a webhook's JSON."""
    return {
        "id": notification.notification_id,
        "title": notification.title,
        "text": f"{notification.title}\n{text_of(notification, settings)}",
        "kind": notification.kind,
        "severity": notification.severity,
        "count": len(notification.alerts),
        "report": report_link(notification.alerts[0], settings),
        "runbook": runbook_link(notification.kind, settings),
        "alerts": [
            {
                "alert_id": each.alert_id, "kind": each.kind, "severity": each.severity, "subject": each.subject,
                "message": each.message, "run_id": each.run_id, "raised_at": f"{each.raised_at.isoformat()}Z",
                "owner": each.owner,
            }
            for each in notification.alerts[:LISTED]
        ],
    }  # fmt: skip
