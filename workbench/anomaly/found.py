"""What was found in any table, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

Method = Literal["random forest", "weekday median", "seasonal median", "none"]

NOTHING = pd.DataFrame(
    columns=["day", "series", "actual", "expected", "lower", "upper", "score", "direction", "severity"]
)


@dataclass(frozen=True)
class Findings:
    """What was found in a table.

    Attributes:
        table: full name.
        date_column, measure, by: what was looked at; without a measure, rows were counted.
        method: ``random forest``, ``weekday median`` for short history, ``seasonal median`` for other periods than days, or
            ``none`` for too little of it.
        scored: every judged period: ``day`` (``period``, its beginning in UTC, where it isn't a day), ``series, actual,
            expected, lower, upper, score, direction, severity``.
        notes: what was left out and why, one sentence each.
        every: how long a period is: ``day``, ``hour``, ``5min``, ...
        statistic: what was taken of the measure's values in a period.
        incidents: of other periods than days, those outside their range that belong together, as
            :func:`workbench.anomaly.series.seasonal.as_incidents` returns them.
    """

    table: str
    date_column: str
    measure: str | None
    by: str | None
    method: Method
    scored: pd.DataFrame
    notes: tuple[str, ...] = ()
    every: str = "day"
    statistic: str = "sum"
    incidents: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def when(self) -> str:
        """The column that says which period a row is of."""
        return "day" if self.every == "day" else "period"

    @property
    def anomalies(self) -> pd.DataFrame:
        """The periods outside their range, the most severe first."""
        if self.scored.empty:
            return self.scored
        found = self.scored[self.scored["severity"] != ""]
        return found.sort_values(
            ["score", self.when, "series"], ascending=[False, True, True], ignore_index=True
        )

    @property
    def summary(self) -> str:
        """One sentence for a person."""
        what = f"{self.statistic} of {self.measure}" if self.measure else "rows"
        a_period = f"a {self.every}" if self.every in ("day", "week") else f"every {self.every}"
        subject = f"{self.table}: {what} {a_period}" + (f" by {self.by}" if self.by else "")
        if self.scored.empty:
            return f"{subject}: nothing could be judged."
        periods = pd.to_datetime(self.scored[self.when])
        if self.every == "day":
            count = len(self.anomalies)
            return (
                f"{subject}: {count or 'no'} anomal{'y' if count == 1 else 'ies'} in {len(self.scored)} "
                f"judged days, {periods.min().date()} to {periods.max().date()}, by {self.method}."
            )
        count = len(self.incidents)
        return (
            f"{subject}: {count or 'no'} incident{'' if count == 1 else 's'} in {len(self.scored):,} judged periods, "
            f"{periods.min():%Y-%m-%d %H:%M} to {periods.max():%Y-%m-%d %H:%M}, by {self.method}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        found = {
            "table": self.table, "date_column": self.date_column, "measure": self.measure, "by": self.by,
            "method": self.method, "judged": len(self.scored), "every": self.every, "statistic": self.statistic,
            "notes": list(self.notes), "summary": self.summary,
            "anomalies": [
                {**row, self.when: str(row[self.when])} for row in self.anomalies.to_dict("records")
            ],
        }  # fmt: skip
        if self.every == "day":
            return found
        return found | {
            "incidents": [
                {**row, "start": str(row["start"]), "end": str(row["end"])}
                for row in self.incidents.to_dict("records")
            ]
        }
