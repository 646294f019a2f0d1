"""Score new receipts with the registered model, and raise alerts within a budget."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from workbench.anomaly.fraud.alike import NO_LIKENESS, nearest_genuine
from workbench.anomaly.fraud.behaviour.known import HISTORY_DAYS
from workbench.anomaly.fraud.behaviour.receipts import TABLE, Receipts, number_of, read_receipts
from workbench.anomaly.fraud.forest import FraudForest
from workbench.anomaly.fraud.inputs import INPUTS, summarize
from workbench.anomaly.fraud.stored import MODEL, Shadow, load_forest, load_shadow
from workbench.anomaly.fraud.unjudged import has_verdicts, why_no_model
from workbench.anomaly.fraud.wording import NO_SHARES, alert_of, reasons, shares_of
from workbench.anomaly.models.registry import CHAMPION, ModelVersion, current_model
from workbench.errors import UsageError
from workbench.governance import alerts
from workbench.governance.alerts import Alert
from workbench.governance.this_run import this_run
from workbench.numbers import many
from workbench.schema import table
from workbench.warehouse import Session, Warehouse

SCORES = "marts.fraud_scores"
ALERTS_A_DAY = 20
"""How many receipts of a day people look at, where nobody says otherwise."""
_SHOWN = 5

# Each receipt of some days that has no score; one that goes on past midnight is of the day on which it began.
_NEW = f"""
SELECT sold.transaction_id, MIN(sold.transaction_timestamp) AS sold_at
FROM {TABLE} AS sold LEFT JOIN {SCORES} AS scored ON scored.transaction_id = sold.transaction_id
WHERE sold.transaction_timestamp >= ? AND sold.transaction_timestamp < ? AND scored.transaction_id IS NULL
GROUP BY sold.transaction_id
HAVING MIN(sold.transaction_timestamp) >= ? AND MIN(sold.transaction_timestamp) < ?
"""
_SCORED = (
    f"SELECT COUNT(*) AS scored FROM {SCORES} WHERE transaction_timestamp >= ? AND transaction_timestamp < ?"
)
_NEWEST = f"SELECT MAX(transaction_timestamp) AS newest FROM {TABLE}"


# A receipt that goes on past midnight has surely ended by then.
_PAST_MIDNIGHT = dt.timedelta(days=1)

# The day after it, and the one after that, can still be told.
_LAST = dt.date(9999, 12, 29)


@dataclass(frozen=True)
class _Days:
    """Days whose receipts are scored, the last included."""

    first: dt.date
    last: dt.date

    @property
    def begin(self) -> dt.datetime:
        return dt.datetime.combine(self.first, dt.time())

    @property
    def end(self) -> dt.datetime:
        return dt.datetime.combine(self.last + dt.timedelta(days=1), dt.time())


def _no_scores() -> pd.DataFrame:
    return pd.DataFrame(columns=list(table(SCORES).column_names))


@dataclass(frozen=True)
class FraudDetection:
    """What was scored.

    Attributes:
        detected: False if there was no model to judge by; ``reason`` says why, and nothing was written.
        is_awaited: whether there are verdicts on receipts; without any, nobody is told more than on the page that nothing
            was judged.
        model: the version that judged.
        scored: rows added to ``marts.fraud_scores``.
        alerts: alerts raised that were not there before.
        alike: the genuine receipts most like each of the first to look at, as
            :func:`workbench.anomaly.fraud.alike.nearest_genuine` returns them.
        shares: what speaks for and against fraud in each of those, as
            :func:`workbench.anomaly.fraud.wording.shares_of` returns it.
        shadow: the challenger that scored them, too; nobody is told of its scores before it is champion.
    """

    detected: bool
    reason: str = ""
    model: ModelVersion | None = None
    scored: pd.DataFrame = field(default_factory=_no_scores)
    alerts: int = 0
    alike: pd.DataFrame = field(default_factory=NO_LIKENESS.copy)
    shares: pd.DataFrame = field(default_factory=NO_SHARES.copy)
    shadow: Shadow = field(default_factory=Shadow)
    is_awaited: bool = True

    @property
    def alerted(self) -> pd.DataFrame:
        """The rows to look at, most money at stake first."""
        found = self.scored[self.scored["is_alert"].astype(bool)]
        stake = (found["score"] * found["amount"]).astype(float)
        return found.loc[stake.sort_values(ascending=False, kind="stable").index]

    @property
    def summary(self) -> str:
        """One sentence for a person."""
        if not self.detected or self.model is None:
            return f"Nothing was judged: {self.reason}."
        return (
            f"{len(self.scored):,} new receipts scored by {self.model.title}, {len(self.alerted)} of them to look "
            f"at; {many(self.alerts, 'new alert')}.{self._beside}"
        )

    @property
    def warnings(self) -> list[str]:
        """What a person should see to, a sentence each."""
        return [f"Receipts were not judged: {self.reason}."] if self.reason and self.is_awaited else []

    @property
    def _beside(self) -> str:
        if self.shadow.version is None or self.scored.empty:
            return ""
        if self.shadow.trouble:
            return f" {self.shadow.version.title} can't score beside it: {self.shadow.trouble}."
        shadowed = int(self.scored["shadow_score"].notna().sum())
        return f" {self.shadow.version.title}, the challenger, scored {shadowed:,} of them in the shadow."


def detect_fraud(
    warehouse: Warehouse,
    *,
    model: str | int = CHAMPION,
    alerts_a_day: int = ALERTS_A_DAY,
    least_score: float = 0.1,
    delay_days: int = 7,
    alert_days: int = 28,
    first_day: dt.date | None = None,
    last_day: dt.date | None = None,
    run_id: str | None = None,
) -> FraudDetection:
    """Score the receipts that have no score yet; add them to ``marts.fraud_scores`` and raise ``ops.alerts``.

    Receipts that the model learned from aren't scored. Of those that score ``least_score`` or more, the ones with the
    most money at stake (score times amount) are to look at, ``alerts_a_day`` on each day of sales at most, those of
    earlier runs counted. A challenger scores the same receipts in the shadow, and decides nothing. Scoring again adds nothing; of two that score the same days at the same time, one begins anew
    with what the other left. A range of days leaves the scores and alerts that a run of the whole leaves of these days,
    whichever ranges go before it or beside it.

    Args:
        warehouse: where ``core.fact_transactions`` and ``raw.fraud_labels`` are.
        model: ``champion``, another alias, or a version number of ``fraud_transactions``.
        alerts_a_day: the budget.
        least_score: how likely a fraud must be for anybody to look at it, 0 to 1.
        delay_days: how long a verdict usually takes.
        alert_days: how recent a receipt must be to raise an alert, counted back from the newest of all.
        first_day, last_day: score no receipt of a day (UTC) before or after them.
        run_id: the run this belongs to; ``WORKBENCH_RUN_ID`` if None.

    Raises:
        UsageError: an argument is out of range, the days are the wrong way around, or the model isn't of this package's making.
        WorkFailed: MLflow can't be reached.
    """
    if alerts_a_day < 0 or not 0 <= least_score <= 1:
        raise UsageError("alerts_a_day is at least 0, and least_score from 0 to 1")
    if first_day and last_day and first_day > last_day:
        raise UsageError(f"the first day, {first_day}, is after the last, {last_day}")
    run_id = run_id or this_run()
    version = current_model(MODEL, model)
    if version is None:
        return FraudDetection(False, why_no_model(warehouse, model), is_awaited=has_verdicts(warehouse))
    learned_to = dt.date.fromisoformat(version.training_to)
    days = _Days(
        max(learned_to + dt.timedelta(days=1), first_day or learned_to), min(last_day or _LAST, _LAST)
    )
    while True:
        before = _count(warehouse.rows(_SCORED, [days.begin, days.end]))
        new = warehouse.frame(
            _NEW, [days.begin - _PAST_MIDNIGHT, days.end + _PAST_MIDNIGHT, days.begin, days.end]
        )
        if new.empty:
            return FraudDetection(True, "", version)
        oldest, newest = new["sold_at"].min(), warehouse.rows(_NEWEST)[0]["newest"]
        history = oldest - dt.timedelta(days=HISTORY_DAYS)
        receipts = read_receipts(warehouse, history - _PAST_MIDNIGHT, days.end + _PAST_MIDNIGHT)
        rows = np.flatnonzero(receipts.rows["transaction_id"].isin(new["transaction_id"]))
        forest, shadow = load_forest(version), load_shadow(version)
        features = receipts.features(delay_days, rows)
        scored = _scored(
            warehouse, receipts, rows, features, version, forest, alerts_a_day, least_score, run_id
        )
        scored["shadow_score"] = shadow.score_samples(features, receipts.day[rows])
        scored["shadow_version"] = shadow.number
        given = summarize(features, receipts.day[rows], version, run_id)
        since = newest - dt.timedelta(days=alert_days)
        found = [
            alert_of(row)
            for row in scored[scored["is_alert"] & (scored["transaction_timestamp"] > since)].to_dict(
                "records"
            )
        ]
        raised = _write(warehouse, scored, given, found, days, before, run_id)
        if raised is not None:
            detection = FraudDetection(True, "", version, scored, raised, shadow=shadow)
            shown = detection.alerted.head(_SHOWN)
            at = pd.Index(scored["transaction_id"]).get_indexer(shown["transaction_id"])
            return replace(
                detection,
                alike=nearest_genuine(receipts, forest, shown, delay_days),
                shares=shares_of(list(shown["transaction_id"]), features.iloc[at], forest),
            )


def _write(
    warehouse: Warehouse,
    scored: pd.DataFrame,
    given: pd.DataFrame,
    found: list[Alert],
    days: _Days,
    before: int,
    run_id: str | None,
) -> int | None:
    """Add the scores, note what was given, and raise the alerts; None, and nothing is written, if somebody else scored meanwhile."""
    with warehouse.prepare(SCORES, scored) as staged, warehouse.prepare(INPUTS, given) as noted:

        def work(session: Session) -> int | None:
            warehouse.lock(session, SCORES)
            ((now,),) = session.execute(_SCORED, [days.begin, days.end]).fetchall()
            if int(now) != before:
                return None
            staged.load(session)
            noted.load(session)
            return alerts.put(session, found, run_id) if found else 0

        return warehouse.run(work)


def _count(rows: list[dict[str, Any]]) -> int:
    return int(rows[0]["scored"])


def _scored(
    warehouse: Warehouse,
    receipts: Receipts,
    rows: np.ndarray,
    features: pd.DataFrame,
    version: ModelVersion,
    forest: FraudForest,
    alerts_a_day: int,
    least_score: float,
    run_id: str | None,
) -> pd.DataFrame:
    score = forest.score_samples(features)
    amount = receipts.transactions.amount[rows]
    is_alert = within_budget(
        score, amount, receipts.day[rows], least_score, alerts_a_day, _alerts_before(warehouse)
    )
    explanation = np.full(len(rows), None, dtype=object)
    if is_alert.any():
        shown = features[is_alert]
        explanation[is_alert] = reasons(shown.to_numpy(), forest.explain(shown))
    sold = receipts.rows.iloc[rows].reset_index(drop=True)
    return pd.DataFrame(
        {
            "transaction_id": sold["transaction_id"], "transaction_timestamp": sold["sold_at"],
            "store_id": sold["store_id"], "amount": amount, "score": score, "threshold": least_score,
            "is_alert": is_alert, "explanation": explanation, "model_name": version.name,
            "model_version": version.version, "run_id": run_id,
            "scored_at": dt.datetime.now(dt.UTC).replace(tzinfo=None),
        }
    )  # fmt: skip


def _alerts_before(warehouse: Warehouse) -> dict[int, int]:
    """Return how much of the budget of each day was used."""
    used = warehouse.rows(
        f"SELECT CAST(transaction_timestamp AS DATE) AS day, COUNT(*) AS used FROM {SCORES} "
        "WHERE is_alert GROUP BY 1"
    )
    return {number_of(row["day"]): int(row["used"]) for row in used}


def within_budget(
    score: np.ndarray, amount: np.ndarray, day: np.ndarray, least: float, budget: int, used: dict[int, int]
) -> np.ndarray:
    """Return which rows are to look at: likely enough, and those of each day with the most money at stake."""
    chosen = np.zeros(len(score), dtype=bool)
    stake = score * amount
    for each in np.unique(day):
        rows = np.flatnonzero((day == each) & (score >= least) & (stake > 0))
        left = max(budget - used.get(int(each), 0), 0)
        chosen[rows[np.argsort(-stake[rows], kind="stable")[:left]]] = True
    return chosen
