"""What is known of a transaction's customer and store at its moment, and nothing that became known later."""

from __future__ import annotations

import numpy as np

from workbench.anomaly.fraud.behaviour.known import (
    DAY,
    HISTORY_DAYS,
    LATEST_DAYS,
    Changes,
    Transactions,
    Verdicts,
    changes,
)
from workbench.anomaly.fraud.behaviour.windows import Timeline, order_of
from workbench.errors import UsageError

WINDOWS = (1, 7, 30)
"""Days of the windows."""

# Of the newest sixteen amounts of a customer, if they are of these days.
_RECENT, _LEVEL_DAYS = 16, 45
_NEWEST = 4
_HIGH = 2.5
_HIGH_DAYS = (1, 7, 14)
_CHUNK = 65_536
_PARTS = 10_000

CLASSIC = (
    "amount", "is_weekend", "is_night",
    *(f"customer_count_{days}" for days in WINDOWS), *(f"customer_mean_{days}" for days in WINDOWS),
    *(f"store_count_{days}" for days in WINDOWS), *(f"store_risk_{days}" for days in WINDOWS),
)  # fmt: skip
"""The fifteen features of the handbook, all of which are among :data:`FEATURES`."""

FEATURES = (
    *CLASSIC, "hour",
    "customer_ratio_to_mean_30", "customer_ratio_to_median", "customer_robust_z", "customer_ratio_to_max",
    "customer_newest_ratio", *(f"customer_high_{days}" for days in _HIGH_DAYS), "customer_sum_1_ratio",
    "customer_seconds_since_last", "customer_frauds_30",
    *(f"store_frauds_{days}" for days in WINDOWS), "store_last_label", "store_fraud_run", "store_genuine_run",
    "store_seconds_since_fraud", "store_seconds_since_run_began", "store_ratio_to_mean_30",
    "store_busy_ratio", "store_seconds_since_last",
)  # fmt: skip
"""The names of the features, in the order of the columns."""


