"""Both pipelines, whole, on both engines: the same files in, the same rows out.

``WORKBENCH_PARITY_ROWS`` sets how many lines of sales are taken; the demo's own data has its turn with
``WORKBENCH_PARITY_ROWS=demo``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.parity import differences
from tests.redshift import Cluster
from workbench.demo import feed
from workbench.demo.generate import generate
from workbench.execution import Run, RunOptions, load_pipeline, run_pipeline
from workbench.schema import DATASETS, TABLES
from workbench.sources.files import land
from workbench.warehouse import Warehouse, connect

ROWS = os.environ.get("WORKBENCH_PARITY_ROWS", "40000")
PIPELINES = ("retail_etl", "anomaly_detection")
# Who wrote a row, and when: not what it says.
OF_THE_RUN = {
    "run_id",
    "model_version",
    "detected_at",
    "_ingested_at",
    "ingested_at",
    "quarantined_at",
    "uri",
}


@dataclass(frozen=True)
class Side:
    """One engine's warehouse after the runs, and their records."""

    warehouse: Warehouse
    runs: dict[str, Run]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What lands: sales and what belongs to them, and a few events and readings."""
    folder = tmp_path_factory.mktemp("feed")
    if ROWS == "demo":
        feed.write(folder)
    else:
        generate(folder, int(ROWS))
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
    for name, row in few.items():
        (folder / name).mkdir(exist_ok=True)
        lines = [json.dumps(row), json.dumps(row), "no JSON at all"]
        (folder / name / "few.jsonl").write_text("\n".join(lines) + "\n")
    return folder


@contextmanager
def side(home: Path, files: Path, environment: dict[str, str]) -> Iterator[Side]:
    """Land the files and run both pipelines."""
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
        for name in (*PIPELINES, "maintenance"):
            runs[name] = run_pipeline(load_pipeline(name), options=RunOptions(strict=True))
            assert runs[name].state == "succeeded", runs[name].error
        yield Side(warehouse, runs)


@pytest.fixture(scope="module")
def sides(
    files: Path, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Side, Side]]:
    """The embedded warehouse, and the one on Redshift."""
    with (
        cluster.database() as name,
        side(tmp_path_factory.mktemp("duckdb") / "home", files, {}) as embedded,
        side(tmp_path_factory.mktemp("redshift") / "home", files, cluster.settings(name)) as remote,
    ):
        yield embedded, remote


Sides = tuple[Side, Side]


@pytest.mark.parametrize(
    "name", [name for name in TABLES if not name.startswith("ops.")] + ["ops.quarantine", "ops.batches"]
)
def test_a_table_holds_the_same_rows_on_both_engines(name: str, sides: Sides) -> None:
    embedded, remote = (each.warehouse for each in sides)
    assert differences(TABLES[name], embedded, remote, OF_THE_RUN) == []


def test_what_was_compared_is_not_nothing(sides: Sides) -> None:
    counts = sides[1].warehouse.counts()
    empty = {name for name, rows in counts.items() if not rows}
    assert not empty & {name for name in TABLES if name.startswith(("core.", "marts.sales"))}, empty


def test_the_records_of_both_runs_tell_the_same_rows(sides: Sides) -> None:
    embedded, remote = sides
    for name in PIPELINES:
        for mine, theirs in zip(embedded.runs[name].stages, remote.runs[name].stages, strict=True):
            assert (mine.name, mine.tables, mine.counts) == (theirs.name, theirs.tables, theirs.counts)


def test_stages_that_need_nothing_of_each_other_run_side_by_side_on_redshift(sides: Sides) -> None:
    def overlap(run: Run) -> bool:
        stages = {stage.name: stage for stage in run.stages}
        first, second = stages["customers"], stages["products"]
        assert first.started_at and first.finished_at and second.started_at and second.finished_at
        return first.started_at < second.finished_at and second.started_at < first.finished_at

    embedded, remote = sides
    assert overlap(remote.runs["retail_etl"]) and not overlap(embedded.runs["retail_etl"])
