"""The quick start of the README, command by command, in a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.warehouse import connect

ROOT = Path(__file__).resolve().parents[2]


def call(*arguments: str, home: Path, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "workbench.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, "WORKBENCH_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == status, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the quick start's first three commands ran."""
    home = tmp_path_factory.mktemp("quick") / "home"
    call("init", home=home)
    call("load", "samples/retail_data.csv", "--dataset", "transactions", home=home)
    call("run", "retail_etl", home=home)
    return home


@pytest.fixture(autouse=True)
def same_home(started: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(started))


def data_counts() -> dict[str, int]:
    """Rows of every table that holds data; those that only grow by run are left out."""
    growing = ("ops.runs", "ops.lineage", "ops.quality_results", "ops.audit_log")
    return {name: count for name, count in connect().counts().items() if name not in growing}


def test_every_line_of_the_sample_is_accounted_for() -> None:
    lines = len((ROOT / "samples/retail_data.csv").read_bytes().splitlines()) - 1
    ledger = connect().query("SELECT * FROM ops.batches").to_pylist()
    assert [row["rows_landed"] for row in ledger] == [lines]
    assert ledger[0]["rows_landed"] == ledger[0]["rows_accepted"] + ledger[0]["rows_quarantined"]
    counts = connect().counts("raw.transactions", "ops.quarantine")
    assert counts == {
        "raw.transactions": ledger[0]["rows_accepted"],
        "ops.quarantine": ledger[0]["rows_quarantined"],
    }


def test_the_sales_can_be_queried(started: Path) -> None:
    answer = json.loads(
        call("query", "SELECT * FROM retail_sales LIMIT 10", "--format", "json", home=started).strip()
    )
    assert len(answer) == 10
    assert {"transaction_id", "net_amount_reporting", "segment"} <= set(answer[0])


def test_anomalies_can_be_looked_for(started: Path) -> None:
    call("detect", "--table", "retail_sales", "--date-column", "transaction_date", home=started)


def test_the_anomaly_pipeline_says_that_the_sample_is_too_short(started: Path) -> None:
    call("run", "anomaly_detection", home=started)
    assert connect().counts("marts.sales_anomalies") == {"marts.sales_anomalies": 0}


def test_running_again_changes_no_data(started: Path) -> None:
    before = data_counts()
    call("load", "samples/retail_data.csv", "--dataset", "transactions", home=started)
    call("run", "retail_etl", home=started)
    assert data_counts() == before


def test_a_file_refused_whole_fails_the_run_and_says_why(started: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("transaction_id,line_number\nT1,1\n")
    call("load", str(wrong), "--dataset", "transactions", home=started)
    told = call("run", "retail_etl", home=started, status=1)
    assert "product_id" in told
    runs = connect().query("SELECT stage, state FROM ops.runs ORDER BY started_at").to_pylist()
    states = {row["stage"]: row["state"] for row in runs[-7:]}
    assert states["ingest"] == "failed"
    assert states["marts"] == "not_run"
