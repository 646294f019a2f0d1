"""The main job on the real data, whole, and in a soak once more."""

from __future__ import annotations

import csv
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from workbench.demo.journey import feed
from workbench.schema import TABLES
from workbench.warehouse import connect

ROOT = Path(__file__).resolve().parents[2]
# What runs leave behind differs from one to the next; all else is a function of what landed.
OF_RUNS = {"ops.builds", "ops.watermarks", "ops.runs", "ops.lineage", "ops.quality_results", "ops.audit_log"}


# CI names `make demo` here, in an environment that has nothing but the demo's own packages.
DEMO = shlex.split(os.environ.get("WORKBENCH_TEST_DEMO") or f"{sys.executable} -m workbench.cli demo --json")


def demo(home: Path) -> dict[str, Any]:
    done = subprocess.run(
        DEMO,
        cwd=ROOT,
        env={**os.environ, "WORKBENCH_HOME": str(home), "WORKBENCH_STRICT": "true"},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    figures: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
    return figures


def contents(home: Path) -> dict[str, tuple[int, int]]:
    """The number of rows of each table, and a hash of what they hold."""
    warehouse = connect(f"duckdb:///{home / 'warehouse.duckdb'}")
    found = {}
    for name in TABLES.keys() - OF_RUNS:
        # Each training makes a new version of the model, which the anomalies name, as they do the run.
        columns = "* EXCLUDE (model_version, run_id)" if name == "marts.sales_anomalies" else "*"
        (row,) = warehouse.query(
            f"SELECT count(*) AS rows, coalesce(bit_xor(hash(t)), 0) AS hash FROM (SELECT {columns} FROM {name}) AS t"
        ).to_pylist()
        found[name] = (row["rows"], row["hash"])
    return found


Once = tuple[Path, dict[str, Any]]


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """A home in which the demo ran, and the figures it printed."""
    home = tmp_path_factory.mktemp("demo") / "home"
    return home, demo(home)


def test_all_of_the_real_data_is_taken_in_and_accounted_for(once: Once) -> None:
    home, first = once
    ledger = connect(f"duckdb:///{home / 'warehouse.duckdb'}").query("SELECT * FROM ops.batches").to_pylist()
    for batch in ledger:
        assert batch["rows_landed"] == batch["rows_accepted"] + batch["rows_quarantined"] > 0
    sales = [batch for batch in ledger if batch["dataset"] == "transactions"]
    assert sum(batch["rows_landed"] for batch in sales) >= 1_469_307
    assert sum(batch["rows_accepted"] for batch in sales) == first["rows"]["raw.transactions"]
    repeats = sum(batch["rows_duplicate"] for batch in sales)
    assert first["rows"]["core.fact_transactions"] == first["rows"]["raw.transactions"] - repeats
    assert first["rows"]["marts.sales_anomalies"] > 0


def test_planted_frauds_are_among_what_is_to_be_looked_at(once: Once) -> None:
    home, _ = once
    with (home / "demo" / feed.FRAUDS).open(newline="") as file:
        frauds = {row["transaction_id"] for row in csv.DictReader(file)}
    scored = connect(f"duckdb:///{home / 'warehouse.duckdb'}").rows(
        "SELECT transaction_id, is_alert FROM marts.fraud_scores"
    )
    alerted = {row["transaction_id"] for row in scored if row["is_alert"]}
    missed = {row["transaction_id"] for row in scored if not row["is_alert"]}
    # By chance one in a hundred would be.
    assert len(alerted & frauds) >= 8
    assert len(alerted & frauds) / len(alerted) >= 0.3
    assert len(missed & frauds) / len(missed) < 0.01


@pytest.mark.soak
def test_a_second_run_changes_no_table(once: Once) -> None:
    home, _ = once
    first = contents(home)
    demo(home)
    second = contents(home)
    assert {name: held for name, held in second.items() if held != first[name]} == {}


def test_the_overhead_is_told_part_by_part(once: Once) -> None:
    _, first = once
    assert [run["pipeline"] for run in first["runs"]] == ["retail_etl", "anomaly_detection", "retail_etl"]
    for run in first["runs"]:
        assert run["state"] == "succeeded" and run["stages"]
    kinds = {kind for run in first["runs"] for kind in run["timings"]}
    assert kinds == {"sql", "dbt", "model"}
    assert first["work_seconds"] > 0 and first["ratio"] == pytest.approx(
        first["seconds"] / first["work_seconds"], abs=0.1
    )


def test_the_reports_are_there_and_fetch_nothing(once: Once) -> None:
    _, figures = once
    for path in [*figures["reports"].values(), figures["index"]]:
        text = Path(path).read_text(encoding="utf-8")
        assert len(text) > 5_000
        assert 'src="http' not in text and "@import" not in text
