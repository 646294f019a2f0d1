"""What the last weeks would have looked like at another threshold, from scores that are stored; nothing is written."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.anomaly.fraud import unjudged as fraud
from workbench.anomaly.fraud.detection import ALERTS_A_DAY, SCORES, within_budget
from workbench.anomaly.sales import unjudged as sales
from workbench.anomaly.sales.detection import ALERT_DAYS, MOST_ALERTS
from workbench.anomaly.sales.hierarchy import TOTAL, UPPER
from workbench.anomaly.sales.incidents import incidents
from workbench.anomaly.sales.judged import is_judged
from workbench.anomaly.sales.training import read_sales
from workbench.errors import UsageError, WorkFailed, unknown
from workbench.governance.feedback import VERDICTS, Feedback, newest
from workbench.warehouse import Warehouse

KINDS = ("sales_anomaly", "fraud")

_FOUND = (
    "SELECT sales_date, department, level, actual, expected, score, direction, severity, money_at_stake, strangeness, incident_from, "
    "threshold, least_stake, least_strangeness FROM marts.sales_anomalies"
)


@dataclass(frozen=True)
class Judged:
    """A verdict on an alert of these days, and whether the alert would have been raised."""

    alert_id: str
    subject: str
    verdict: str
    kept: bool


@dataclass(frozen=True)
class Outlook:
    """What some days look like at one threshold.

    Attributes:
        threshold: of the score.
        incidents: what reaches it: incidents of sales, or receipts.
        alerts: how many of those are alerts within the budget, those with the most money at stake.
        alerts_a_day: the same a day.
        money_at_stake: of the alerts, reporting currency; of receipts, amounts times the chance of fraud.
        judged: the verdicts that people gave on alerts of these days.
    """

    threshold: float
    incidents: int
    alerts: int
    alerts_a_day: float
    money_at_stake: float
    judged: tuple[Judged, ...]

    def kept(self, verdict: str) -> str:
        """Return how many verdicts of a kind are on alerts that are raised at this threshold, as ``2 of 3``."""
        of_kind = [each.kept for each in self.judged if each.verdict == verdict]
        return f"{sum(of_kind)} of {len(of_kind)}"


@dataclass(frozen=True)
class WhatIf:
    """The days from ``first_day`` to ``last_day`` at the threshold in force, and at another."""

    kind: str
    first_day: dt.date
    last_day: dt.date
    in_force: Outlook
    asked: Outlook

    @property
    def lost(self) -> tuple[Judged, ...]:
        """The verdicts on alerts that are raised in force, and wouldn't be."""
        pairs = zip(self.in_force.judged, self.asked.judged, strict=True)
        return tuple(after for before, after in pairs if before.kept and not after.kept)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        days = {"first_day": str(self.first_day), "last_day": str(self.last_day)}
        return {
            "kind": self.kind, **days, "in_force": asdict(self.in_force), "asked": asdict(self.asked),
            "lost": [asdict(each) for each in self.lost],
        }  # fmt: skip

    def summary(self) -> str:
        """Return one sentence on the verdicts that would be lost."""
        if not self.asked.judged:
            return "Nobody has given a verdict on an alert of these days."
        if not self.lost:
            return "No alert with a verdict would be lost."
        counts = Counter(each.verdict for each in self.lost)
        said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])
        named = "; ".join(f"{each.subject} ({each.verdict})" for each in self.lost[:5])
        more = f"; and {len(self.lost) - 5} more" if len(self.lost) > 5 else ""
        return f"Alerts with a verdict that would be lost: {said}: {named}{more}."


def what_if(
    warehouse: Warehouse, threshold: float, *, kind: str = "sales_anomaly", days: int = 28, budget: int = 0
) -> WhatIf:
    """Hold a threshold against the one in force, over the newest days that have scores.

    Args:
        warehouse: where ``marts.sales_anomalies`` or ``marts.fraud_scores`` is.
        threshold: score from which a day of sales is critical (1 is the end of its expected range), or from which a
            receipt is to look at (0 to 1).
        kind: ``sales_anomaly`` or ``fraud``.
        days: how many.
        budget: alerts at most, about 28 days of sales or on one day of receipts; those of the detections if 0.

    Raises:
        UsageError: an argument is out of range.
        WorkFailed: nothing is scored yet.
    """
    if days < 1 or budget < 0:
        raise UsageError("days is at least 1, and budget at least 0")
    if kind == "sales_anomaly":
        return _of_sales(warehouse, threshold, days, budget or MOST_ALERTS)
    if kind == "fraud":
        return _of_fraud(warehouse, threshold, days, budget or ALERTS_A_DAY)
    raise unknown("kind", kind, KINDS)


