"""A home in which a model was trained once on daily sales with known anomalies."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from workbench.anomaly import TrainingResult, train_sales
from workbench.settings import get_settings
from workbench.warehouse import connect

from .data import PLANTED, add_batch, daily_sales


@dataclass(frozen=True)
class Trained:
    """A home with daily sales and a champion, shared by many tests: read it, or copy its store."""

    home: Path
    result: TrainingResult


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Train once; making MLflow's tables is the slow part."""
    home = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(home))
        warehouse = connect(create=True)
        warehouse.append("marts.sales_daily", daily_sales(planted=PLANTED))
        for batch in ("b" * 64, "a" * 64):
            add_batch(warehouse, batch)
        add_batch(warehouse, "c" * 64, dataset="products")
        return Trained(home, train_sales(warehouse, trees=60, run_id="run-1"))


@pytest.fixture
def trained(trained_home: Trained, home: Path) -> TrainingResult:
    """This test's own copy of the warehouse and the store with the champion in it."""
    home.mkdir(parents=True)
    for name in ("warehouse.duckdb", "warehouse.duckdb.wal", "mlflow.db"):
        # What was written last may still be in the log beside the warehouse.
        if (trained_home.home / name).exists():
            shutil.copy(trained_home.home / name, home / name)
    assert get_settings().home == home
    return trained_home.result


@pytest.fixture
def store(trained_home: Trained, home: Path) -> Path:
    """This test's own copy of the store only, so that its tables needn't be made again."""
    home.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(trained_home.home / "mlflow.db", home / "mlflow.db"))
