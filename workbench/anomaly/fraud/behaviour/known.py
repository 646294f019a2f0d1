"""Transactions and the verdicts on them as arrays, and which verdicts are known when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DAY = 86_400

LATEST_DAYS = 30
"""A verdict that comes later than that after its transaction says nothing of the store or the customer any more."""

HISTORY_DAYS = 60
"""No feature depends on anything that happened longer ago than that before its transaction."""


@dataclass(frozen=True)
class Transactions:
    """Transactions in the order of time.

    ``time`` is in whole seconds since a Monday began, ``customer`` and ``store`` are numbers from 0; a customer nobody
    knows is -1 and has no past.
    """

    time: np.ndarray
    customer: np.ndarray
    store: np.ndarray
    amount: np.ndarray

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True)
class Verdicts:
    """Verdicts on transactions: ``row`` is the place of the transaction, ``known_at`` is in seconds as ``time``."""

    row: np.ndarray
    known_at: np.ndarray
    is_fraud: np.ndarray

    def as_of(self, moment: int, count: int) -> np.ndarray:
        """Return for each of ``count`` transactions whether it was held for fraud at a moment."""
        return self._held(self.known_at <= moment, count)

    def known_by(self, transactions: Transactions, delay_days: float) -> np.ndarray:
        """Return for each transaction whether it was held for fraud when ``delay_days`` had gone by."""
        due = transactions.time[self.row] + round(delay_days * DAY)
        return self._held(self.known_at <= due, len(transactions))

    def _held(self, known: np.ndarray, count: int) -> np.ndarray:
        held = np.zeros(count, dtype=bool)
        order = np.flatnonzero(known)[np.argsort(self.known_at[known], kind="stable")]
        # Of several on one transaction the last stays.
        held[self.row[order]] = self.is_fraud[order]
        return held


@dataclass(frozen=True)
class Changes:
    """What verdicts changed: ``change`` is 1 where a transaction became fraud, -1 where it was cleared again."""

    row: np.ndarray
    known_at: np.ndarray
    change: np.ndarray


def changes(transactions: Transactions, verdicts: Verdicts) -> Changes:
    """Return the changes in the order of transactions, leaving out what came too late to say anything."""
    order = np.lexsort((verdicts.known_at, verdicts.row))
    row, known_at = verdicts.row[order], verdicts.known_at[order]
    fraud = verdicts.is_fraud[order].astype(np.int8)
    before = np.zeros_like(fraud)
    again = row[1:] == row[:-1]
    before[1:][again] = fraud[:-1][again]
    # Nobody knows a verdict before its transaction.
    known_at = np.maximum(known_at, transactions.time[row])
    kept = (fraud != before) & (known_at <= transactions.time[row] + LATEST_DAYS * DAY)
    return Changes(row[kept], known_at[kept], (fraud - before)[kept].astype(float))
