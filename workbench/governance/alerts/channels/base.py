"""What every channel offers."""

from __future__ import annotations

from typing import Protocol

from workbench.errors import WorkFailed
from workbench.governance.alerts.notifications import Notification
from workbench.settings import Settings

TIMEOUT = 10.0
"""Seconds that a channel may take for an answer."""
LONGEST = 30.0
"""Seconds that it may take for all of them together, and for each of their bytes."""


class Unreachable(WorkFailed):
    """The channel takes nothing for now: other notifications needn't be tried."""


class Channel(Protocol):
    """A way out."""

    @property
    def name(self) -> str:
        """What it is called in records and notifications: its address without what is secret in it."""

    def send(self, notification: Notification, settings: Settings) -> None:
        """Send a notification, and return once the channel has taken it.

        Raises:
            Unreachable: the channel can't be reached, or takes nothing.
            WorkbenchError: it refused this notification.
        """
