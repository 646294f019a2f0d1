"""What the guides say that models need is what the program and the gate hold them to."""

from __future__ import annotations

from pathlib import Path

from workbench.anomaly.fraud.training import LEAST_FRAUDS, days_needed
from workbench.anomaly.models.gate import read_policy
from workbench.anomaly.sales.training import (
    HOLDOUT_DAYS,
    HOLDOUT_SHARE,
    LEAST_HOLDOUT,
    LEAST_LEARNING,
    MIN_DAYS,
)
from workbench.anomaly.series.features import WARM_UP

ROOT = Path(__file__).resolve().parents[2]
GUIDES = ROOT / "docs" / "user-guides"


def words(path: Path) -> str:
    return " ".join(path.read_text().replace("#", "").split())


def test_the_guide_of_sales_says_how_many_days_it_needs() -> None:
    guide = words(GUIDES / "sales-anomalies.md")
    wanted = read_policy(ROOT / "mlflow" / "promotion.yaml").models["sales_daily"]["holdout_days"].at_least
    assert wanted is not None
    enough = WARM_UP + HOLDOUT_SHARE * int(wanted)
    assert (
        f"With fewer than {MIN_DAYS} days of sales nothing is trained: {WARM_UP} to warm up, {LEAST_LEARNING} to learn "
        f"from and {LEAST_HOLDOUT} to measure on."
    ) in guide
    assert HOLDOUT_SHARE == 4
    assert (
        f"A quarter of the days after the first {WARM_UP} is held out, {HOLDOUT_DAYS} days at most, and the gate wants "
        f"{wanted:g} of them: a model becomes champion by itself from {enough} days of sales on. From {MIN_DAYS} to "
        f"{enough - 1} it is registered as challenger"
    ) in guide
    assert f"it takes {enough} days of sales." in words(ROOT / "mlflow" / "promotion.yaml")


def test_the_guide_of_fraud_says_what_a_training_needs() -> None:
    guide = words(GUIDES / "fraud.md")
    assert f"A training needs {days_needed()} days of sales with the usual parameters" in guide
    assert f"and {LEAST_FRAUDS} known frauds in what each replay learns from" in guide
