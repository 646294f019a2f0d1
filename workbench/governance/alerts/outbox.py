"""Failures that couldn't be put into the warehouse: a file beside the records of runs, until it can be reached again."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from workbench.files import write_text
from workbench.governance.alerts.alert import SEVERITIES, Severity
from workbench.governance.alerts.deliveries import HOUR, write_delivery
from workbench.governance.alerts.notifications import Notification
from workbench.governance.alerts.planning import Delivery, Plan, State, Waiting, plan
from workbench.governance.alerts.run_failures import OUTBOX, Failure, record_failure
from workbench.private import private_folder
from workbench.settings import Settings
from workbench.warehouse.access import infrastructure
from workbench.warehouse.bookkeeping import bookkeeping

if TYPE_CHECKING:
    from workbench.warehouse import Session, Warehouse


@dataclass
class Entry:
    """A failure, and how far it is on its way to each channel, by the channel's name."""

    failure: Failure
    deliveries: dict[str, Delivery] = field(default_factory=dict)


_ENTRIES = TypeAdapter(list[Entry])


class Outbox:
    """The file, read and written by one process at a time.

    Every method raises OSError where the folder of runs can't be written.
    """

    def __init__(self, settings: Settings) -> None:
        self._path = settings.runs / OUTBOX

    def add(self, failure: Failure) -> None:
        """Keep a failure, unless the same one is there, or another one of the same run."""
        with self._entries() as entries:
            kept = [each.failure for each in entries]
            if not any(
                each.identity == failure.identity or (failure.run_id and each.run_id == failure.run_id)
                for each in kept
            ):
                entries.append(Entry(failure))

    def claim(self, channel: str, least: Severity, limit: int, now: datetime) -> Plan:
        """Return what to send to a channel now."""
        with self._entries() as entries:
            alerts = [(each.failure.raised(), each.deliveries.get(channel)) for each in entries]
            waiting = [
                Waiting(alert, delivery)
                for alert, delivery in alerts
                if SEVERITIES.index(alert.severity) >= SEVERITIES.index(least)
                and (delivery is None or delivery.state in ("sending", "failed"))
            ]
            sent = {
                delivery.notification_id
                for _, delivery in alerts
                if delivery and delivery.state == "sent" and delivery.tried_at > now - HOUR
            }
            found = plan(waiting, channel, max(0, limit - len(sent)), now)
            for notification in found.notifications:
                _set(entries, channel, notification, "sending", notification.attempts + 1, now)
            for notification in found.given_up:
                _set(entries, channel, notification, "given_up", notification.attempts, now)
            return found

    def note(self, channel: str, notification: Notification, error: str | None, now: datetime) -> None:
        """Note that a channel took a notification, or that it didn't."""
        with self._entries() as entries:
            _set(
                entries, channel, notification, "failed" if error else "sent", notification.attempts + 1, now
            )

    @infrastructure()
    def drain(self, warehouse: Warehouse) -> None:
        """Put what is there into the warehouse, with what channels have got of it; what is over by now is dropped.

        Raises:
            WorkbenchError: the warehouse can't be written; all is kept.
        """
        if not self._path.is_file():
            return
        with self._entries() as entries:

            def work(session: Session) -> None:
                for entry in entries:
                    if (alert := record_failure(session, entry.failure)) is None:
                        continue
                    found = session.execute(
                        "SELECT channel FROM ops.alert_deliveries WHERE alert_id = ?", [alert.alert_id]
                    ).fetchall()
                    known = {channel for (channel,) in found}
                    for channel, delivery in entry.deliveries.items():
                        if channel in known:
                            continue
                        notification = Notification(
                            delivery.notification_id, (alert,), 0, delivery.first_tried_at
                        )
                        write_delivery(
                            session,
                            channel,
                            notification,
                            delivery.state,
                            delivery.attempts,
                            None,
                            delivery.tried_at,
                        )

            with bookkeeping():
                warehouse.run(work, repeatable=True)
            entries.clear()

    @contextmanager
    def _entries(self) -> Iterator[list[Entry]]:
        """Yield what is kept, and keep what it is then."""
        private_folder(self._path.parent)
        with self._path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                entries = _ENTRIES.validate_json(self._path.read_bytes())
            except (FileNotFoundError, ValueError):
                # What can't be read can't be sent either.
                entries = []
            yield entries
            if entries:
                write_text(self._path, _ENTRIES.dump_json(entries, indent=2).decode() + "\n", mode=0o600)
            else:
                self._path.unlink(missing_ok=True)


def _set(
    entries: list[Entry], channel: str, notification: Notification, state: State, attempts: int, now: datetime
) -> None:
    ids = {alert.alert_id for alert in notification.alerts}
    for entry in entries:
        if entry.failure.raised().alert_id in ids:
            first = notification.first_tried_at or now
            entry.deliveries[channel] = Delivery(notification.notification_id, state, attempts, first, now)
