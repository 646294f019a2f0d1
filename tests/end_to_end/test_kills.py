"""Runs of the incremental path that are killed at any moment leave what undisturbed ones would have left.

``WORKBENCH_KILLS`` says how many are killed; ``make soak`` kills 60.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.end_to_end.test_parity import OF_THE_RUN
from tests.parity import differences
from tests.project import ROOT
from workbench.demo.generated.generate import generate
from workbench.schema import DATASETS, TABLES
from workbench.sources.files import land
from workbench.warehouse import Warehouse, connect

pytestmark = pytest.mark.soak
KILLS = int(os.environ.get("WORKBENCH_KILLS", "1"))
_RUN = [sys.executable, "-m", "workbench.cli", "run", "retail_etl"]
# One delivery has what belongs together; the next corrects a part of it, and brings what is new.
_BASE, _ROWS = 2_000, 200


def run(home: Path, *options: str, kill_after: float | None = None) -> bool:
    """Run the pipeline in a process of its own, killed with all its group after some seconds; whether it was killed."""
    process = subprocess.Popen(
        [*_RUN, *options], env=os.environ | {"WORKBENCH_HOME": str(home)}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        text, _ = process.communicate(timeout=kill_after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    assert process.returncode == 0, text
    return False


def deliver(folder: Path, seed: int, rows: int) -> list[Path]:
    """Generate a delivery and return its files, which are parts of datasets."""
    generate(folder, rows, seed=seed)
    return sorted(path for name in DATASETS for path in (folder / name).glob("*"))


def accounted(warehouse: Warehouse) -> None:
    """Check that each row of each file is in raw or in quarantine, once."""
    ledger = warehouse.rows(
        "SELECT batch_id, dataset, rows_landed, rows_accepted, rows_quarantined FROM ops.batches"
    )
    assert len({batch["batch_id"] for batch in ledger}) == len(ledger)
    for batch in ledger:
        (found,) = warehouse.rows(
            f"SELECT count(*) AS rows, count(DISTINCT _row_number) AS numbers FROM raw.{batch['dataset']} "
            "WHERE _batch_id = ?",
            [batch["batch_id"]],
        )
        (aside,) = warehouse.rows(
            "SELECT count(*) AS rows FROM ops.quarantine WHERE batch_id = ?", [batch["batch_id"]]
        )
        assert found["rows"] == found["numbers"] == batch["rows_accepted"]
        assert aside["rows"] == batch["rows_quarantined"]
        assert batch["rows_landed"] == batch["rows_accepted"] + batch["rows_quarantined"]


def held_to_sql_by_hand(home: Path, files: Path, folder: Path) -> None:
    """Check that the warehouse holds what SQL written by hand makes of the same files."""
    by_hand, yardstick = folder / "by_hand.duckdb", ROOT / "benchmarks/yardstick"
    for command in (
        [yardstick / "by_hand.py", files, by_hand],
        [yardstick / "equal.py", home / "warehouse.duckdb", by_hand],
    ):
        done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_killed_runs_leave_what_undisturbed_ones_leave(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_REPORTING_CURRENCY", "USD")
    seed = int(os.environ.get("WORKBENCH_KILLS_SEED", random.randrange(10**6)))
    print("WORKBENCH_KILLS_SEED:", seed)
    chance = random.Random(seed)
    connect(create=True)
    for path in deliver(tmp_path / "base", 0, _BASE):
        land(str(path), path.parent.name)
    began = time.monotonic()
    assert not run(home)
    usual = time.monotonic() - began
    held_to_sql_by_hand(home, tmp_path / "base", tmp_path)
    landed = len(list((home / "landing").rglob("*.*")))
    killed = tries = 0
    while killed < KILLS:
        tries += 1
        files = deliver(tmp_path / f"delivery {tries}", chance.randrange(1, 10**6), _ROWS)
        for path in files if chance.random() < 0.3 else chance.sample(files, 2):
            land(str(path), path.parent.name)
        killed += run(home, kill_after=chance.uniform(0.05, 1) * usual)
        if chance.random() < 0.2:
            assert not run(home)
    assert not run(home)
    incremental = connect()
    accounted(incremental)
    batches = len(list((home / "landing").rglob("*.*")))
    assert incremental.rows("SELECT count(*) AS n FROM ops.batches") == [{"n": batches}] and batches > landed
    # Who is who goes by weights that are kept, and are estimated anew where all is built at once: so they are here, too.
    assert not run(home, "--only", "customers", "--full")
    assert not run(home)
    # Whatever each of them did first or again, all that stands on raw is as if it were built from it at once.
    other = tmp_path / "whole"
    other.mkdir()
    shutil.copy(home / "warehouse.duckdb", other / "warehouse.duckdb")
    whole = connect(f"duckdb:///{other / 'warehouse.duckdb'}")
    assert not run(other, "--full")
    names = [
        name for name, table in TABLES.items() if table.key and table.schema in ("staging", "core", "marts")
    ]
    found = [each for name in names for each in differences(TABLES[name], incremental, whole, OF_THE_RUN)]
    assert found == []
