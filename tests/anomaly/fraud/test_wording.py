"""What is said of a receipt: every feature in words a person would use."""

from __future__ import annotations

import pytest

from workbench.anomaly.fraud.behaviour.features import FEATURES
from workbench.anomaly.fraud.wording import say


@pytest.mark.parametrize("name", FEATURES)
def test_every_feature_is_said_in_words(name: str) -> None:
    for value in (0.0, 1.0, 2.0, 50_000.0, 400_000.0):
        said = say(name, value)
        assert "_" not in said and (name == "amount" or name.replace("_", " ") not in said)
    assert "unknown" in say(name, float("nan"))


def test_one_and_many() -> None:
    assert say("customer_frauds_30", 1) == "1 known fraud of the customer in 30 days"
    assert say("customer_frauds_30", 3) == "3 known frauds of the customer in 30 days"
    assert say("store_fraud_run", 1) == "the store's last 1 judged sale was fraud"
    assert say("store_seconds_since_fraud", 3 * 86_400) == "the store's last known fraud was 3 days ago"
    assert say("store_seconds_since_last", 3_600) == "the store's last sale was 1 hour ago"
    assert say("customer_robust_z", -2) == "2.0 spreads below what the customer usually pays"
