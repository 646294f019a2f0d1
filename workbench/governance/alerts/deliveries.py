"""What each channel has got, ``ops.alert_deliveries``: claimed before it is sent, noted after."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from workbench.governance.alerts.alert import SEVERITIES, Alert, Raised, Severity
from workbench.governance.alerts.notifications import Notification
from workbench.governance.alerts.planning import CLAIMED, RECENT, Delivery, Plan, State, Waiting, plan
from workbench.governance.alerts.recorded import put
from workbench.numbers import many
from workbench.schema import cut
from workbench.warehouse.access import infrastructure
from workbench.warehouse.bookkeeping import bookkeeping

if TYPE_CHECKING:
    from workbench.warehouse import Session, Warehouse

HOUR = timedelta(hours=1)
_OF_ALERT = [field.name for field in fields(Raised)]
_OF_DELIVERY = [field.name for field in fields(Delivery)]
# Threads that write the same rows of an embedded warehouse at once fail.
_taking_turns = threading.Lock()
_COLUMNS = ("alert_id", "channel", *_OF_DELIVERY, "error")


class Deliveries(Protocol):
    """Where is kept what waits for a channel, and what it has got."""

    def claim(self, channel: str, least: Severity, limit: int, now: datetime) -> Plan:
        """Return what to send to a channel now, and keep others from it meanwhile."""

    def note(self, channel: str, notification: Notification, error: str | None, now: datetime) -> None:
        """Note that a channel took a notification, or why it didn't."""


class WarehouseDeliveries:
    """Kept in the warehouse, so that several machines know of one another."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    @infrastructure()
    def claim(self, channel: str, least: Severity, limit: int, now: datetime) -> Plan:
        """Return what to send; claims of others that are under way are left out."""
        sql, values = _waiting(channel, least, now)
        if not self._warehouse.rows(f"{sql} LIMIT 1", values):
            return Plan()

        def work(session: Session) -> Plan:
            # Two that claim at once would each see that nobody has.
            self._warehouse.lock(session, "ops.alert_deliveries")
            rows = session.execute(sql, values).fetchall()
            ((sent,),) = session.execute(
                "SELECT count(DISTINCT notification_id) FROM ops.alert_deliveries WHERE channel = ? "
                "AND (state = 'sent' AND tried_at > ? OR state = 'sending' AND tried_at > ?)",
                [channel, now - HOUR, now - CLAIMED],
            ).fetchall()
            # Where keys aren't enforced, two at once may have raised the same.
            waiting = {row[0]: _read(row) for row in rows}
            found = plan([*waiting.values()], channel, max(0, limit - int(sent)), now)
            for notification in found.notifications:
                write_delivery(
                    session, channel, notification, "sending", notification.attempts + 1, None, now
                )
            for notification in found.given_up:
                write_delivery(
                    session, channel, notification, "given_up", notification.attempts, "tried for a day", now
                )
            if found.given_up:
                put(session, [_silent(channel, found.given_up, now)])
            return found

        with _taking_turns, bookkeeping():
            return self._warehouse.run(work)

    @infrastructure()
    def note(self, channel: str, notification: Notification, error: str | None, now: datetime) -> None:
        """Note how it ended."""
        state: State = "failed" if error else "sent"
        with _taking_turns, bookkeeping():
            self._warehouse.run(
                lambda session: write_delivery(
                    session, channel, notification, state, notification.attempts + 1, error, now
                ),
                repeatable=True,
            )


def _waiting(channel: str, least: Severity, now: datetime) -> tuple[str, list[Any]]:
    """Return the query for what a channel hasn't got, and its values."""
    severities = SEVERITIES[SEVERITIES.index(least) :]
    columns = ", ".join(
        [*(f"a.{name}" for name in _OF_ALERT), *(f"d.{name} AS delivery_{name}" for name in _OF_DELIVERY)]
    )
    return (
        f"SELECT {columns} FROM ops.alerts AS a "
        "LEFT JOIN ops.alert_deliveries AS d ON d.alert_id = a.alert_id AND d.channel = ? "
        f"WHERE a.is_open AND a.severity IN ({', '.join('?' for _ in severities)}) "
        "AND NOT (a.kind = 'channel_down' AND a.subject = ?) "
        "AND (d.alert_id IS NULL AND a.raised_at > ? OR d.state IN ('sending', 'failed'))",
        [channel, *severities, cut(channel, 256), now - RECENT],
    )


def _read(row: Sequence[Any]) -> Waiting:
    alert, delivery = row[: len(_OF_ALERT)], row[len(_OF_ALERT) :]
    return Waiting(Raised(*alert), Delivery(*delivery) if delivery[0] else None)


def write_delivery(
    session: Session,
    channel: str,
    notification: Notification,
    state: State,
    attempts: int,
    error: str | None,
    now: datetime,
) -> None:
    """Write how far each alert of a notification is, in place of what was known of it."""
    ids = [alert.alert_id for alert in notification.alerts]
    marks = ", ".join("?" * len(ids))
    session.execute(
        f"DELETE FROM ops.alert_deliveries WHERE channel = ? AND alert_id IN ({marks})", [channel, *ids]
    )
    about = [
        notification.notification_id,
        state,
        attempts,
        notification.first_tried_at or now,
        now,
        error and cut(error, 2048),
    ]
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        rows = ", ".join(f"({', '.join('?' * len(_COLUMNS))})" for _ in some)
        session.execute(
            f"INSERT INTO ops.alert_deliveries ({', '.join(_COLUMNS)}) VALUES {rows}",
            [value for alert_id in some for value in (alert_id, channel, *about)],
        )


def _silent(channel: str, given_up: Sequence[Notification], now: datetime) -> Alert:
    """Return an alert for the other channels; a channel that is down stays so for one a day."""
    count = sum(len(notification.alerts) for notification in given_up)
    unsent = many(count, "alert wasn't", "alerts weren't")
    return Alert(
        "channel_down", "warning", channel, f"{channel} took nothing for a day: {unsent} sent to it",
        finding=(channel, str(now.date())),
    )  # fmt: skip
