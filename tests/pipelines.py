"""All pipelines, run whole on files that are made once; the run on DuckDB is shared by all who look at it.

Among what lands are rows at the edges of every type and rule: whatever of them ingestion accepts, every stage must bear.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from tests import edges
from workbench.demo.generated.generate import generate
from workbench.demo.journey import feed
from workbench.execution import Run, RunOptions, load_pipeline, run_pipeline
from workbench.execution.records.store import read_run
from workbench.schema import DATASETS
from workbench.settings import Settings
from workbench.sources.files import land
from workbench.warehouse import Warehouse, connect

ROWS = os.environ.get("WORKBENCH_PARITY_ROWS", "40000")
SILENT = date(2024, 12, 18)
"""A day on which nothing is sold."""
# Of few trees each: what is compared is what engines and processes make of them.
PIPELINES: dict[str, dict[str, int]] = {
    "retail_etl": {"trees": 5}, "anomaly_detection": {"trees": 20}, "maintenance": {}, "monitoring": {},
}  # fmt: skip


@dataclass(frozen=True)
class Side:
    """One engine's warehouse after the runs, and their records."""

    warehouse: Warehouse
    runs: dict[str, Run]


def run_all(home: Path, files: Path, environment: Mapping[str, str], *, cold: bool = False) -> Side:
    """Land the files, each in the folder of its dataset, and run every pipeline."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(home))
        for name in ("WORKBENCH_WAREHOUSE_URL", "WORKBENCH_LANDING_URI", "WORKBENCH_REPORTING_CURRENCY"):
            patch.delenv(name, raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        warehouse = connect(create=True)
        for folder in sorted(each for each in files.iterdir() if each.name in DATASETS):
            land(str(folder), folder.name)
        runs = {}
        for name, overrides in PIPELINES.items():
            runs[name] = run_pipeline(load_pipeline(name), overrides, RunOptions(strict=True, cold=cold))
            assert runs[name].state == "succeeded", runs[name].error
        return Side(warehouse, runs)


@dataclass(frozen=True)
class Shared:
    """What landed, and the warehouse on DuckDB that was made of it. Tests don't write to it."""

    files: Path
    side: Side


@pytest.fixture(scope="session")
def shared_run(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """Run all pipelines on DuckDB, once for all processes of a session."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared-run"
    files, home, done = folder / "files", folder / "home", folder / "runs.json"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.is_file():
            shutil.rmtree(folder, ignore_errors=True)
            write_files(files)
            runs = run_all(home, files, {}).runs
            done.write_text(json.dumps({name: run.run_id for name, run in runs.items()}))
    settings = Settings(home=home)
    runs = {name: read_run(run_id, settings) for name, run_id in json.loads(done.read_text()).items()}
    return Shared(files, Side(connect(f"duckdb:///{home / 'warehouse.duckdb'}"), runs))


def write_files(folder: Path) -> None:
    """Write what lands: sales and what belongs to them, a few events and readings, and edge rows of every dataset."""
    if ROWS == "demo":
        feed.write(folder)
    else:
        generate(folder, int(ROWS))
    for path in sorted((folder / "transactions").iterdir()):
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(line for line in lines if f",{SILENT} ".encode() not in line))
    edges.write(folder)
    few = {
        "events": {
            "event_id": "e1", "event_timestamp": "2024-12-01T10:00:00Z", "event_type": "view", "customer_id": "C1",
            "product_id": "P1", "store_id": "S0001", "properties": {"page": "/tea", "n": [1, 2]}, "colour": "red",
        },
        "measurements": {
            "measurement_id": "m1", "measured_at": "2024-12-01 11:00:00", "store_id": "S0001",
            "metric": "temperature", "value": "4.25", "unit": "C",
        },
    }  # fmt: skip
    for number, (name, row) in enumerate(few.items(), 1):
        (folder / name).mkdir(exist_ok=True)
        # No two have as many lines: tables that are ordered by them are the same each time.
        lines = [json.dumps(row), json.dumps(row), *["no JSON at all"] * number]
        (folder / name / "few.jsonl").write_text("\n".join(lines) + "\n")
