"""Receipts and verdicts, read from the warehouse as arrays."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.anomaly.fraud.behaviour.features import FEATURES, build_features
from workbench.anomaly.fraud.behaviour.known import DAY, Transactions, Verdicts
from workbench.governance.feedback import TABLE as FEEDBACK
from workbench.warehouse import Warehouse

TABLE = "core.fact_transactions"
LABELS = "raw.fraud_labels"

_MONDAY = dt.date(1970, 1, 5)

_RECEIPTS = f"""
SELECT transaction_id, MIN(transaction_timestamp) AS sold_at, MIN(customer_id) AS customer_id,
    MIN(store_id) AS store_id, CAST(COALESCE(SUM(net_amount_reporting), 0) AS DOUBLE PRECISION) AS amount
FROM {TABLE}
WHERE transaction_timestamp >= ? AND transaction_timestamp < ?
GROUP BY transaction_id
ORDER BY sold_at, transaction_id
"""
VERDICTS = f"""
SELECT transaction_id, is_fraud, labelled_at FROM {LABELS}
UNION ALL
SELECT given.transaction_id, given.verdict = 'real' AS is_fraud, given.given_at AS labelled_at
FROM {FEEDBACK} AS given
WHERE given.kind = 'fraud' AND given.transaction_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM {LABELS} AS told
    WHERE told.transaction_id = given.transaction_id AND told.labelled_at <= given.given_at
)
"""
"""What investigators delivered, and what people said of alerts: ``transaction_id, is_fraud, labelled_at``.

Somebody's word on an alert counts from then on, unless the receipt had a delivered verdict by then; one that is delivered
later takes its place.
"""

_IN_ORDER = f"SELECT * FROM ({VERDICTS}) AS verdicts ORDER BY labelled_at, transaction_id"


@dataclass(frozen=True)
class Receipts:
    """Receipts in the order of time (``transaction_id, sold_at, customer_id, store_id, amount``), and as arrays."""

    rows: pd.DataFrame
    transactions: Transactions
    verdicts: Verdicts

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def day(self) -> np.ndarray:
        """The number of each one's day."""
        return np.asarray(self.transactions.time // DAY)

    def features(self, delay_days: float, rows: np.ndarray | None = None) -> pd.DataFrame:
        """Return the features of all receipts, or of some."""
        found = build_features(self.transactions, self.verdicts, delay_days=delay_days, rows=rows)
        return pd.DataFrame(found, columns=list(FEATURES))

    def fingerprint(self) -> str:
        """Return a hash of what is learned from, the same for the same receipts and verdicts."""
        content = hashlib.sha256("\n".join(self.rows["transaction_id"]).encode())
        for values in (
            self.transactions.time, self.transactions.customer, self.transactions.store,
            self.transactions.amount.round(4), self.verdicts.row, self.verdicts.known_at, self.verdicts.is_fraud,
        ):  # fmt: skip
            content.update(np.ascontiguousarray(values).tobytes())
        return content.hexdigest()


def date_of(day: int) -> dt.date:
    """Return the date of a day's number."""
    return _MONDAY + dt.timedelta(days=int(day))


def number_of(date: dt.date) -> int:
    """Return the number of a date's day."""
    return (date - _MONDAY).days


def read_receipts(
    warehouse: Warehouse,
    since: dt.datetime = dt.datetime(1900, 1, 1),
    before: dt.datetime = dt.datetime(9999, 12, 31),
) -> Receipts:
    """Read the receipts from one moment on and before another (UTC, without zone), with all verdicts on them."""
    rows = warehouse.frame(_RECEIPTS, [since, before])
    told = warehouse.frame(_IN_ORDER)
    place = pd.Series(np.arange(len(rows)), index=rows["transaction_id"])
    at = place.reindex(told["transaction_id"]).to_numpy(dtype=float)
    known = ~np.isnan(at)
    verdicts = Verdicts(
        at[known].astype(np.int64),
        _seconds(told["labelled_at"])[known],
        told["is_fraud"].to_numpy(bool)[known],
    )
    customer, _ = pd.factorize(rows["customer_id"], sort=True)
    store, _ = pd.factorize(rows["store_id"], sort=True)
    transactions = Transactions(
        _seconds(rows["sold_at"]), customer.astype(np.int64), store.astype(np.int64),
        rows["amount"].to_numpy(dtype=float),
    )  # fmt: skip
    return Receipts(rows, transactions, verdicts)


def _seconds(times: pd.Series) -> np.ndarray:
    """Return whole seconds since a Monday."""
    values = times.to_numpy(dtype="datetime64[s]")
    return np.asarray((values - np.datetime64(_MONDAY, "s")).astype(np.int64))
