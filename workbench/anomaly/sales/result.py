"""What a detection in daily sales found, and how it is told."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import pandas as pd

from workbench.anomaly.models.registry import ModelVersion
from workbench.anomaly.sales.hierarchy import UPPER
from workbench.numbers import many

_MOST_NAMED = 10


@dataclass(frozen=True)
class DetectionResult:
    """What a detection found.

    Attributes:
        detected: False if there was no model to judge by; nothing is found then.
        reason: why nothing was judged, a sentence without its end: there is no model, or there are too few days; else empty.
        model: the version that judged.
        scored: every judged day and department, the sum of all of them (``hierarchy.TOTAL``), and the stores and
            categories that sell the most, each with its ``level`` and its expected
            range (reporting currency), by day:
            ``sales_date, department, actual, expected, lower, upper, score, direction, severity, week_before,
            weekday_usual`` and what each weighs (``incidents.WEIGHED``); ``severity`` is empty inside the range.
        anomalies: those outside, as written to ``marts.sales_anomalies``, the newest day first.
        alerts: alerts raised that were not there before.
        skipped: departments not judged, and why.
        silent_days: days on which nothing at all was sold though that weekday usually sells.
        incomplete_day: the newest day, if it isn't judged because it is still filling up.
        gaps: first and last day of each time of more than 90 days without a sale.
        apart: days that aren't judged because they stand far apart from all others.
    """

    detected: bool
    reason: str
    model: ModelVersion | None
    scored: pd.DataFrame
    anomalies: pd.DataFrame
    alerts: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    silent_days: tuple[dt.date, ...] = ()
    incomplete_day: dt.date | None = None
    gaps: tuple[tuple[dt.date, dt.date], ...] = ()
    apart: tuple[dt.date, ...] = ()

    @property
    def critical(self) -> int:
        """Number of critical anomalies."""
        return int((self.anomalies["severity"] == "critical").sum())

    @property
    def summary(self) -> str:
        """One sentence for a person."""
        if self.reason or self.model is None:
            return f"Nothing was judged: {self.reason}."
        upper, parts = (self.anomalies["level"].isin(UPPER) == wanted for wanted in (True, False))
        judged = int(self.scored["level"].isin(UPPER).sum())
        critical = self.anomalies["severity"] == "critical"
        text = (
            f"{upper.sum()} of {judged} department days left their expected range, {(critical & upper).sum()} of them "
            f"critical, by {self.model.name} version {self.model.version}; {many(self.alerts, 'new alert')}."
        )
        if len(self.scored) > judged:
            text += (
                f" Of {len(self.scored) - judged:,} days of stores and categories {parts.sum()} did, with money at stake; "
                f"{(critical & parts).sum()} of them critical."
            )
        return text

    @property
    def warnings(self) -> list[str]:
        """What a person should see to, a sentence each."""
        return [f"Daily sales were not judged: {self.reason}."] if self.reason else []

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, one sentence each."""
        notes = []
        if self.incomplete_day:
            notes.append(f"{self.incomplete_day} has under half of its usual sales so far and was left out.")
        if self.silent_days:
            span = f"{self.silent_days[0]} and {self.silent_days[-1]}"
            days = ", ".join(map(str, self.silent_days))
            few = len(self.silent_days) <= _MOST_NAMED
            text = days if few else f"{len(self.silent_days)} days between {span}"
            notes.append(f"Nothing at all was sold on {text}.")
        notes += [f"Nothing at all was sold from {first} to {last}." for first, last in self.gaps]
        if self.apart:
            named = ", ".join(map(str, self.apart[:3])) + (" and others" if len(self.apart) > 3 else "")
            notes.append(f"Sales of {named} stand far apart from all others and were left out.")
        if self.skipped:
            first = "; ".join(f"{name} ({why})" for name, why in list(self.skipped.items())[:3])
            more = f"; and {len(self.skipped) - 3} more" if len(self.skipped) > 3 else ""
            notes.append(f"Not judged for want of history: {first}{more}.")
        return tuple(notes)

    def frame(self, limit: int | None = None) -> pd.DataFrame:
        """Return the anomalies for display, the most severe first."""
        shown = self.anomalies.sort_values(
            ["severity_points", "score", "sales_date", "department"], ascending=[False, False, True, True]
        )
        return shown.drop(columns=["measure", "model_name", "model_version", "run_id"]).head(
            limit or len(shown)
        )
