"""Generated data: as many rows as asked for, the same every time, and true to its truth."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import transform
from workbench.demo.generated import planted, sales
from workbench.demo.generated.generate import END, FRAUDS, PERSONS, TRUTH, Truth, generate
from workbench.demo.generated.shop import Plan, invent_shop
from workbench.errors import UsageError
from workbench.etl import events, measurements
from workbench.etl.ingest import ingest
from workbench.sources.files import land
from workbench.warehouse.duckdb import DuckDBWarehouse

ROWS = 60_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    out = tmp_path_factory.mktemp("made") / "out"
    return out, generate(out, ROWS, seed=7)


def digests(out: Path) -> dict[str, str]:
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in out.rglob("*")
        if path.is_file()
    }


def test_ingestion_finds_what_the_truth_says(made: tuple[Path, Truth], warehouse: DuckDBWarehouse) -> None:
    out, truth = made
    land(f"{out}/*/*.csv")
    batches = {batch.dataset: batch for batch in ingest(warehouse).batches}
    sold = batches["transactions"]
    assert (sold.rows_landed, sold.rows_accepted, sold.rows_quarantined) == (
        ROWS,
        truth.accepted,
        truth.quarantined,
    )
    assert sold.rows_duplicate == truth.exact_repeats == 60
    found = warehouse.query("SELECT reasons FROM ops.quarantine").to_pylist()
    assert Counter(row["reasons"][0] for row in found) == truth.reasons
    assert all(len(row["reasons"]) == 1 for row in found)
    for dataset in ("customers", "products", "stores", "exchange_rates", "fraud_labels"):
        rows = sum(count for name, count in truth.rows.items() if name.startswith(dataset))
        assert (batches[dataset].rows_accepted, batches[dataset].status) == (rows, "loaded")


def test_sessions_and_gaps_are_those_that_were_planted(
    made: tuple[Path, Truth], warehouse: DuckDBWarehouse
) -> None:
    out, truth = made
    for name in ("events", "measurements"):
        land(f"{out}/{name}/*.csv")
    ingest(warehouse)
    transform.build("transactions", "events", "measurements")
    found = events.counts(warehouse)
    visits, readings = truth.visits, truth.readings
    assert found["events"] == visits["events"] - visits["repeats"] and found["events_of_nobody"] == 0
    assert (found["sessions"], found["events_stitched"]) == (visits["visits"], visits["told_later"])
    steps = events.funnel(warehouse).set_index("step")
    assert steps["sessions"]["purchase"] == steps["in_order"]["purchase"] == visits["purchases"] > 100
    read = measurements.counts(warehouse)
    assert (read["readings"], read["repeated_readings"], read["conflicting_times"]) == (
        readings["readings"], readings["repeats"], readings["conflicts"],
    )  # fmt: skip
    gaps = warehouse.query(
        "SELECT sensor_id, CAST(gap_from AS VARCHAR) AS gap_from, CAST(gap_to AS VARCHAR) AS gap_to, missing "
        "FROM marts.measurement_gaps WHERE metric = 'temperature' ORDER BY sensor_id"
    ).to_pylist()
    assert gaps == readings["gaps"] and gaps
    # A door is silent every night, and that is told from what isn't usual.
    assert set(measurements.longest_gaps(warehouse, limit=100)["metric"]) == {"temperature"}
    told = measurements.metrics(warehouse).set_index("metric")
    assert (
        (told["gaps"]["visitors"], told["missing"]["visitors"])
        == (0, 0)
        < (told["gaps_as_usual"]["visitors"], 1)
    )
    assert measurements.metrics_by_day(warehouse).groupby("metric")["gaps"].sum().to_dict() == {
        "temperature": len(gaps), "visitors": 0,
    }  # fmt: skip
    assert measurements.silent(warehouse).empty


def test_every_kind_of_fault_is_planted_in_its_share(made: tuple[Path, Truth]) -> None:
    _, truth = made
    assert sorted(truth.reasons) == sorted(planted.REASONS)
    assert sum(truth.reasons.values()) == truth.quarantined == 600
    assert max(truth.reasons.values()) - min(truth.reasons.values()) <= 1


def test_the_planted_anomalies_are_in_the_sales(made: tuple[Path, Truth]) -> None:
    out, truth = made
    db = duckdb.connect()
    db.execute(
        f"CREATE TABLE sold AS SELECT t.*, department, left(transaction_timestamp, 10) AS day "
        f"FROM read_csv('{out}/transactions/*.csv', all_varchar = true, ignore_errors = true) t "
        f"JOIN '{out}/products/products.csv' USING (product_id)"
    )
    kinds = Counter(item["kind"] for item in truth.anomalies)
    assert kinds == {"store_day_spike": 3, "department_outage": 2}
    for item in truth.anomalies:
        if item["kind"] == "department_outage":
            on = f"department = '{item['department']}' AND day IN ({', '.join(map(repr, item['dates']))})"
            assert db.execute(f"SELECT count(*) FROM sold WHERE {on}").fetchone() == (0,)
            usual = f"SELECT count(*) / 365 FROM sold WHERE department = '{item['department']}'"
            assert db.execute(usual).fetchone()[0] > 5
        else:
            on = f"store_id = '{item['store_id']}' AND day = '{item['dates'][0]}'"
            (lines,) = db.execute(f"SELECT count(*) FROM sold WHERE {on}").fetchone()
            assert abs(lines - item["lines"]) <= 0.05 * item["lines"]
            assert item["lines"] > 3 * item["usual_lines"]


def test_the_planted_frauds_are_in_the_sales_and_judged(made: tuple[Path, Truth]) -> None:
    out, truth = made
    db = duckdb.connect()
    db.execute(f"CREATE TABLE frauds AS FROM read_csv('{out / FRAUDS}', all_varchar = true)")
    assert dict(db.execute("SELECT kind, count(*) FROM frauds GROUP BY 1").fetchall()) == truth.frauds
    db.execute(f"CREATE TABLE labels AS FROM '{out}/fraud_labels/*.csv'")
    judged = "SELECT count(*) FILTER (is_fraud), count(*) FROM labels WHERE is_fraud = (transaction_id IN (SELECT transaction_id FROM frauds))"
    assert db.execute(judged).fetchone() == (
        sum(truth.frauds.values()), truth.rows["fraud_labels/fraud_labels.csv"],
    )  # fmt: skip
    db.execute(
        f"CREATE TABLE sold AS SELECT transaction_id, sum(TRY_CAST(quantity AS DOUBLE) * TRY_CAST(unit_price AS DOUBLE)) AS paid "
        f"FROM read_csv('{out}/transactions/*.csv', all_varchar = true, ignore_errors = true) GROUP BY 1"
    )
    paid = dict(
        db.execute(
            "SELECT kind, avg(paid) FROM sold LEFT JOIN frauds USING (transaction_id) GROUP BY 1"
        ).fetchall()
    )
    assert paid["stolen card"] > 3 * paid[None]
    assert sum(truth.frauds.values()) > 30


def test_sales_have_a_week(made: tuple[Path, Truth]) -> None:
    out, _ = made
    rows = duckdb.sql(
        f"SELECT isodow(TRY_CAST(transaction_timestamp AS TIMESTAMP)) AS day, count(*) FROM "
        f"read_csv('{out}/transactions/*.csv', all_varchar = true, ignore_errors = true) GROUP BY 1"
    ).fetchall()
    sold = dict(rows)
    assert sold[6] > sold[5] > sold[4]
    assert sold[6] > 1.5 * sold[2]


def test_customers_of_the_sales_are_in_the_truth(made: tuple[Path, Truth]) -> None:
    out, truth = made
    with (out / PERSONS).open(newline="") as file:
        persons = {row["customer_id"]: row["person_id"] for row in csv.DictReader(file)}
    assert (len(persons), len(set(persons.values()))) == (truth.customer_ids, truth.persons)
    assert truth.persons == pytest.approx(0.95 * truth.customer_ids, abs=1)
    sold = duckdb.sql(
        f"SELECT DISTINCT customer_id "
        f"FROM read_csv('{out}/transactions/*.csv', all_varchar = true, ignore_errors = true) "
        "WHERE customer_id IS NOT NULL"
    ).fetchall()
    assert {row[0] for row in sold} <= set(persons)
    assert {row["customer_id"] for row in csv.DictReader((out / "customers/customers.csv").open())} == set(
        persons
    )


def test_the_truth_on_disk_is_the_truth_returned(made: tuple[Path, Truth]) -> None:
    out, truth = made
    told = json.loads((out / TRUTH).read_text())
    assert told["reasons"] == truth.reasons
    assert told["anomalies"] == truth.anomalies
    assert told["rows"] == truth.rows
    for name, count in truth.rows.items():
        assert (out / name).read_bytes().count(b"\n") == count + 1


def test_a_seed_decides_every_byte(tmp_path: Path) -> None:
    generate(tmp_path / "a", 3_000, seed=1)
    generate(tmp_path / "b", 3_000, seed=1)
    generate(tmp_path / "c", 3_000, seed=2)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert (
        digests(tmp_path / "a")["transactions/transactions.csv"]
        != digests(tmp_path / "c")["transactions/transactions.csv"]
    )


def test_slices_join_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(5_000, 3, 100, 50, END, 60, 5, 60, 50, 1, 1)
    for name, size in (("one.csv", 1_000_000), ("many.csv", 700)):
        monkeypatch.setattr(sales, "_SLICE", size)
        with sales.engine(tmp_path / "spill") as connection:
            sales.write(connection, plan, invent_shop(plan), tmp_path / name)
    one, many = ((tmp_path / name).read_bytes().splitlines() for name in ("one.csv", "many.csv"))
    assert one[0] == many[0]
    assert sorted(one) == sorted(many)
    assert len(one) == 5_001


@settings(max_examples=15)
@given(rows=st.integers(1, 400), share=st.floats(0, 0.5), seed=st.integers(0, 2**40))
def test_the_number_of_lines_is_exact(
    tmp_path_factory: pytest.TempPathFactory, rows: int, share: float, seed: int
) -> None:
    plan = Plan(rows, seed, round(rows * share), rows // 10, END, 60, 4, 40, 40, 1, 1)
    path = tmp_path_factory.mktemp("few") / "few.csv"
    with sales.engine(path.parent / "spill") as connection:
        drawn = sales.write(connection, plan, invent_shop(plan), path)
    assert path.read_bytes().count(b"\n") == rows + 1
    assert sum(drawn.reasons.values()) == plan.bad


def test_data_of_before_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    kept = tmp_path / "transactions/mine.csv"
    generate(tmp_path, 100, returns_share=0.5, seed=-1)
    kept.write_text("mine")
    generate(tmp_path, 100)
    generate(tmp_path / "fresh", 100)
    there = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    fresh = {path.relative_to("fresh") for path in there if path.parts[0] == "fresh"}
    assert {path for path in there if path.parts[0] != "fresh"} == fresh | {kept.relative_to(tmp_path)}
    assert all((tmp_path / each).read_bytes() == (tmp_path / "fresh" / each).read_bytes() for each in fresh)
    # What lies in a folder of others is theirs, whatever it is called.
    theirs = tmp_path / "theirs/transactions/returns.csv"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")
    generate(tmp_path / "theirs", 100, force=True)
    generate(tmp_path / "theirs", 100)
    assert theirs.read_text() == "theirs"


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"thesis\.txt"):
        generate(tmp_path, 100)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    generate(tmp_path, 100, force=True)
    assert (tmp_path / "thesis.txt").read_text() == "mine"
    generate(tmp_path, 50)
    assert (tmp_path / "transactions/transactions.csv").read_bytes().count(b"\n") == 51


@pytest.mark.parametrize(
    ("rows", "share", "message"),
    [(0, 0.01, "--rows"), (-5, 0.01, "--rows"), (10, -0.1, "--bad-share"), (10, 0.6, "--bad-share")],
)
def test_numbers_out_of_range_are_refused(tmp_path: Path, rows: int, share: float, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        generate(tmp_path / "out", rows, bad_share=share)
    assert not (tmp_path / "out").exists()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "workbench.cli", "generate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=dict(os.environ), check=False)


def test_the_command_prints_the_truth_as_json(tmp_path: Path) -> None:
    done = run("--rows", "500", "--out", str(tmp_path / "out"), "--bad-share", "0.1", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert (told["accepted"], told["quarantined"]) == (450, 50)


def test_the_command_refuses_in_one_line(tmp_path: Path) -> None:
    done = run("--rows", "0", "--out", str(tmp_path / "out"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "workbench: --rows must be 1 or more, not 0\n"
