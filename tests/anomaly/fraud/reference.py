"""Features one transaction at a time, as their definition says, without a thought for speed."""

from __future__ import annotations

import math
import statistics

import numpy as np

from workbench.anomaly.fraud.behaviour.features import FEATURES, WINDOWS
from workbench.anomaly.fraud.behaviour.known import DAY, HISTORY_DAYS, LATEST_DAYS, Transactions, Verdicts

NOTHING = math.nan


class Reference:
    """All transactions and what is known of them."""

    def __init__(self, transactions: Transactions, verdicts: Verdicts, delay_days: float) -> None:
        self.time = [int(each) for each in transactions.time]
        self.customer = [int(each) for each in transactions.customer]
        self.store = [int(each) for each in transactions.store]
        self.amount = [float(each) for each in transactions.amount]
        self.delay = round(delay_days * DAY)
        self.of_customer = _grouped(self.customer)
        self.of_store = _grouped(self.store)
        self.verdicts: dict[int, list[tuple[int, bool]]] = {}
        for row, known_at, is_fraud in zip(verdicts.row, verdicts.known_at, verdicts.is_fraud, strict=True):
            self.verdicts.setdefault(int(row), []).append((int(known_at), bool(is_fraud)))
        for each in self.verdicts.values():
            each.sort(key=lambda verdict: verdict[0])

    def row(self, at: int) -> np.ndarray:
        """Return the features of one transaction, as float32."""
        found = {**self._itself(at), **self._customer(at), **self._store(at)}
        assert set(found) == set(FEATURES)
        return np.array([found[name] for name in FEATURES], dtype=np.float32)

    def _itself(self, at: int) -> dict[str, float]:
        hour = self.time[at] % DAY / 3600
        weekend = self.time[at] // DAY % 7 >= 5
        return {"amount": self.amount[at], "hour": hour, "is_night": hour <= 6, "is_weekend": weekend}

    def _past(self, rows: list[int], now: int, days: float) -> list[int]:
        return [row for row in rows if now - days * DAY <= self.time[row] < now]

    def _level(self, at: int) -> list[float]:
        if self.customer[at] < 0:
            return []
        past = self._past(self.of_customer[self.customer[at]], self.time[at], 45)
        return [self.amount[row] for row in past][-16:]

    def _customer(self, at: int) -> dict[str, float]:
        now, paid = self.time[at], self.amount[at]
        rows = self.of_customer[self.customer[at]] if self.customer[at] >= 0 else []
        found: dict[str, float] = {}
        for days in WINDOWS:
            amounts = [self.amount[row] for row in self._past(rows, now, days)]
            found[f"customer_count_{days}"] = len(amounts) + 1
            found[f"customer_mean_{days}"] = (math.fsum(amounts) + paid) / (len(amounts) + 1)
        month = [self.amount[row] for row in self._past(rows, now, 30)]
        today = [self.amount[row] for row in self._past(rows, now, 1)]
        usual = math.fsum(month) / len(month) if month else 0.0
        found["customer_ratio_to_mean_30"] = _over(paid, usual)
        found["customer_sum_1_ratio"] = _over(math.fsum(today) + paid, usual)
        found["customer_seconds_since_last"] = (
            now - self.time[self._past(rows, now, 30)[-1]] if month else NOTHING
        )
        for days in (1, 7, 14):
            found[f"customer_high_{days}"] = sum(self._was_high(row) for row in self._past(rows, now, days))
        level = sorted(self._level(at))
        newest = self._level(at)[-4:]
        median = statistics.median(level) if level else 0.0
        last = len(level) - 1
        spread = (level[3 * last // 4] - level[last // 4]) / 1.349 if level else 0.0
        found["customer_ratio_to_median"] = _over(paid, median)
        found["customer_robust_z"] = _over(paid - median, max(spread, 0.1 * median))
        found["customer_ratio_to_max"] = _over(paid, level[-1] if level else 0.0)
        found["customer_newest_ratio"] = _over(max(newest, default=0.0), median)
        found["customer_frauds_30"] = sum(
            change for known_at, change, _ in self._changes(rows) if now - 30 * DAY < known_at <= now
        )
        return found

    def _was_high(self, row: int) -> bool:
        level = self._level(row)
        return bool(level) and self.amount[row] > 2.5 * statistics.median(level)

    def _changes(self, rows: list[int]) -> list[tuple[int, int, int]]:
        """Return when, by how much and of which transaction the number of known frauds changed."""
        found = []
        for row in rows:
            before = False
            for told_at, is_fraud in self.verdicts.get(row, []):
                known_at = max(told_at, self.time[row])
                if is_fraud != before and known_at <= self.time[row] + LATEST_DAYS * DAY:
                    found.append((known_at, int(is_fraud) - int(before), row))
                before = is_fraud
        return sorted(found, key=lambda change: change[0])

    def _held_fraud(self, row: int) -> bool:
        """Tell whether a transaction was held for fraud when its delay had gone by."""
        known = [is_fraud for at, is_fraud in self.verdicts.get(row, []) if at <= self.time[row] + self.delay]
        return bool(known) and known[-1]

    def _store(self, at: int) -> dict[str, float]:
        now = self.time[at]
        rows = self.of_store[self.store[at]]
        changes = self._changes(rows)
        found: dict[str, float] = {}
        for days in WINDOWS:
            due = [row for row in rows if now - self.delay - days * DAY < self.time[row] <= now - self.delay]
            frauds = sum(change for known_at, change, _ in changes if now - days * DAY < known_at <= now)
            found[f"store_count_{days}"] = len(due)
            found[f"store_frauds_{days}"] = max(frauds, 0)
            found[f"store_risk_{days}"] = min(max(frauds, 0) / max(len(due), 1), 1)
        due = [row for row in rows if now - HISTORY_DAYS * DAY <= self.time[row] <= now - self.delay]
        labels = [self._held_fraud(row) for row in due]
        fraud_run, genuine_run = _run(labels, True), _run(labels, False)
        found["store_last_label"] = labels[-1] if labels else NOTHING
        found["store_fraud_run"], found["store_genuine_run"] = fraud_run, genuine_run
        found["store_seconds_since_run_began"] = (
            now - self.time[due[len(due) - fraud_run]] if fraud_run else NOTHING
        )
        told = [
            (known_at, row)
            for known_at, change, row in changes
            if change > 0 and now - LATEST_DAYS * DAY < known_at <= now
        ]
        found["store_seconds_since_fraud"] = now - self.time[told[-1][1]] if told else NOTHING
        month = self._past(rows, now, 30)
        usual = math.fsum(self.amount[row] for row in month) / len(month) if month else 0.0
        found["store_ratio_to_mean_30"] = _over(self.amount[at], usual)
        found["store_busy_ratio"] = _over((len(self._past(rows, now, 1)) + 1) * 30.0, len(month))
        found["store_seconds_since_last"] = now - self.time[month[-1]] if month else NOTHING
        return found


def _run(labels: list[bool], wanted: bool) -> int:
    count = 0
    for label in reversed(labels):
        if label != wanted:
            break
        count += 1
    return count


def _over(value: float, usual: float) -> float:
    return value / usual if usual > 0 else NOTHING


def _grouped(codes: list[int]) -> dict[int, list[int]]:
    groups: dict[int, list[int]] = {}
    for row, code in enumerate(codes):
        groups.setdefault(code, []).append(row)
    return groups
