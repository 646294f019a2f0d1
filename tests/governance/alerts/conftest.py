"""Fixtures of the tests of alerts: receivers, and a clock that the test sets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from tests.governance.alerts.receivers import Mailbox, Webhook, mailbox, webhook
from workbench.governance.alerts.recorded import now


class Clock:
    """The present moment, and later ones as the test says."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        """Return the time that it is."""
        return now() + self.ahead

    def forward(self, **time: float) -> None:
        """Let time go by."""
        self.ahead += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as taken:
        yield taken


@pytest.fixture
def mail() -> Iterator[Mailbox]:
    with mailbox() as taken:
        yield taken
