"""What is kept of a fraud forest in the registry, and how it is read back."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.anomaly.fraud.behaviour.features import FEATURES
from workbench.anomaly.fraud.behaviour.receipts import number_of
from workbench.anomaly.fraud.forest import FraudForest
from workbench.anomaly.models.lifecycle import CHALLENGER
from workbench.anomaly.models.registry import ModelVersion, current_model, load_stored
from workbench.anomaly.models.stored import TRUSTED, ModelFormat, check_trees
from workbench.errors import UsageError

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


@dataclass(frozen=True)
class Shadow:
    """The version that the gate refused last: it scores beside the one that judges, and decides nothing.

    Attributes:
        version: it; None where there is none.
        forest: as it was kept; None if it can't be read.
        trouble: why not, a sentence without its end.
    """

    version: ModelVersion | None = None
    forest: FraudForest | None = None
    trouble: str = ""

    @property
    def number(self) -> str | None:
        """Which version scores; None if none does."""
        return self.version.version if self.forest is not None and self.version is not None else None

    def score_samples(self, features: pd.DataFrame, day: np.ndarray) -> np.ndarray:
        """Return a score for each row; NaN for all without a forest, and for days that it learned from.

        Args:
            features: of the receipts; shape (rows, features).
            day: when each was sold, by the number of its day; shape (rows,).
        """
        score = np.full(len(features), np.nan)
        if self.forest is not None and self.version is not None and self.version.training_to:
            fresh = day > number_of(dt.date.fromisoformat(self.version.training_to))
            if fresh.any():
                score[fresh] = self.forest.score_samples(features[fresh])
        return score


def load_shadow(judge: ModelVersion) -> Shadow:
    """Fetch the challenger of the version that judges; one that can't be read keeps nobody from judging.

    Raises:
        WorkFailed: the tracking server can't be reached.
    """
    version = current_model(MODEL, CHALLENGER)
    if version is None or version.version == judge.version:
        return Shadow()
    try:
        return Shadow(version, load_forest(version))
    except UsageError as error:
        return Shadow(version, None, str(error))


def _check(model: Any) -> None:
    from sklearn.ensemble import RandomForestClassifier

    if type(model) is not FraudForest:
        raise ValueError(f"it is a {type(model).__name__}")
    if type(model.forest_) is not RandomForestClassifier:
        raise ValueError(f"it holds a {type(model.forest_).__name__}")
    if list(getattr(model, "feature_names_in_", ())) != list(FEATURES):
        raise ValueError("it was trained on other features")
    check_trees(model.forest_)
