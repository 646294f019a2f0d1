"""Spark judges large files in parts: the same rows, numbers, records and reasons as DuckDB alone, in Parquet for COPY."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import boto3
import pytest

from tests.etl.ingestion.parts import landed, planned, whole, written
from tests.etl.ingestion.test_parts import RECORDS
from tests.etl.lines import HEADER, line
from tests.project import ROOT
from tests.redshift import BUCKET, ROLE, Cluster
from workbench.etl.ingest import ingest
from workbench.schema import DATASETS, create_table, quote
from workbench.sources.files import land
from workbench.warehouse import Warehouse

PYTHON = ROOT / ".venv-spark" / "bin" / "python"
TABLE = DATASETS["transactions"]


@pytest.fixture(scope="module", autouse=True)
def spark() -> None:
    """Skipped where Spark's environment or Java is missing."""
    if not PYTHON.exists() or not shutil.which("java"):
        pytest.skip("Spark has no environment here, or there is no Java; make it with: make test-spark")


def nasty(path: Path, seed: int, records: int) -> Path:
    """Write a file in which every fault that a record can have comes again and again."""
    draw = random.Random(seed)
    lines = [draw.choice([*RECORDS, line(transaction_id=f"T{n}").encode()]) for n in range(records)]
    ends = [b"\n", b"\n", b"\r\n", b"\r"] if seed % 2 else [b"\n"]
    # Broken letters among whole ones: a file of broken ones alone would be one in another encoding.
    body = b"".join(each + draw.choice(ends) for each in [line(customer_id="Žižka").encode(), *lines])
    path.write_bytes(HEADER.encode() + b"\n" + body)
    return path


def test_what_spark_judges_is_what_duckdb_judges_and_copy_loads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: Cluster
) -> None:
    monkeypatch.setenv("WORKBENCH_LONGEST_LINE", "1024")
    files = [landed(nasty(tmp_path / f"{seed}.csv", seed, 250)) for seed in range(4)]
    plans = [planned(file, tmp_path, 9_000) for file in files]
    assert all(plans)
    asked = []
    for number, found in enumerate(plans):
        asked.append(tmp_path / f"{number}.json")
        asked[-1].write_text(found.request.model_dump_json() if found else "")
    done = subprocess.run(
        [PYTHON, "-m", "workbench.etl.ingestion.parts", *asked], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    outs = [found.request.out for found in plans if found]
    for file, out, told in zip(files, outs, map(json.loads, done.stdout.splitlines()), strict=True):
        accepted, refused = whole(file)
        assert told == {
            "parts": len(list(out.glob("accepted/*"))),
            "accepted": len(accepted),
            "refused": len(refused),
        }
        assert told["parts"] > 3 and accepted and refused
        assert written(out) == (accepted, refused)

    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    for file in outs[0].glob("accepted/*.parquet"):
        client.upload_file(str(file), BUCKET, f"judged/{file.name}")
    columns = ", ".join(map(quote, TABLE.column_names))
    with cluster.database() as name, cluster.session(name) as session:
        session.execute(f"CREATE SCHEMA IF NOT EXISTS {TABLE.schema}")
        session.execute(create_table(TABLE, "redshift")[0])
        session.execute(
            f"COPY {TABLE.full_name} ({columns}) FROM 's3://{BUCKET}/judged/' IAM_ROLE '{ROLE}' FORMAT AS PARQUET"
        )
        names = ", ".join(quote(each) for each in TABLE.column_names if each != "_ingested_at")
        loaded = session.execute(f"SELECT {names} FROM {TABLE.full_name} ORDER BY _row_number").fetchall()
    assert [tuple(row) for row in loaded] == whole(files[0])[0]


def test_a_size_chooses_spark_and_the_ledger_says_the_same(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sales.csv"
    good = [line(transaction_id=f"T{n}", customer_id='"C, 1"' if n % 7 else "") for n in range(20_000)]
    # Repeats, two rows that contradict each other, a column more, and rows to refuse.
    good[500] = good[499]
    odd = [
        line(transaction_id="T1", quantity="9"),
        *[line(quantity="0")] * 30,
        *[line(currency="")] * 9,
        "T1,1",
    ]
    path.write_text("\n".join([HEADER, *good, *odd]) + "\n")
    monkeypatch.setenv("WORKBENCH_SPARK_FROM", "1")
    monkeypatch.setenv("WORKBENCH_SPARK_PART", "1")
    monkeypatch.setenv("WORKBENCH_SPARK_PROGRAM", str(PYTHON))
    land(str(path), "transactions")
    rows = f"SELECT * EXCLUDE (_batch_id, _ingested_at) FROM {TABLE.full_name} ORDER BY _row_number"
    refused = "SELECT row_number, record, reasons, form FROM ops.quarantine ORDER BY row_number"
    outcomes = []
    for least in ("1", "0"):
        monkeypatch.setenv("WORKBENCH_SPARK_FROM", least)
        (batch,) = ingest(warehouse).batches
        counts = (
            batch.rows_accepted,
            batch.rows_quarantined,
            batch.rows_duplicate,
            batch.verdict,
            batch.message,
        )
        outcomes.append((counts, warehouse.query(rows).to_pylist(), warehouse.query(refused).to_pylist()))
        for name in (TABLE.full_name, "ops.quarantine", "ops.batches", "ops.landed_files"):
            warehouse.execute(f"DELETE FROM {name}")
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][0][:3] == (20_001, 40, 1)
