"""A shop with stolen cards and tampered tills, and what a warehouse says of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from workbench.anomaly.fraud.simulator import simulate
from workbench.anomaly.fraud.training import FraudTraining, train_fraud
from workbench.warehouse import Warehouse, connect

from ..data import of_table

SHOP = simulate(customers=500, stores=600, days=130, seed=4, compromises=0.5)
FRAME = SHOP.frame()
NEWEST = FRAME["transaction_timestamp"].max().floor("D")
BEFORE = FRAME[FRAME["transaction_timestamp"] < NEWEST]
TODAY = FRAME[FRAME["transaction_timestamp"] >= NEWEST]


def land(warehouse: Warehouse, sold: pd.DataFrame, until: pd.Timestamp) -> None:
    """Put sales and the verdicts that were given until then where they belong."""
    warehouse.append(
        "core.fact_transactions",
        of_table(
            "core.fact_transactions",
            {
                "transaction_id": sold["transaction_id"].to_numpy(), "line_number": 1,
                "transaction_timestamp": sold["transaction_timestamp"].to_numpy(),
                "customer_id": sold["customer_id"].to_numpy(), "store_id": sold["store_id"].to_numpy(),
                "net_amount_reporting": sold["amount"].to_numpy().round(2),
            },
            len(sold),
        ),
    )  # fmt: skip
    told = FRAME[FRAME["is_fraud"] & (FRAME["labelled_at"] <= until)]
    known = set(warehouse.frame("SELECT transaction_id FROM raw.fraud_labels")["transaction_id"])
    told = told[~told["transaction_id"].isin(known)]
    warehouse.append(
        "raw.fraud_labels",
        of_table(
            "raw.fraud_labels",
            {
                "transaction_id": told["transaction_id"].to_numpy(), "is_fraud": True,
                "labelled_at": told["labelled_at"].to_numpy(),
            },
            len(told),
        ),
    )  # fmt: skip


@dataclass(frozen=True)
class Trained:
    """A home with sales but for the newest day, and a champion."""

    home: Path
    result: FraudTraining


def train(home: Path) -> Trained:
    """Train in a home of its own, on all but the newest day."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(home))
        warehouse = connect(create=True)
        land(warehouse, BEFORE, NEWEST)
        return Trained(home, train_fraud(warehouse, train_days=40, trees=20, run_id="run-1"))


def scores(warehouse: Warehouse) -> list[tuple[object, ...]]:
    rows = warehouse.rows(
        "SELECT transaction_id, score, is_alert, explanation FROM marts.fraud_scores ORDER BY transaction_id"
    )
    return [tuple(row.values()) for row in rows]


def raised(warehouse: Warehouse) -> list[str]:
    rows = warehouse.rows("SELECT subject FROM ops.alerts WHERE kind = 'fraud' ORDER BY subject")
    return [row["subject"] for row in rows]