def _of_sales(warehouse: Warehouse, threshold: float, days: int, budget: int) -> WhatIf:
    if not threshold >= 1:
        raise UsageError(
            f"threshold is {threshold:g}; scores of sales are stored from 1 on, the end of the range that is expected"
        )
    found = warehouse.frame(_FOUND)
    if found.empty:
        if reason := sales.why_not_judged(warehouse):
            raise WorkFailed(f"no day of sales is scored: {reason}")
        raise WorkFailed(
            "no day of sales is scored as outside its range; score them with: workbench run anomaly_detection"
        )
    if found["threshold"].isna().any():
        raise WorkFailed(
            "sales were scored by an earlier version; score them again with: "
            "workbench run anomaly_detection --only detect_sales"
        )
    for name in ("sales_date", "incident_from"):
        found[name] = pd.to_datetime(found[name]).dt.date
    # The newest day isn't judged while it is filling up.
    panel = read_sales(warehouse)
    last = panel.values.index[-1].date() if panel.days else found["sales_date"].max()
    since = last - dt.timedelta(days=days)
    most = -(-budget * days // ALERT_DAYS)
    given = [
        each
        for each in newest(warehouse, "sales_anomaly")
        # What is said of a day without any sales is no matter of scores.
        if each.concerned.series and each.concerned.last_day and since < each.concerned.last_day <= last
    ]

    def outlook(scored: pd.DataFrame, limit: float) -> Outlook:
        every = incidents(_with_rest(scored), since)
        alerts = every[:most]
        kept = [
            any(is_judged([each.concerned], one.department, one.first_day, one.last_day) for one in alerts)
            for each in given
        ]
        stake = sum(each.money_at_stake for each in alerts)
        return _outlook(limit, len(every), len(alerts), days, stake, given, kept)

    reaches = (found["score"] >= threshold) | ((found["direction"] == "below") & (found["actual"] <= 0))
    confirmed = (found["money_at_stake"] >= found["least_stake"]) & ~(
        found["strangeness"] < found["least_strangeness"]
    )
    asked = found.assign(severity=np.where(reaches & confirmed, "critical", "warning"))
    in_force = float(found["threshold"].iloc[0])
    return WhatIf(
        "sales_anomaly",
        since + dt.timedelta(days=1),
        last,
        outlook(found, in_force),
        outlook(asked, threshold),
    )


def _with_rest(scored: pd.DataFrame) -> pd.DataFrame:
    """Add for each day of which the sum is known a row of the departments that stayed in their range.

    These aren't stored, and who is at the root of what the sum strayed by is told by its parts.
    """
    above = scored[scored["level"].isin(UPPER)]
    strayed = (above["actual"] - above["expected"]).groupby(
        [above["sales_date"], above["department"] == TOTAL]
    )
    by_day = strayed.sum().unstack()
    if True not in by_day:
        return scored
    rest = (by_day[True] - by_day.get(False, pd.Series(0.0, by_day.index)).fillna(0.0)).dropna()
    rows = {
        "sales_date": rest.index,
        "department": "",
        "level": "department",
        "actual": rest.to_numpy(),
        "expected": 0.0,
        "severity": "",
    }
    return pd.concat([scored, pd.DataFrame(rows)], ignore_index=True)


def _of_fraud(warehouse: Warehouse, threshold: float, days: int, budget: int) -> WhatIf:
    if not 0 <= threshold <= 1:
        raise UsageError(f"threshold is {threshold:g}; a score of a receipt is a probability, 0 to 1")
    newest_first = "ORDER BY transaction_timestamp DESC, transaction_id LIMIT 1"
    latest = warehouse.rows(f"SELECT transaction_timestamp, threshold FROM {SCORES} {newest_first}")
    if not latest:
        if reason := fraud.why_not_judged(warehouse):
            raise WorkFailed(f"no receipt is scored: {reason}")
        raise WorkFailed("no receipt is scored yet; score them with: workbench run anomaly_detection")
    last, in_force = latest[0]["transaction_timestamp"].date(), float(latest[0]["threshold"] or 0.0)
    # Receipts that the model learned from have no score, nor have those from before there was one.
    begun = warehouse.rows(f"SELECT min(transaction_timestamp) AS first_at FROM {SCORES}")[0][
        "first_at"
    ].date()
    first = max(last - dt.timedelta(days=days - 1), begun)
    days = (last - first).days + 1
    rows = warehouse.frame(
        "SELECT transaction_id, CAST(transaction_timestamp AS DATE) AS day, amount, score, is_alert "
        f"FROM {SCORES} WHERE transaction_timestamp >= ? AND score >= ? AND amount > 0 AND score > 0 "
        "ORDER BY transaction_timestamp, transaction_id",
        [dt.datetime.combine(first, dt.time()), min(threshold, in_force)],
    )
    score, amount = (rows[name].to_numpy(dtype=float) for name in ("score", "amount"))
    day = pd.to_datetime(rows["day"]).to_numpy().astype("datetime64[D]").astype(np.int64)
    window = {
        row["transaction_id"]
        for row in warehouse.rows(
            "SELECT f.transaction_id FROM ops.anomaly_feedback AS f "
            f"JOIN {SCORES} AS s ON s.transaction_id = f.transaction_id WHERE s.transaction_timestamp >= ?",
            [dt.datetime.combine(first, dt.time())],
        )
    }
    given = [each for each in newest(warehouse, "fraud") if each.concerned.transaction_id in window]

    def outlook(limit: float, alerted: np.ndarray) -> Outlook:
        raised = set(rows.loc[alerted, "transaction_id"])
        kept = [each.concerned.transaction_id in raised for each in given]
        stake = float((score * amount)[alerted].sum())
        return _outlook(limit, int((score >= limit).sum()), len(raised), days, stake, given, kept)

    return WhatIf(
        "fraud", first, last,
        outlook(in_force, rows["is_alert"].fillna(False).to_numpy(dtype=bool)),
        outlook(threshold, within_budget(score, amount, day, threshold, budget, {})),
    )  # fmt: skip


def _outlook(
    threshold: float,
    found: int,
    alerts: int,
    days: int,
    stake: float,
    given: Sequence[Feedback],
    kept: Sequence[bool],
) -> Outlook:
    judged = tuple(
        Judged(each.alert_id, each.subject, each.verdict, is_kept)
        for each, is_kept in zip(given, kept, strict=True)
    )
    return Outlook(threshold, found, alerts, round(alerts / days, 4), round(stake, 2), judged)
