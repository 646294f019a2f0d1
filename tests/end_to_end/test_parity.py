"""All pipelines, whole, on both engines: the same files in, the same rows out, and no row that ingestion accepts can
fail or distort a later stage.

``WORKBENCH_PARITY_ROWS`` sets how many lines of sales are taken; the demo's own data has its turn with
``WORKBENCH_PARITY_ROWS=demo``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.parity import differences
from tests.pipelines import SILENT, Shared, Side, run_all
from tests.redshift import Cluster
from workbench.execution import Run
from workbench.schema import DATASETS, TABLES

pytestmark = pytest.mark.soak
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


@pytest.fixture(scope="module")
def sides(
    shared_run: Shared, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Side, Side]]:
    """The embedded warehouse, and the one on Redshift."""
    with cluster.database() as name:
        home = tmp_path_factory.mktemp("redshift") / "home"
        remote = run_all(home, shared_run.files, cluster.settings(name))
        yield shared_run.side, remote


Sides = tuple[Side, Side]


@pytest.mark.parametrize(
    "name",
    [name for name, table in TABLES.items() if not name.startswith("ops.") and table.key]
    + ["ops.quarantine", "ops.batches"],
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
    for name in ("retail_etl", "anomaly_detection"):
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


def test_every_row_that_is_accepted_is_one_fact(sides: Sides) -> None:
    for each in (sides[0].warehouse, sides[1].warehouse):
        for dataset in ("transactions", "events", "measurements"):
            key = ", ".join(DATASETS[dataset].key)
            (row,) = each.query(
                f"SELECT (SELECT count(*) FROM (SELECT DISTINCT {key} FROM raw.{dataset}) AS k) AS landed, "
                f"(SELECT count(*) FROM core.fact_{dataset}) AS facts"
            ).to_pylist()
            assert row["landed"] == row["facts"] > 200
        ledger = each.query(
            "SELECT dataset, sum(rows_accepted) AS n FROM ops.batches WHERE uri LIKE '%edges%' GROUP BY dataset"
        ).to_pylist()
        assert {row["dataset"] for row in ledger if row["n"] > 300} == set(DATASETS)


def test_usual_sales_are_judged_as_if_the_edges_were_not_there(sides: Sides) -> None:
    for each in sides:
        daily = each.warehouse.query("SELECT department, sales_date FROM marts.sales_daily").to_pylist()
        days = Counter(row["department"] for row in daily)
        usual = {department for department, count in days.items() if count > 190}
        trained, *_ = each.runs["anomaly_detection"].stages
        assert trained.metrics["departments"] == len(usual) == 10 < len(days)
        assert trained.metrics["holdout_days"] == 55
        known = each.warehouse.query(
            "SELECT DISTINCT category FROM core.dim_product WHERE product_id LIKE 'P0%' AND category IS NOT NULL"
        ).to_pylist()
        parts = {f"category {row['category']}" for row in known} | {f"store S000{n}" for n in range(1, 10)}
        judged = usual | parts | {"(all departments)"}
        found = each.warehouse.query("SELECT DISTINCT department FROM marts.sales_anomalies").to_pylist()
        assert {row["department"] for row in found} <= judged
        alerts = each.warehouse.query(
            "SELECT subject FROM ops.alerts WHERE kind = 'sales_anomaly'"
        ).to_pylist()
        subjects = {row["subject"] for row in alerts}
        assert f"all sales on {SILENT}" in subjects
        assert {subject.rpartition(" on ")[0] for subject in subjects} <= judged | {"all sales"}
