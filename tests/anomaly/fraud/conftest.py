"""Fixtures of the tests of fraud in receipts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from workbench.anomaly.fraud.training import FraudTraining

from .shop import Trained


@pytest.fixture
def trained(fraud_home: Trained, home: Path) -> FraudTraining:
    """A training that gave a champion, with its warehouse and models in the home."""
    home.mkdir(parents=True)
    for name in ("warehouse.duckdb", "mlflow.db"):
        shutil.copy(fraud_home.home / name, home / name)
    return fraud_home.result
