"""What is kept of a fraud forest in the registry, and how it is read back."""

from __future__ import annotations

from typing import Any

from workbench.anomaly.fraud.features import FEATURES
from workbench.anomaly.fraud.forest import FraudForest
from workbench.anomaly.models.registry import ModelVersion, load_stored
from workbench.anomaly.models.stored import TRUSTED, ModelFormat, check_trees

MODEL = "fraud_transactions"
TRUSTED_TYPES = (*TRUSTED, "workbench.anomaly.fraud.forest.FraudForest")


def load_forest(version: ModelVersion) -> FraudForest:
    """Fetch a version.

    Raises:
        WorkFailed: the tracking server can't be reached.
        UsageError: it isn't a fraud forest of this package's making.
    """
    forest: FraudForest = load_stored(version, ModelFormat(_check, trusted=TRUSTED_TYPES)).model
    return forest


def _check(model: Any) -> None:
    from sklearn.ensemble import RandomForestClassifier

    if type(model) is not FraudForest:
        raise ValueError(f"it is a {type(model).__name__}")
    if type(model.forest_) is not RandomForestClassifier:
        raise ValueError(f"it holds a {type(model.forest_).__name__}")
    if list(getattr(model, "feature_names_in_", ())) != list(FEATURES):
        raise ValueError("it was trained on other features")
    check_trees(model.forest_)
