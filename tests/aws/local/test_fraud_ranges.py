"""Ranges of days scored by tasks on ECS, side by side, leave what one run of the whole leaves."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import pytest

from tests.anomaly.fraud.shop import BEFORE, NEWEST, Trained, land, raised, scores
from tests.aws.local.conftest import Cluster
from tests.aws.local.test_executor import bucket, workbench
from tests.execution.notebooks import pipeline
from tests.project import ROOT
from workbench.anomaly.fraud.detection import detect_fraud
from workbench.execution import load_pipeline
from workbench.execution.records.store import read_run
from workbench.settings import get_settings
from workbench.warehouse import connect

__all__ = ["bucket"]
pytestmark = pytest.mark.soak


@pytest.fixture
def fraud_only(fraud_home: Trained, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project whose pipeline has our detection of fraud and nothing else, and a champion."""
    ours, folder = (
        load_pipeline("anomaly_detection"),
        tmp_path / "project/pipeline_notebooks/anomaly_detection",
    )
    stage = ours.stages["detect_fraud"]
    assert stage.partitioned is not None
    pipeline(
        folder,
        {
            "detect_fraud": {
                "partitioned": {
                    "first_day": stage.partitioned.first_day,
                    "last_day": stage.partitioned.last_day,
                },
                "executor": "ecs",
                "reads": list(stage.reads),
                "writes": list(stage.writes),
            }
        },
    )
    shutil.copy(ours.folder / "detect_fraud.ipynb", folder)
    (tmp_path / "project" / "mlflow").symlink_to(ROOT / "mlflow")
    monkeypatch.setenv("WORKBENCH_PROJECT", str(tmp_path / "project"))
    shutil.copy(fraud_home.home / "mlflow.db", tmp_path / "mlflow.db")
    monkeypatch.setenv("WORKBENCH_MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")


@pytest.mark.usefixtures("warehouse", "bucket", "fraud_only")
def test_tasks_side_by_side_score_what_one_run_scores(
    cluster: Cluster, fraud_home: Trained, tmp_path: Path
) -> None:
    shutil.copy(fraud_home.home / "warehouse.duckdb", tmp_path / "whole.duckdb")
    whole = connect(f"duckdb:///{tmp_path / 'whole.duckdb'}")
    detect_fraud(whole)
    land(connect(), BEFORE, NEWEST)
    assert fraud_home.result.training is not None
    first, last = fraud_home.result.training[1] + dt.timedelta(days=1), NEWEST.date()
    done = workbench(
        "backfill", "anomaly_detection", "--start", str(first), "--end", str(last), "--chunk", "4d", "--jobs", "2", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    chunks = json.loads(done.stdout)["chunks"]
    assert [chunk["state"] for chunk in chunks] == ["succeeded"] * 2
    for chunk in chunks:
        (stage,) = read_run(chunk["run_id"], get_settings()).stages
        assert stage.process_kind == "ecs" and stage.counts["rows"] > 0
    assert scores(connect()) == scores(whole)
    assert raised(connect()) == raised(whole) != []