def build_features(
    transactions: Transactions, verdicts: Verdicts, *, delay_days: float = 7.0, rows: np.ndarray | None = None
) -> np.ndarray:
    """Work out the features of transactions.

    Only transactions strictly before a moment are its past. A verdict counts from ``known_at`` on. A transaction
    without a verdict counts as genuine once ``delay_days`` have gone by, also one that a later verdict will call
    fraud: what is known never depends on what will be. A verdict over :data:`LATEST_DAYS` after its transaction
    counts for nothing here.

    Args:
        transactions: all of them, with at least :data:`HISTORY_DAYS` before those that are asked for.
        verdicts: on any of them, several on one if it was judged again.
        delay_days: how long a verdict usually takes; at most :data:`LATEST_DAYS`.
        rows: which transactions to work them out for, in increasing order; all if None.

    Returns:
        float32, a row for each transaction asked for and a column for each of :data:`FEATURES`. What is unknown for
        want of a past is NaN.

    Raises:
        UsageError: ``delay_days`` is out of range.
    """
    if not 0 <= delay_days <= LATEST_DAYS:
        raise UsageError(f"the delay of labels is {delay_days:g} days; it must be from 0 to {LATEST_DAYS}")
    rows = np.arange(len(transactions)) if rows is None else rows
    out = np.empty((len(FEATURES), len(rows)), dtype=np.float32)
    column = dict(zip(FEATURES, out, strict=True))
    time = transactions.time[rows]
    column["amount"][:] = transactions.amount[rows]
    hour = (time % DAY) / 3600
    column["hour"][:] = hour
    column["is_night"][:] = hour <= 6
    column["is_weekend"][:] = (time // DAY) % 7 >= 5
    if len(rows):
        events = changes(transactions, verdicts)
        _of_customers(column, transactions, rows, events)
        _of_stores(
            column, transactions, rows, events, verdicts.known_by(transactions, delay_days), delay_days
        )
    return out.T


def _of_customers(
    column: dict[str, np.ndarray], transactions: Transactions, rows: np.ndarray, events: Changes
) -> None:
    customer = np.where(transactions.customer < 0, transactions.customer.max() + 1, transactions.customer)
    known = np.flatnonzero(transactions.customer >= 0)
    line = Timeline(transactions.customer[known], transactions.time[known])
    amount = transactions.amount[known][line.order]
    total = _running_total(amount)
    # Asked in the order in which they lie, searches find what they look for in the processor's cache.
    asked = order_of(customer[rows])
    who, when = customer[rows][asked], transactions.time[rows][asked]
    paid = transactions.amount[rows][asked]
    end = line.before(who, when)

    def put(name: str, values: np.ndarray) -> None:
        column[name][asked] = values

    for days in WINDOWS:
        begin = line.before(who, when - days * DAY)
        count, spent = end - begin, (total[end] - total[begin]) / _PARTS
        put(f"customer_count_{days}", count + 1)
        put(f"customer_mean_{days}", (spent + paid) / (count + 1))
        if days == 1:
            spent_today = spent
    usual = _ratio(spent, count)
    put("customer_ratio_to_mean_30", _ratio(paid, usual))
    put("customer_sum_1_ratio", _ratio(spent_today + paid, usual))
    previous = np.maximum(end - 1, 0)
    put(
        "customer_seconds_since_last",
        np.where(end > begin, when - line.time[previous] if len(line) else 0, np.nan),
    )

    # Whether an amount was high is asked of the past as well.
    first_needed = when.min() - max(_HIGH_DAYS) * DAY
    needed = np.flatnonzero(line.time >= first_needed)
    who_then = transactions.customer[known][line.order[needed]]
    level_end = line.before(who_then, line.time[needed])
    level_begin = line.before(who_then, line.time[needed] - _LEVEL_DAYS * DAY)
    then = _Levels(amount, level_begin, level_end)
    is_high = np.zeros(len(line) + 1)
    is_high[needed + 1] = amount[needed] > _HIGH * then.median
    highs = np.cumsum(is_high)
    for days in _HIGH_DAYS:
        put(f"customer_high_{days}", highs[end] - highs[line.before(who, when - days * DAY)])
    now = _Levels(amount, line.before(who, when - _LEVEL_DAYS * DAY), end)
    put("customer_ratio_to_median", _ratio(paid, now.median))
    put("customer_robust_z", _ratio(paid - now.median, now.spread))
    put("customer_ratio_to_max", _ratio(paid, now.largest))
    put("customer_newest_ratio", _ratio(now.newest_largest, now.median))

    told = Timeline(customer[events.row], events.known_at)
    frauds = told.totals(events.change)
    begin = told.before(who, when - 30 * DAY, at=True)
    put(
        "customer_frauds_30",
        np.where(
            who > transactions.customer.max(), 0, frauds[told.before(who, when, at=True)] - frauds[begin]
        ),
    )


class _Levels:
    """Median, spread and largest of the newest amounts before a moment, given by positions; NaN without any."""

    def __init__(self, amount: np.ndarray, begin: np.ndarray, end: np.ndarray) -> None:
        amount = amount.astype(np.float32)
        self.median, self.spread, self.largest, self.newest_largest = np.full(
            (4, len(end)), np.nan, dtype=np.float32
        )
        back = np.arange(1, _RECENT + 1)
        for start in range(0, len(end), _CHUNK):
            part = slice(start, start + _CHUNK)
            count = np.minimum(end[part] - begin[part], _RECENT)
            at = end[part, None] - back
            values = np.where(back <= count[:, None], amount[np.maximum(at, 0)] if len(amount) else 0, np.inf)
            newest = np.where(np.isfinite(values[:, :_NEWEST]), values[:, :_NEWEST], -np.inf).max(axis=1)
            values.sort(axis=1)
            row, some = np.arange(len(count)), count > 0
            last = np.maximum(count - 1, 0)
            median = (values[row, last // 2] + values[row, np.minimum(count // 2, last)]) / 2
            spread = np.where(some, values[row, 3 * last // 4], 0) - np.where(some, values[row, last // 4], 0)
            self.median[part] = np.where(some, median, np.nan)
            # Of few amounts the spread may be nothing, of which no multiple says anything.
            self.spread[part] = np.where(some, np.maximum(spread / 1.349, 0.1 * median), np.nan)
            self.largest[part] = np.where(some, values[row, last], np.nan)
            self.newest_largest[part] = np.where(some, newest, np.nan)


def _of_stores(
    column: dict[str, np.ndarray],
    transactions: Transactions,
    rows: np.ndarray,
    events: Changes,
    held_fraud: np.ndarray,
    delay_days: float,
) -> None:
    line = Timeline(transactions.store, transactions.time)
    asked = order_of(transactions.store[rows])
    where, when = transactions.store[rows][asked], transactions.time[rows][asked]
    delay = round(delay_days * DAY)

    def put(name: str, values: np.ndarray) -> None:
        column[name][asked] = values

    told = Timeline(transactions.store[events.row], events.known_at)
    frauds = told.totals(events.change)
    told_end = told.before(where, when, at=True)
    # What was sold up to then has its verdict by now, or counts as genuine.
    end = line.before(where, when - delay, at=True)
    for days in WINDOWS:
        count = end - line.before(where, when - delay - days * DAY, at=True)
        found = np.maximum(frauds[told_end] - frauds[told.before(where, when - days * DAY, at=True)], 0)
        put(f"store_count_{days}", count)
        put(f"store_frauds_{days}", found)
        put(f"store_risk_{days}", np.minimum(found / np.maximum(count, 1), 1))

    begin = line.before(where, when - HISTORY_DAYS * DAY)
    fraud = held_fraud[line.order]
    some = end > begin
    last = np.maximum(end - 1, 0)
    put("store_last_label", np.where(some, fraud[last], np.nan))
    for name, runs in (("fraud", _run_lengths(fraud)), ("genuine", _run_lengths(~fraud))):
        # A run that reaches into the group before is cut where the history of this one begins.
        length = np.where(some, np.minimum(runs[last], end - begin), 0)
        put(f"store_{name}_run", length)
        if name == "fraud":
            began = line.time[np.minimum(end - length, len(line) - 1)]
            put("store_seconds_since_run_began", np.where(length > 0, when - began, np.nan))

    sold = transactions.time[events.row][told.order]
    positive = events.change[told.order] > 0
    newest = (
        np.maximum.accumulate(np.where(positive, np.arange(len(told)), -1)) if len(told) else np.empty(0, int)
    )
    at = newest[np.maximum(told_end - 1, 0)] if len(told) else np.full(len(where), -1)
    known = (told_end > 0) & (at >= told.before(where, when - LATEST_DAYS * DAY, at=True))
    put(
        "store_seconds_since_fraud",
        np.where(known, when - sold[np.maximum(at, 0)] if len(told) else 0, np.nan),
    )

    amount = transactions.amount[line.order]
    total = _running_total(amount)
    until = line.before(where, when)
    month, day = line.before(where, when - 30 * DAY), line.before(where, when - DAY)
    usual = _ratio((total[until] - total[month]) / _PARTS, until - month)
    put("store_ratio_to_mean_30", _ratio(transactions.amount[rows][asked], usual))
    put("store_busy_ratio", _ratio((until - day + 1) * 30.0, until - month))
    previous = line.time[np.maximum(until - 1, 0)]
    put("store_seconds_since_last", np.where(until > month, when - previous, np.nan))


def _running_total(amount: np.ndarray) -> np.ndarray:
    """Return running totals with a zero before the first; of whole parts, so that a difference has no rounding in it."""
    total = np.zeros(len(amount) + 1, dtype=np.int64)
    np.cumsum(np.rint(amount * _PARTS).astype(np.int64), out=total[1:])
    return total


def _run_lengths(flags: np.ndarray) -> np.ndarray:
    """Return for each position how many in a row are set up to it."""
    position = np.arange(len(flags))
    return position - np.maximum.accumulate(np.where(flags, -1, position))


def _ratio(value: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Divide; NaN where nothing is usual."""
    with np.errstate(invalid="ignore"):
        return np.divide(value, usual, out=np.full(len(value), np.nan), where=usual > 0)
