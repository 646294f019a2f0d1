"""No row that ingestion accepts can fail or distort a later stage, on either engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from tests import edges
from tests.end_to_end.test_parity import OF_THE_RUN, Sides
from tests.parity import differences
from tests.pipelines import Side, run_all
from tests.project import HEADER
from tests.redshift import Cluster
from workbench.schema import DATASETS, TABLES, Table

SILENT = date(2024, 12, 18)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Edge rows of every dataset, after a year of usual sales that lacks a day."""
    folder = tmp_path_factory.mktemp("edges")
    edges.write(folder)
    chance = np.random.default_rng(7)
    lines = [HEADER]
    for day in (date(2024, 1, 1) + timedelta(days=n) for n in range(365)):
        lines += [
            f"U{day}-{number},1,{day}T12:00:00,,usual {number % 3},S1,{chance.integers(1, 9)},2.50,0,USD,store"
            for number in range(0 if day == SILENT else 24)
        ]
    (folder / "transactions" / "a_usual.csv").write_text("\n".join(lines) + "\n")
    products = [
        {"product_id": f"usual {n}", "updated_at": "2024-01-01", "department": f"USUAL {n}", "category": "C"}
        for n in range(3)
    ]
    (folder / "products" / "usual.jsonl").write_text("\n".join(map(json.dumps, products)) + "\n")
    return folder


@pytest.fixture(scope="module")
def sides(
    files: Path, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Side, Side]]:
    """Both engines after both pipelines have run, to their end."""
    embedded = run_all(tmp_path_factory.mktemp("duckdb") / "home", files, {})
    with cluster.database() as name:
        yield embedded, run_all(tmp_path_factory.mktemp("redshift") / "home", files, cluster.settings(name))


def test_every_row_that_is_accepted_is_one_fact(sides: Sides) -> None:
    for each in (sides[0].warehouse, sides[1].warehouse):
        for fact, dataset in (
            ("transactions", "transactions"),
            ("events", "events"),
            ("measurements", "measurements"),
        ):
            key = ", ".join(DATASETS[dataset].key)
            (row,) = each.query(
                f"SELECT (SELECT count(*) FROM (SELECT DISTINCT {key} FROM raw.{dataset}) AS k) AS landed, "
                f"(SELECT count(*) FROM core.fact_{fact}) AS facts"
            ).to_pylist()
            assert row["landed"] == row["facts"] > 200
        ledger = each.query(
            "SELECT dataset, sum(rows_accepted) AS n FROM ops.batches GROUP BY dataset"
        ).to_pylist()
        assert {row["dataset"] for row in ledger if row["n"] > 300} == set(DATASETS)


def test_usual_sales_are_judged_as_if_the_edges_were_not_there(sides: Sides) -> None:
    for each in sides:
        trained, *_ = each.runs["anomaly_detection"].stages
        assert (trained.metrics["departments"], trained.metrics["holdout_days"]) == (3, 55)
        alerts = each.warehouse.query(
            "SELECT subject FROM ops.alerts WHERE kind = 'sales_anomaly'"
        ).to_pylist()
        assert [row["subject"] for row in alerts] == [f"all sales on {SILENT}"]
        found = each.warehouse.query("SELECT DISTINCT department FROM marts.sales_anomalies").to_pylist()
        assert {row["department"] for row in found} <= {f"USUAL {n}" for n in range(3)}


@pytest.mark.parametrize(
    "table", [t for t in TABLES.values() if t.schema != "ops" and t.key], ids=lambda table: table.full_name
)
def test_both_engines_make_the_same_of_the_edges(table: Table, sides: Sides) -> None:
    embedded, remote = (each.warehouse for each in sides)
    assert differences(table, embedded, remote, OF_THE_RUN) == []
