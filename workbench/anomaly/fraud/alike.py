"""The genuine receipts that are most like a suspicious one: what a person holds it against."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.anomaly.fraud.behaviour.known import DAY
from workbench.anomaly.fraud.behaviour.receipts import Receipts
from workbench.anomaly.fraud.forest import FraudForest
from workbench.numbers import money

NO_LIKENESS = pd.DataFrame(columns=["transaction_id", "amount", "score", "genuine"])

_POOL_DAYS, _POOL = 30, 2_000


def nearest_genuine(
    receipts: Receipts, forest: FraudForest, found: pd.DataFrame, delay_days: int, count: int = 3
) -> pd.DataFrame:
    """Put the genuine receipts of the last thirty days that a forest can tell the least from suspicious ones beside these.

    Genuine is what investigators said so of, and what nobody complained of until its verdict was due; of many every n-th
    is looked at.

    Args:
        receipts: with the history that features need.
        forest: that scored them.
        found: the suspicious ones in the order in which they are to be shown: ``transaction_id, amount, score``.
        delay_days: how long a verdict usually takes.
        count: how many beside each.

    Returns:
        The columns of :data:`NO_LIKENESS`; ``genuine`` in words.
    """
    rows = receipts.rows.index[receipts.rows["transaction_id"].isin(found["transaction_id"])].to_numpy()
    if not len(rows):
        return NO_LIKENESS.copy()
    time = receipts.transactions.time
    newest = int(time[-1])
    known = ~receipts.verdicts.as_of(np.iinfo(np.int64).max, len(receipts))
    known &= (time <= newest - delay_days * DAY) & (time > newest - (delay_days + _POOL_DAYS) * DAY)
    pool = np.flatnonzero(known)
    pool = pool[:: max(1, -(-len(pool) // _POOL))]
    if not len(pool):
        return NO_LIKENESS.copy()
    likeness = forest.alike(receipts.features(delay_days, rows), receipts.features(delay_days, pool))
    nearest = {
        receipts.rows.at[row, "transaction_id"]: np.argsort(-own, kind="stable")[:count]
        for row, own in zip(rows, likeness, strict=True)
    }
    near = receipts.rows.iloc[pool]

    def said(transaction_id: str) -> str:
        return ", ".join(
            f"{money(each.amount)} at store {each.store_id} on {each.sold_at:%Y-%m-%d}"
            for each in near.iloc[nearest[transaction_id]].itertuples()
        )

    kept = found[found["transaction_id"].isin(nearest)]
    return kept[["transaction_id", "amount", "score"]].assign(
        genuine=[said(each) for each in kept["transaction_id"]]
    )
