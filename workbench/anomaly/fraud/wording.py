"""Say in words why a receipt is suspicious."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from workbench.anomaly.fraud.behaviour.features import FEATURES, WINDOWS
from workbench.anomaly.fraud.forest import Explanation, FraudForest
from workbench.governance.alerts import Alert
from workbench.numbers import many
from workbench.settings import get_settings

NO_SHARES = pd.DataFrame({"transaction_id": [], "what": [], "share": []})
"""What :func:`shares_of` returns of no receipt."""

_DAY, _HOUR = 86_400.0, 3600.0
_WITHIN = {1: "within a day", 7: "within 7 days", 14: "within 14 days", 30: "within 30 days"}


def _ago(seconds: float) -> str:
    if seconds < 2 * _DAY:
        return f"{many(seconds / _HOUR, 'hour')} ago"
    return f"{many(seconds / _DAY, 'day')} ago"


def _counts(days: int) -> dict[str, Callable[[float], str]]:
    """Return the wordings of what is counted over some days."""
    within = _WITHIN[days]
    return {
        f"customer_count_{days}": lambda value: f"{many(value, 'payment')} of the customer {within}",
        f"customer_mean_{days}": lambda value: f"the customer pays {value:,.2f} on average {within}",
        f"store_count_{days}": lambda value: f"{many(value, 'sale')} of the store {within}",
        f"store_frauds_{days}": lambda value: f"{many(value, 'fraud')} at the store became known {within}",
        f"store_risk_{days}": lambda value: f"{value:.0%} of the store's judged sales {within} were fraud",
    }


_SAYS: dict[str, Callable[[float], str]] = {
    **{name: says for days in WINDOWS for name, says in _counts(days).items()},
    "amount": lambda value: f"the amount is {value:,.2f}",
    "is_weekend": lambda value: f"it was sold {'at a weekend' if value else 'on a weekday'}",
    "is_night": lambda value: f"it was sold {'at night' if value else 'by day'}",
    "hour": lambda value: f"it was sold at {int(value):02d}:{int(value % 1 * 60):02d}",
    "customer_ratio_to_mean_30": lambda value: (
        f"{value:.1f} times what the customer paid on average in 30 days"
    ),
    "customer_ratio_to_median": lambda value: f"{value:.1f} times what the customer usually pays",
    "customer_robust_z": lambda value: (
        f"{abs(value):.1f} spreads {'below' if value < 0 else 'above'} what the customer usually pays"
    ),
    "customer_ratio_to_max": lambda value: f"{value:.1f} times the most that the customer paid lately",
    "customer_newest_ratio": lambda value: (
        f"one of the customer's last payments was {value:.1f} times the usual"
    ),
    "customer_high_1": lambda value: f"{many(value, 'high payment')} of the customer within a day",
    "customer_high_7": lambda value: f"{many(value, 'high payment')} of the customer within 7 days",
    "customer_high_14": lambda value: f"{many(value, 'high payment')} of the customer within 14 days",
    "customer_sum_1_ratio": lambda value: (
        f"within a day the customer paid {value:.1f} times a usual payment in all"
    ),
    "customer_seconds_since_last": lambda value: f"the customer's last payment was {_ago(value)}",
    "customer_frauds_30": lambda value: f"{many(value, 'known fraud')} of the customer in 30 days",
    "store_last_label": lambda value: f"the store's last judged sale was {'fraud' if value else 'genuine'}",
    "store_fraud_run": lambda value: (
        f"the store's last {many(value, 'judged sale was', 'judged sales were')} fraud"
    ),
    "store_genuine_run": lambda value: (
        f"the store's last {many(value, 'judged sale was', 'judged sales were')} genuine"
    ),
    "store_seconds_since_fraud": lambda value: f"the store's last known fraud was {_ago(value)}",
    "store_seconds_since_run_began": lambda value: f"fraud at the store began {_ago(value)}",
    "store_ratio_to_mean_30": lambda value: f"{value:.1f} times an average sale of the store",
    "store_busy_ratio": lambda value: f"the store is {value:.1f} times as busy as on a usual day",
    "store_seconds_since_last": lambda value: f"the store's last sale was {_ago(value)}",
}


def say(name: str, value: float) -> str:
    """Say a feature's value in words."""
    if np.isnan(value):
        return f"{name.replace('_', ' ')} is unknown".replace("seconds since", "time since")
    return _SAYS[name](value)


def reasons(features: np.ndarray, explained: Explanation, columns: tuple[str, ...] = FEATURES) -> list[str]:
    """Return a sentence for each row (rows x features): the strongest reasons that raise its score."""
    return [
        "; ".join(
            say(columns[column], float(features[row, column]))
            for column in top
            if explained.contributions[row, column] > 0
        )
        for row, top in enumerate(explained.top)
    ]


def shares_of(
    receipts: list[str], features: pd.DataFrame, forest: FraudForest, most: int = 6
) -> pd.DataFrame:
    """Say what moves the score of each of a few receipts, by Shapley values, the most first.

    Args:
        receipts: their ids.
        features: a row each.
        forest: that scored them.
        most: features of each.

    Returns:
        ``transaction_id, what, share``: the feature's value in words, and what it adds to the mean of the trees, below 0
        where it speaks against fraud.
    """
    if not receipts:
        return NO_SHARES.copy()
    explained = forest.shapley(features)
    values = features.to_numpy()
    rows = [
        {
            "transaction_id": receipt, "what": say(features.columns[column], float(values[row, column])),
            "share": float(explained.contributions[row, column]),
        }
        for row, receipt in enumerate(receipts)
        for column in np.argsort(-np.abs(explained.contributions[row]), kind="stable")[:most]
    ]  # fmt: skip
    return pd.DataFrame(rows)


def alert_of(row: dict[str, object]) -> Alert:
    """Return the alert of a receipt; scored by another model it is still the same one."""
    currency = get_settings().reporting_currency
    subject = f"receipt {row['transaction_id']}"
    message = (
        f"{row['amount']:,.2f} {currency} at store {row['store_id']} on {row['transaction_timestamp']:%Y-%m-%d %H:%M} "
        f"is fraud with a probability of {row['score']:.0%}: {row['explanation'] or 'by all features together'}."
    )
    severity = "critical" if float(str(row["score"])) >= 0.5 else "warning"
    model = f"{row['model_name']}/{row['model_version']}"
    return Alert("fraud", severity, subject, message, (str(row["transaction_id"]),), model=model)  # type: ignore[arg-type]
