"""Say in words why a receipt is suspicious."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from workbench.anomaly.fraud.features import FEATURES
from workbench.anomaly.fraud.forest import Explanation

_DAY = 86_400.0

_SAYS: dict[str, Callable[[float], str]] = {
    "amount": lambda value: f"the amount is {value:,.2f}",
    "hour": lambda value: f"it was sold at {int(value):02d}:{int(value % 1 * 60):02d}",
    "customer_ratio_to_mean_30": lambda value: (
        f"{value:.1f} times what the customer paid on average in 30 days"
    ),
    "customer_ratio_to_median": lambda value: f"{value:.1f} times what the customer usually pays",
    "customer_robust_z": lambda value: f"{value:.1f} spreads above what the customer usually pays",
    "customer_ratio_to_max": lambda value: f"{value:.1f} times the most that the customer paid lately",
    "customer_newest_ratio": lambda value: (
        f"one of the customer's last payments was {value:.1f} times the usual"
    ),
    "customer_high_1": lambda value: f"{value:.0f} high payments of the customer within a day",
    "customer_high_7": lambda value: f"{value:.0f} high payments of the customer within 7 days",
    "customer_high_14": lambda value: f"{value:.0f} high payments of the customer within 14 days",
    "customer_frauds_30": lambda value: f"{value:.0f} known frauds of the customer in 30 days",
    "store_fraud_run": lambda value: f"the store's last {value:.0f} judged sales were fraud",
    "store_frauds_1": lambda value: f"{value:.0f} frauds at the store became known within a day",
    "store_frauds_7": lambda value: f"{value:.0f} frauds at the store became known in 7 days",
    "store_frauds_30": lambda value: f"{value:.0f} frauds at the store became known in 30 days",
    "store_risk_7": lambda value: f"{value:.0%} of a week's sales of the store were fraud",
    "store_risk_30": lambda value: f"{value:.0%} of a month's sales of the store were fraud",
    "store_last_label": lambda value: f"the store's last judged sale was {'fraud' if value else 'genuine'}",
    "store_seconds_since_run_began": lambda value: f"fraud at the store began {value / _DAY:.0f} days ago",
    "store_seconds_since_fraud": lambda value: f"the store's last known fraud is {value / _DAY:.0f} days old",
    "store_ratio_to_mean_30": lambda value: f"{value:.1f} times an average sale of the store",
}


def reasons(features: np.ndarray, explained: Explanation, columns: tuple[str, ...] = FEATURES) -> list[str]:
    """Return a sentence for each row (rows x features): the strongest reasons that raise its score."""
    sentences = []
    for row, top in enumerate(explained.top):
        parts = []
        for column in top:
            value = float(features[row, column])
            if explained.contributions[row, column] <= 0:
                continue
            name = columns[column]
            says = _SAYS.get(name)
            unknown = f"{name.replace('_', ' ')} is unknown"
            plain = f"{name.replace('_', ' ')} is {value:.3g}"
            parts.append(unknown if np.isnan(value) else says(value) if says else plain)
        sentences.append("; ".join(parts))
    return sentences
