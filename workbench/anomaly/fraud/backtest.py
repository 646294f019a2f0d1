"""Measure a detector as it would have been used: learn from what was known, judge what came after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from workbench.anomaly.fraud.behaviour.known import DAY, Transactions, Verdicts

_RESAMPLES = 200


@dataclass(frozen=True)
class Schedule:
    """When a detector learns and judges, in days.

    It learns from ``train`` days, waits ``delay`` days for their labels, and judges ``test`` days. Then it does so
    again, ``test`` days later.
    """

    train: int = 7
    delay: int = 7
    test: int = 7
    folds: int = 4

    @property
    def days(self) -> int:
        """Days that the folds need in all."""
        return self.train + self.delay + self.test * self.folds


@dataclass(frozen=True)
class Fold:
    """Rows to learn from with the labels known when they are learned, and rows to judge."""

    train: np.ndarray
    label: np.ndarray
    test: np.ndarray


def folds(
    transactions: Transactions,
    verdicts: Verdicts,
    schedule: Schedule,
    *,
    end: int | None = None,
    block_customers: bool = False,
) -> Iterator[Fold]:
    """Cut the last days into folds, the earliest first.

    Args:
        transactions: in the order of time.
        verdicts: on them, and when they were known.
        schedule: how long each part is.
        end: the day after the last that is judged; that after the newest transaction's if None.
        block_customers: leave out of what is judged what customers pay once a fraud of theirs is known, as the
            handbook does, where their cards are blocked by then.
    """
    end = int(transactions.time[-1]) // DAY + 1 if end is None else end
    day = transactions.time // DAY
    for number in range(schedule.folds):
        test_from = end - schedule.test * (schedule.folds - number)
        train_to = test_from - schedule.delay
        train = np.flatnonzero((day >= train_to - schedule.train) & (day < train_to))
        test = np.flatnonzero((day >= test_from) & (day < test_from + schedule.test))
        if block_customers:
            test = _unblocked(transactions, verdicts, test, (train_to - schedule.train) * DAY)
        label = verdicts.as_of(test_from * DAY, len(transactions))
        yield Fold(train, label[train], test)


def _unblocked(transactions: Transactions, verdicts: Verdicts, test: np.ndarray, since: int) -> np.ndarray:
    """Return those of which no fraud of the customer since then was known when their day began."""
    known = verdicts.is_fraud & (transactions.time[verdicts.row] >= since)
    customer = transactions.customer[verdicts.row[known]]
    blocked_from = np.full(int(transactions.customer.max()) + 1, np.iinfo(np.int64).max)
    named = customer >= 0
    np.minimum.at(blocked_from, customer[named], verdicts.known_at[known][named])
    of = transactions.customer[test]
    begun = transactions.time[test] // DAY * DAY
    return test[(of < 0) | (blocked_from[np.maximum(of, 0)] > begun)]


def measure(
    score: np.ndarray, fraud: np.ndarray, day: np.ndarray, customer: np.ndarray, *, cards: int = 100
) -> dict[str, float]:
    """Return ``auc``, ``ap`` (average precision) and ``card_precision`` at so many cards a day."""
    both = 0 < fraud.sum() < len(fraud)
    return {
        "auc": float(roc_auc_score(fraud, score)) if both else float("nan"),
        "ap": float(average_precision_score(fraud, score)) if both else float("nan"),
        "card_precision": card_precision(score, fraud, day, customer, cards),
    }


def card_precision(
    score: np.ndarray, fraud: np.ndarray, day: np.ndarray, customer: np.ndarray, cards: int
) -> float:
    """Return which share of the customers named each day, so many at most, had a fraud on it; the mean over days."""
    found = []
    for each in np.unique(day):
        rows = np.flatnonzero(day == each)
        ranked = rows[np.argsort(-score[rows], kind="stable")]
        named, first = np.unique(customer[ranked], return_index=True)
        named = named[np.argsort(first)][:cards]
        found.append(np.isin(named, customer[rows][fraud[rows]]).mean())
    return float(np.mean(found)) if found else float("nan")


def money_found(
    score: np.ndarray, fraud: np.ndarray, amount: np.ndarray, day: np.ndarray, alerts: int
) -> float:
    """Return the share of the money lost that lies in the so many alerts of each day, ranked by money at stake."""
    lost = np.where(fraud, np.abs(amount), 0.0)
    if not lost.sum():
        return float("nan")
    stake = score * np.abs(amount)
    seen = sum(
        lost[rows][np.argsort(-stake[rows], kind="stable")[:alerts]].sum()
        for rows in (np.flatnonzero(day == each) for each in np.unique(day))
    )
    return float(seen / lost.sum())


def interval(score: np.ndarray, fraud: np.ndarray, day: np.ndarray, *, seed: int = 0) -> tuple[float, float]:
    """Return the interval of 95 % of average precision, days drawn anew with replacement."""
    return _middle(_redrawn(score, fraud, day, seed))


def compare_scores(
    first: np.ndarray, second: np.ndarray, fraud: np.ndarray, day: np.ndarray, *, seed: int = 0
) -> tuple[float, tuple[float, float], float]:
    """Compare the average precision of two models on the same rows.

    Args:
        first, second: what each says; shape (rows,).
        fraud: which rows are; some must be.
        day: the number of each one's day.
        seed: of the days that are drawn anew, the same for both.

    Returns:
        The ratio of the first's to the second's, the interval of 95 % of it, and how likely chance makes the first as much
        better where it isn't.
    """
    from scipy.stats import norm

    ratios = np.log(_redrawn(first, fraud, day, seed) / _redrawn(second, fraud, day, seed))
    ratio = float(average_precision_score(fraud, first) / average_precision_score(fraud, second))
    low, high = _middle(np.exp(ratios))
    spread = float(np.std(ratios)) if len(ratios) else 0.0
    return ratio, (low, high), float(norm.sf(np.log(ratio) / spread)) if spread else 0.5


def _redrawn(score: np.ndarray, fraud: np.ndarray, day: np.ndarray, seed: int) -> np.ndarray:
    """Return average precision on each of some drawings of days that have a fraud; which days are drawn depends on the seed alone."""
    days, place = np.unique(day, return_inverse=True)
    order = np.argsort(-score, kind="stable")
    fraud, place = fraud[order], place[order]
    # Rows of equal score are reached together.
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    drawn = np.random.default_rng(seed).integers(0, len(days), (_RESAMPLES, len(days)))
    found = []
    for each in drawn:
        weight = np.bincount(each, minlength=len(days))[place]
        hits, reached = np.cumsum(weight * fraud)[last], np.cumsum(weight)[last]
        if hits[-1]:
            precision = hits / np.maximum(reached, 1)
            found.append((np.diff(hits, prepend=0) * precision).sum() / hits[-1])
    return np.array(found)


def _middle(found: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(found, [0.025, 0.975]) if len(found) else (np.nan, np.nan)
    return float(low), float(high)
