"""What an alert is: one sentence for a person about one subject."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
"""From the least to the worst."""

KINDS = {
    "run_failed": "a run failed",
    "rejected_batch": "a file was refused whole",
    "pull_failed": "a declared source couldn't be pulled",
    "pull_incomplete": "a declared source has rows that weren't in its answer",
    "schema_drift": "files have other columns than are declared",
    "quality": "a check of what was built failed",
    "stale": "a table isn't as fresh as its pipeline's schedule promises",
    "no_rate": "sales have no exchange rate",
    "sales_anomaly": "sales left their expected range",
    "fraud": "a receipt is likely fraud",
    "data_fault": "the rows of a file don't look like those of the files before",
    "model_drift": "a model may not know the present any more",
    "channel_down": "a channel took no alerts for a day",
    "test": "a test of the channels",
}
"""The kinds that Workbench raises; each has a section in docs/operations/alerts.md."""


@dataclass(frozen=True)
class Alert:
    """One sentence for a person about one subject.

    ``finding`` tells what was found apart from all other findings of the kind: two alerts are the same if their kind
    and finding are, whatever they say. A figure that may come out otherwise tomorrow belongs into the finding only if
    it is news then. ``link`` is a page that says more, if that isn't the page of the run. ``model`` is the registered
    model that found it and its version, as ``sales_daily/3``. ``owner`` is who sees to it; where nobody is named, the owner
    of the pipeline whose stage raises it, which the stage's environment tells (``WORKBENCH_OWNER``).
    """

    kind: str
    severity: Severity
    subject: str
    message: str
    finding: tuple[str, ...]
    link: str | None = None
    model: str | None = None
    owner: str | None = None

    @property
    def alert_id(self) -> str:
        """Its identity: 32 hexadecimal digits."""
        return identity(self.kind, *self.finding)


def identity(kind: str, *finding: str) -> str:
    """Return the id of the alert of a kind about a finding: 32 hexadecimal digits."""
    return hashlib.sha256("\0".join((kind, *finding)).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Raised:
    """An alert as it is kept; ``raised_at`` is UTC, without zone."""

    alert_id: str
    run_id: str | None
    raised_at: datetime
    kind: str
    severity: Severity
    subject: str
    message: str
    link: str | None = None
    is_open: bool = True
    model: str | None = None
    owner: str | None = None

    @property
    def badness(self) -> int:
        """A number that is the greater the worse it is."""
        return SEVERITIES.index(self.severity) if self.severity in SEVERITIES else 0


@dataclass(frozen=True)
class Sent:
    """What came of it: notifications that channels took, and a sentence for each thing that went wrong."""

    notifications: int = 0
    warnings: tuple[str, ...] = ()
