"""Send what waits: at least once, to each channel for itself, and never at the cost of a run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from workbench.errors import WorkbenchError
from workbench.governance.alerts.alert import Alert, Raised, Sent
from workbench.governance.alerts.channels.base import Channel, Unreachable
from workbench.governance.alerts.channels.connect import connect_channels
from workbench.governance.alerts.notifications import Notification, notification_of
from workbench.governance.alerts.recorded import now, raised
from workbench.settings import Settings

if TYPE_CHECKING:
    from workbench.governance.alerts.deliveries import Deliveries
    from workbench.warehouse import Warehouse

Clock = Callable[[], datetime]
_TEST = Alert(
    "test", "info", "a test of the channels", "Somebody tries whether alerts arrive here.", ("test",)
)


def send(warehouse: Warehouse, settings: Settings, clock: Clock = now) -> Sent:
    """Send the alerts that channels haven't got: those of ``ops.alerts``, and those that were kept beside it.

    A channel that can't be reached is tried again by a later call, up to a day. A process that is killed after a
    channel took a notification, before that is noted, has it sent again with the same id.

    Raises:
        WorkbenchError: the warehouse can't be asked.
    """
    from workbench.governance.alerts.deliveries import WarehouseDeliveries
    from workbench.governance.alerts.outbox import Outbox

    with suppress(OSError):
        Outbox(settings).drain(warehouse)
    return deliver(WarehouseDeliveries(warehouse), settings, clock)


def deliver(deliveries: Deliveries, settings: Settings, clock: Clock = now) -> Sent:
    """Send what waits, as `send` does, from where it is kept."""
    channels, warnings = connect_channels(settings)
    count = 0
    for channel in channels:
        found = deliveries.claim(channel.name, settings.alert_least, settings.alert_limit, clock())
        if found.given_up:
            warnings.append(f"alerts for {channel.name} are given up, it took none for a day")
        down = ""
        for notification in found.notifications:
            # Those behind one that found the channel down aren't tried, only put off.
            problem, is_down = (down, True) if down else _attempt(channel, notification, settings)
            down = problem if is_down else ""
            deliveries.note(channel.name, notification, problem or None, clock())
            count += not problem
            if problem and problem not in warnings:
                warnings.append(problem)
    return Sent(count, tuple(f"alerts: {each}" for each in warnings))


def send_test(settings: Settings) -> list[tuple[str, str]]:
    """Send a test notification, as `send_alone` does."""
    return send_alone(replace(raised(_TEST, None, now()), alert_id=uuid4().hex), settings)


def send_alone(alert: Raised, settings: Settings) -> list[tuple[str, str]]:
    """Send an alert to each channel and note nothing; return its name and why it didn't take it, empty if it did.

    What is no channel stands there too, by the problem alone.
    """
    channels, problems = connect_channels(settings)
    answers = [("WORKBENCH_ALERT_CHANNELS", problem) for problem in problems]
    for channel in channels:
        problem, _ = _attempt(channel, notification_of([alert], channel.name), settings)
        answers.append((channel.name, problem.removeprefix(f"{channel.name}: ")))
    return answers


def _attempt(channel: Channel, notification: Notification, settings: Settings) -> tuple[str, bool]:
    """Return why a channel didn't take a notification, empty if it did, and whether it takes none at all."""
    try:
        channel.send(notification, settings)
    except Unreachable as error:
        return str(error), True
    except WorkbenchError as error:
        return f"{channel.name}: {error}" if channel.name not in str(error) else str(error), False
    except Exception as error:
        # A run isn't to fail for want of a channel, whatever a library of it raises; the text may hold a secret.
        return f"{channel.name}: {type(error).__name__}", False
    return "", False
