"""What goes to a channel now: alerts grouped into notifications, no more of them than the channel takes in an hour."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from workbench.governance.alerts.alert import Raised
from workbench.governance.alerts.notifications import Notification, notification_of, worst_first

State = Literal["sending", "sent", "failed", "given_up"]

RECENT = timedelta(days=7)
"""How old an alert may be that was never tried: a channel that is new doesn't get the past."""

PATIENCE = timedelta(hours=24)
"""How long a notification is tried."""

CLAIMED = timedelta(minutes=15)
"""After this long a notification that somebody was sending, and said no more of, is sent again."""

_LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True)
class Delivery:
    """How far an alert is on its way to a channel; times are UTC, without zone."""

    notification_id: str
    state: State
    attempts: int
    first_tried_at: datetime
    tried_at: datetime

    def is_due(self, now: datetime) -> bool:
        """Whether it is time to try again: after one minute, then two, four, at most an hour."""
        if self.state == "sending":
            return now >= self.tried_at + CLAIMED
        pause = min(timedelta(minutes=2 ** min(self.attempts - 1, 10)), _LONGEST_PAUSE)
        return self.state == "failed" and now >= self.tried_at + pause


@dataclass(frozen=True)
class Waiting:
    """An alert that a channel hasn't got yet; ``delivery`` is None if it was never tried."""

    alert: Raised
    delivery: Delivery | None = None


@dataclass(frozen=True)
class Plan:
    """What to send now, the worst first, and what is given up."""

    notifications: tuple[Notification, ...] = ()
    given_up: tuple[Notification, ...] = ()


def plan(waiting: Sequence[Waiting], channel: str, budget: int, now: datetime) -> Plan:
    """Group what waits for a channel: one notification for the alerts of a run and kind.

    A notification that was tried before stays as it was. Where there are more notifications than the budget allows, the worst go
    by themselves and all others in the last one.
    """
    tried, given_up = _tried(waiting, now)
    groups: dict[tuple[str | None, str], list[Raised]] = {}
    for each in waiting:
        if each.delivery is None:
            groups.setdefault((each.alert.run_id, each.alert.kind), []).append(each.alert)
    fresh = _sorted(notification_of(alerts, channel) for alerts in groups.values())
    tried = tried[:budget]
    left = budget - len(tried)
    if len(fresh) > left:
        rest = [alert for notification in fresh[max(0, left - 1) :] for alert in notification.alerts]
        fresh = [*fresh[: left - 1], notification_of(rest, channel)] if left > 0 else []
    return Plan(tuple(_sorted([*tried, *fresh])), tuple(given_up))


def _tried(waiting: Sequence[Waiting], now: datetime) -> tuple[list[Notification], list[Notification]]:
    """Return the notifications that are due again, and those that were tried for too long."""
    groups: dict[str, list[Waiting]] = {}
    for each in waiting:
        if each.delivery:
            groups.setdefault(each.delivery.notification_id, []).append(each)
    due, given_up = [], []
    for notification_id, members in groups.items():
        delivery = members[0].delivery
        assert delivery is not None  # noqa: S101
        alerts = worst_first([each.alert for each in members])
        notification = Notification(notification_id, alerts, delivery.attempts, delivery.first_tried_at)
        if delivery.state == "failed" and now >= delivery.first_tried_at + PATIENCE:
            given_up.append(notification)
        elif delivery.is_due(now):
            due.append(notification)
    return _sorted(due), given_up


def _sorted(notifications: Iterable[Notification]) -> list[Notification]:
    return sorted(notifications, key=lambda notification: notification.badness, reverse=True)
