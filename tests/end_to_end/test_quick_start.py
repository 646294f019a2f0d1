"""The quick start of the README, command by command, in a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.anomaly.sales.training import MIN_DAYS
from workbench.etl.ingest import ingest
from workbench.warehouse import connect

HEADER = "transaction_id,line_number,transaction_timestamp,product_id,store_id,quantity,unit_price,currency"
ROOT = Path(__file__).resolve().parents[2]


def call(*arguments: str, home: Path, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "workbench.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, "WORKBENCH_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == status, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def commands_of(title: str) -> list[str]:
    """Return the lines of the first block of code below a title of the README."""
    section = (ROOT / "README.md").read_text().split(f"## {title}\n")[1].split("\n## ")[0]
    block = next(part for part in section.split("\n\n") if part.startswith("    "))
    return [line.strip() for line in block.splitlines()]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home in which the quick start ran, as the README has it, beside a home with another shop's sale of 2017."""
    place = tmp_path_factory.mktemp("quick")
    (place / "samples").symlink_to(ROOT / "samples")
    (place / ".venv" / "bin").mkdir(parents=True)
    (place / ".venv" / "bin" / "activate").write_text(f"PATH={Path(sys.executable).parent}:$PATH\n")
    other = place / ".workbench"
    call("init", home=other)
    sale = place / "sale.csv"
    sale.write_text(f"{HEADER}\nOTHER,1,2017-03-01 10:00:00,P1,S1,1,2.50,USD\n")
    call("load", str(sale), "--dataset", "transactions", home=other)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(other))
        ingest(connect())
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WORKBENCH_")}
    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join([*commands_of("Quick start"), "echo home: $WORKBENCH_HOME"])],
        cwd=place, env=environment, capture_output=True, text=True, timeout=1800, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    home = Path(done.stdout.rsplit("home: ", 1)[1].strip())
    assert home != other
    return home


@pytest.fixture(autouse=True)
def same_home(started: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(started))


def data_counts() -> dict[str, int]:
    """Rows of every table that holds data; those that only grow by run are left out."""
    growing = ("ops.runs", "ops.lineage", "ops.quality_results", "ops.audit_log")
    return {name: count for name, count in connect().counts().items() if name not in growing}


def test_the_quick_start_leaves_the_home_of_the_demo_alone(
    started: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert connect().counts("marts.retail_sales")["marts.retail_sales"] > 300
    monkeypatch.setenv("WORKBENCH_HOME", str(started.parent))
    rows = connect().query("SELECT transaction_id FROM raw.transactions").to_pylist()
    assert rows == [{"transaction_id": "OTHER"}]
    assert connect().counts("marts.retail_sales") == {"marts.retail_sales": 0}


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


@pytest.mark.soak
def test_the_anomaly_pipeline_says_that_the_sample_is_too_short(started: Path) -> None:
    told = call("run", "anomaly_detection", home=started)
    assert "warning: Daily sales were not judged: " in told
    assert f"there are 60 days of sales, {MIN_DAYS} are needed" in told
    assert connect().counts("marts.sales_anomalies") == {"marts.sales_anomalies": 0}


def test_running_again_changes_no_data(started: Path) -> None:
    before = data_counts()
    call("load", "samples/retail_data.csv", "--dataset", "transactions", home=started)
    call("run", "retail_etl", home=started)
    assert data_counts() == before


@pytest.mark.soak
def test_a_file_refused_whole_stops_nothing_and_is_told_of_in_every_run(
    started: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("transaction_id,line_number\nT1,1\n")
    call("load", str(wrong), "--dataset", "transactions", home=started)
    told = call("run", "retail_etl", home=started)
    assert "warning: wrong-" in told and "product_id" in told
    runs = connect().rows(
        "SELECT stage, state FROM ops.runs WHERE parent_run_id = "
        "(SELECT max(run_id) FROM ops.runs WHERE parent_run_id IS NULL)"
    )
    states = {row["stage"]: row["state"] for row in runs}
    assert set(states.values()) <= {"succeeded", "skipped"}
    assert (states["ingest"], states["marts"]) == ("succeeded", "succeeded")
    # Nothing has changed, so that ingest is skipped; what it said still holds.
    assert "warning: wrong-" in call("run", "retail_etl", home=started)
    assert "warning: wrong-" in call("runs", "show", "latest", home=started)
    page = Path(call("runs", "open", "latest", home=started).split()[-1])
    assert "was refused whole" in page.read_text()
    (alert,) = (
        connect().query("SELECT kind, severity FROM ops.alerts WHERE kind = 'rejected_batch'").to_pylist()
    )
    assert alert["severity"] == "critical"
    for file in (started / "landing" / "transactions").glob("wrong-*"):
        file.unlink()
    assert "warning" not in call("run", "retail_etl", home=started)
