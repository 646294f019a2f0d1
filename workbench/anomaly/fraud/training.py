"""Train the model of fraud: replay the last weeks, learn from all verdicts, hold to the gate."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from workbench.anomaly.fraud.backtest import Fold, Schedule, folds, interval, measure, money_found
from workbench.anomaly.fraud.behaviour.features import CLASSIC
from workbench.anomaly.fraud.behaviour.known import DAY, HISTORY_DAYS
from workbench.anomaly.fraud.behaviour.receipts import TABLE, VERDICTS, Receipts, date_of, read_receipts
from workbench.anomaly.fraud.forest import FraudForest
from workbench.anomaly.fraud.stored import MODEL, TRUSTED_TYPES, load_forest
from workbench.anomaly.models.gate import SPEED, judge_model, rows_a_second
from workbench.anomaly.models.lifecycle import install
from workbench.anomaly.models.outcome import Outcome
from workbench.anomaly.models.recording import TrainingRecord, TrainingSet, batches_of, log_training
from workbench.anomaly.models.registry import ModelVersion, current_model
from workbench.errors import UsageError, WorkbenchError
from workbench.execution import timed
from workbench.numbers import many, there_are
from workbench.warehouse import Warehouse

_LEAST_COMPARED = 10
_RECIPE = ("train_days", "trees", "seed")
LEAST_FRAUDS = 20
"""Frauds that must be known in what is learned from."""
SCHEDULE = Schedule(train=60, delay=7, test=7, folds=2)
"""How a model is replayed where nobody says otherwise."""


@dataclass(frozen=True)
class FraudTraining(Outcome):
    """What came of a training, measured on a replay.

    Attributes:
        curve: precision by recall over the replay, for a chart.
    """

    model: ClassVar[str] = MODEL

    curve: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"recall": [], "precision": []}))

    @property
    def measured(self) -> str:
        """How precise it is, and how much money it finds."""
        first, last = self.holdout or ("", "")
        m = self.metrics
        return (
            f"{MODEL} version {self.version}, replayed on {first} to {last}: average precision "
            f"{m['ap']:.3f} ({m['ap_low']:.3f} to {m['ap_high']:.3f}), {m['ap_classic']:.3f} by the fifteen classic "
            f"features; {m['money_found']:.0%} of the money lost lies in the alerts."
        )


def train_fraud(
    warehouse: Warehouse,
    *,
    train_days: int = SCHEDULE.train,
    delay_days: int = SCHEDULE.delay,
    test_days: int = SCHEDULE.test,
    replays: int = SCHEDULE.folds,
    trees: int = 100,
    alerts_a_day: int = 20,
    seed: int = 0,
    run_id: str | None = None,
) -> FraudTraining:
    """Train a forest on receipts and the verdicts on them, register it, and make it champion if it passes the gate.

    It is measured by replaying the last weeks: each time it learns from ``train_days`` with the verdicts known then,
    waits ``delay_days`` for them and judges the ``test_days`` after; the last days, whose verdicts aren't in yet, are
    left out. What is registered then learned from the newest
    ``train_days`` whose verdicts are in. Too few verdicts are no error: see ``trained``.

    Args:
        warehouse: where ``core.fact_transactions``, ``raw.fraud_labels`` and the ledger are.
        train_days: days to learn from.
        delay_days: how long a verdict usually takes.
        test_days: days judged in each replay.
        replays: how many there are.
        trees: number of trees.
        alerts_a_day: the budget of alerts, by which money found is measured.
        seed: of the forests; the same data and seed give the same metrics.
        run_id: the run this belongs to, kept as a tag.

    Raises:
        UsageError: an argument is out of range, or the promotion policy can't be read.
        WorkFailed: the tracking server can't be reached.
    """
    if min(train_days, test_days, replays, alerts_a_day) < 1:
        raise UsageError("train_days, test_days, replays and alerts_a_day are each at least 1")
    if not 10 <= trees <= 2000:
        raise UsageError(f"trees is {trees}; between 10 and 2000 make sense")
    if reason := _too_few_frauds(warehouse):
        return FraudTraining(False, reason)
    schedule = Schedule(train_days, delay_days, test_days, replays)
    champion, recipe = current_model(MODEL), (train_days, trees, seed)
    theirs = (champion.whole_numbers(*_RECIPE) if champion else None) or recipe
    receipts = _newest(warehouse, replace(schedule, train=max(train_days, theirs[0])))
    reason, parts = _too_little(receipts, schedule)
    if reason:
        return FraudTraining(False, reason)

    features = receipts.features(delay_days)
    verdict_now = receipts.verdicts.as_of(np.iinfo(np.int64).max, len(receipts))
    judged = _replayed(features, parts, trees, seed)
    rows = np.concatenate([fold.test for fold, _ in judged])
    score = np.concatenate([each for _, each in judged])
    metrics = _measured(receipts, rows, score, verdict_now, alerts_a_day)
    plain = np.concatenate([each for _, each in _replayed(features[list(CLASSIC)], parts, trees, seed)])
    day, customer = receipts.day[rows], receipts.transactions.customer[rows]
    metrics["ap_classic"] = measure(plain, verdict_now[rows], day, customer)["ap"]
    by_amount = measure(receipts.transactions.amount[rows], verdict_now[rows], day, customer)["ap"]
    metrics["ap_ratio_to_amount"] = metrics["ap"] / by_amount
    if champion:
        made = None if theirs == recipe else (replace(schedule, train=theirs[0]), theirs[1], theirs[2])
        metrics |= _against_champion(champion, receipts, features, judged, verdict_now, made)

    end = _end(receipts, schedule)
    learned = np.flatnonzero((receipts.day >= end - train_days) & (receipts.day < end))
    label = receipts.verdicts.as_of(int(receipts.transactions.time[-1]), len(receipts))[learned]
    forest = _grown(features.iloc[learned], label, trees, seed)
    metrics |= {"training_rows": float(len(learned)), "training_frauds": float(label.sum())}
    newest = features.iloc[parts[-1].test]
    metrics[SPEED] = rows_a_second(len(newest), lambda: forest.score_samples(newest))
    metrics["rows_drawn"] = float(forest.n_drawn_)
    verdict = judge_model(MODEL, metrics)
    record = TrainingRecord(
        name=MODEL, model=forest, inputs=features.iloc[learned],
        data=TrainingSet(
            TABLE, (*batches_of(warehouse, "transactions"), *batches_of(warehouse, "fraud_labels")),
            len(receipts), receipts.fingerprint(),
        ),
        training=(date_of(receipts.day[learned[0]]), date_of(receipts.day[learned[-1]])),
        holdout=(date_of(day.min()), date_of(day.max())),
        parameters={
            "train_days": train_days, "delay_days": delay_days, "test_days": test_days, "replays": replays,
            "trees": trees, "seed": seed, "alerts_a_day": alerts_a_day,
        },
        metrics=metrics, verdict=verdict, trusted=TRUSTED_TYPES, run_id=run_id,
    )  # fmt: skip
    version = log_training(record)
    install(warehouse, MODEL, version, verdict, metrics)
    return FraudTraining(
        True, "", version, verdict.passed, verdict, record.training, record.holdout, metrics,
        _curve(score, verdict_now[rows]),
    )  # fmt: skip


def lacking(warehouse: Warehouse, schedule: Schedule = SCHEDULE) -> str:
    """Return what receipts and verdicts lack to train on, a sentence without its end; empty if nothing."""
    return _too_few_frauds(warehouse) or _too_little(_newest(warehouse, schedule), schedule)[0]


def _too_few_frauds(warehouse: Warehouse) -> str:
    told = warehouse.rows(f"SELECT COUNT(*) AS n FROM ({VERDICTS}) AS verdicts WHERE is_fraud")[0]["n"]
    return (
        f"{many(told, 'fraud is', 'frauds are')} known, {LEAST_FRAUDS} are needed"
        if told < LEAST_FRAUDS
        else ""
    )


def _newest(warehouse: Warehouse, schedule: Schedule) -> Receipts:
    """Read as many days as the replays and the features before them need."""
    newest = warehouse.rows(f"SELECT MAX(transaction_timestamp) AS newest FROM {TABLE}")[0]["newest"]
    if newest is None:
        return read_receipts(warehouse)
    day = newest.replace(hour=0, minute=0, second=0, microsecond=0)
    return read_receipts(warehouse, day - dt.timedelta(days=schedule.days + schedule.delay + HISTORY_DAYS))


def days_needed(schedule: Schedule = SCHEDULE) -> int:
    """Return how many days of sales a training needs: those of the replays, and as many as their verdicts take."""
    return schedule.days + schedule.delay


def _too_little(receipts: Receipts, schedule: Schedule) -> tuple[str, list[Fold]]:
    if not len(receipts):
        return "there are no sales; load transactions and run retail_etl first", []
    days = int(receipts.day[-1] - receipts.day[0]) + 1
    needed = days_needed(schedule)
    if days < needed:
        return f"{there_are(days, 'day')} of sales, {needed} are needed", []
    # What is judged must have its verdicts by now.
    parts = list(folds(receipts.transactions, receipts.verdicts, schedule, end=_end(receipts, schedule)))
    for fold in parts:
        frauds = int(fold.label.sum())
        if frauds < LEAST_FRAUDS or not (~fold.label).any() or not len(fold.test):
            return f"a replay has {many(frauds, 'known fraud')} to learn from, {LEAST_FRAUDS} are needed", []
    return "", parts


def _grown(features: pd.DataFrame, label: np.ndarray, trees: int, seed: int) -> FraudForest:
    with timed("model"):
        return FraudForest(trees, random_state=seed).fit(features, label)


def _measured(
    receipts: Receipts, rows: np.ndarray, score: np.ndarray, fraud: np.ndarray, alerts: int
) -> dict[str, float]:
    fraud, day = fraud[rows], receipts.day[rows]
    low, high = interval(score, fraud, day)
    return {
        **measure(score, fraud, day, receipts.transactions.customer[rows]),
        "ap_low": low, "ap_high": high,
        "ap_lift": average_lift(score, fraud),
        "expected_to_found": float(score.sum() / max(fraud.sum(), 1)),
        "money_found": money_found(score, fraud, receipts.transactions.amount[rows], day, alerts),
        "test_rows": float(len(rows)), "test_frauds": float(fraud.sum()),
    }  # fmt: skip


def average_lift(score: np.ndarray, fraud: np.ndarray) -> float:
    """Return average precision as a multiple of chance."""
    return _precision(score, fraud) / max(float(fraud.mean()), 1e-12)


def _replayed(
    features: pd.DataFrame, parts: Iterable[Fold], trees: int, seed: int
) -> list[tuple[Fold, np.ndarray]]:
    """Return for each replay how a forest that learned before it scores what it judges."""
    return [
        (
            fold,
            _grown(features.iloc[fold.train], fold.label, trees, seed).score_samples(
                features.iloc[fold.test]
            ),
        )
        for fold in parts
    ]


def _against_champion(
    champion: ModelVersion, receipts: Receipts, features: pd.DataFrame, judged: list[tuple[Fold, np.ndarray]],
    fraud: np.ndarray, made: tuple[Schedule, int, int] | None,
) -> dict[str, float]:  # fmt: skip
    """Measure a model against the champion on the last replay.

    A champion that learned from those days would have no match on them. Then, where it was ``made`` otherwise (in which
    schedule, with how many trees, from which seed), forests are made like that for all replays, and these are compared.
    Nothing is measured if it was made alike, or can't be read.

    Returns:
        ``ap_ratio_to_champion`` and ``worst_amount_ratio``: the same ratio of the third of the receipts, by amount, that
        has become worst by it, among those with ten frauds or more.
    """
    newest = judged[-1][0].test
    first = date_of(int(receipts.transactions.time[newest[0]]) // DAY)
    try:
        if champion.training_to and dt.date.fromisoformat(champion.training_to) < first:
            judged = judged[-1:]
            theirs = load_forest(champion).score_samples(features.iloc[newest])
        elif made:
            parts = folds(receipts.transactions, receipts.verdicts, made[0], end=_end(receipts, made[0]))
            theirs = np.concatenate([score for _, score in _replayed(features, parts, *made[1:])])
        else:
            return {}
    except (ValueError, WorkbenchError):
        return {}
    rows, score = (
        np.concatenate(each) for each in zip(*((fold.test, each) for fold, each in judged), strict=True)
    )
    truth, amount = fraud[rows], receipts.transactions.amount[rows]
    third = np.searchsorted(np.quantile(amount, [1 / 3, 2 / 3]), amount)
    parts_by_amount = [third == number for number in range(3)]
    ratios = [
        _precision(score[part], truth[part]) / _precision(theirs[part], truth[part])
        for part in parts_by_amount
        if truth[part].sum() >= _LEAST_COMPARED
    ]
    found = {"ap_ratio_to_champion": _precision(score, truth) / _precision(theirs, truth)}
    return {**found, "worst_amount_ratio": min(ratios)} if ratios else found


def _end(receipts: Receipts, schedule: Schedule) -> int:
    """Return the day after the last one whose verdicts must be in by now."""
    return int(receipts.day[-1]) + 1 - schedule.delay


def _precision(score: np.ndarray, fraud: np.ndarray) -> float:
    nobody = np.zeros(len(score), dtype=int)
    return measure(score, fraud, nobody, nobody)["ap"]


def _curve(score: np.ndarray, fraud: np.ndarray) -> pd.DataFrame:
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(fraud, score)
    return pd.DataFrame({"recall": recall, "precision": precision})
