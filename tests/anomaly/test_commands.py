"""``workbench detect`` and ``workbench models`` answer people and programs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import typer
from typer.testing import CliRunner, Result

from workbench.anomaly import TrainingResult
from workbench.anomaly.sales.training import MIN_DAYS
from workbench.commands.anomalies import detect, models
from workbench.errors import UsageError
from workbench.warehouse import Warehouse


@pytest.fixture
def app() -> typer.Typer:
    program = typer.Typer()
    for module in (detect, models):
        module.register(program)
    return program


def call(app: typer.Typer, *arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=True)


SALES = (
    "detect",
    "--table",
    "sales_daily",
    "--date-column",
    "sales_date",
    "--measure",
    "net_amount_reporting",
)


@pytest.mark.usefixtures("trained")
def test_detect_prints_a_table_and_a_sentence(app: typer.Typer) -> None:
    result = call(app, *SALES, "--by", "department", "--limit", "3")
    assert result.exit_code == 0, result.output
    assert "expected" in result.output
    assert "MEAT" in result.output
    assert "... and " in result.output
    assert "marts.sales_daily: sum of net_amount_reporting a day by department: " in result.output


@pytest.mark.usefixtures("trained")
def test_detect_prints_json(app: typer.Typer) -> None:
    result = call(app, *SALES, "--by", "department", "--json")
    data = json.loads(result.stdout)
    assert data["method"] == "random forest"
    found = {(row["series"], row["day"]) for row in data["anomalies"]}
    assert ("MEAT", "2024-03-12") in found


@pytest.mark.usefixtures("warehouse")
def test_detect_finds_nothing_and_is_done(app: typer.Typer) -> None:
    result = call(app, *SALES)
    assert result.exit_code == 0
    assert "nothing could be judged" in result.output


@pytest.mark.usefixtures("warehouse")
def test_a_wrong_name_is_a_usage_error(app: typer.Typer) -> None:
    result = call(app, "detect", "--table", "sales_dayly", "--date-column", "sales_date")
    assert isinstance(result.exception, UsageError)
    assert result.exception.exit_status == 2
    assert call(app, "detect", "--date-column", "sales_date").exit_code == 2


def test_models_says_when_nothing_is_trained(app: typer.Typer, home: Path) -> None:
    result = call(app, "models")
    assert result.exit_code == 0
    assert "No model is registered yet; train one with: workbench run anomaly_detection" in result.output
    assert f"sales_daily: {MIN_DAYS} days of sales are needed." in result.output
    assert "fraud_transactions: 88 days of sales and 20 known frauds are needed." in result.output
    assert json.loads(call(app, "models", "--json").stdout) == []
    assert not home.exists()


def test_models_is_told_by_a_file_that_is_no_warehouse_of_ours_what_is_needed(
    app: typer.Typer, home: Path
) -> None:
    home.mkdir(parents=True)
    duckdb.connect(str(home / "warehouse.duckdb")).close()
    assert f"sales_daily: {MIN_DAYS} days of sales are needed." in call(app, "models").output


def test_models_waits_for_nobody_who_writes(app: typer.Typer, warehouse: Warehouse, home: Path) -> None:
    writes = (
        "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", writes, str(home / "warehouse.duckdb")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        assert other.stdout is not None and other.stdin is not None
        assert other.stdout.readline() == "held\n"
        told = call(app, "models")
        other.stdin.close()
    assert told.exit_code == 0, told.output
    assert "fraud_transactions: 88 days of sales and 20 known frauds are needed." in told.output


def test_models_lists_and_promotes(app: typer.Typer, trained: TrainingResult) -> None:
    listed = call(app, "models")
    assert listed.exit_code == 0, listed.output
    assert "sales_daily" in listed.output and "champion" in listed.output
    (version,) = json.loads(call(app, "models", "--json").stdout)
    assert version["metrics"]["wape"] == pytest.approx(trained.metrics["wape"])
    promoted = call(app, "models", "promote", "sales_daily", "1")
    assert "sales_daily version 1 is champion." in promoted.output
    assert json.loads(call(app, "models", "promote", "sales_daily", "1", "--json").stdout)["version"] == "1"
    wrong = call(app, "models", "promote", "sales_daly", "1")
    assert isinstance(wrong.exception, UsageError)


def test_the_program_exits_2_with_one_line(warehouse: Warehouse, home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "workbench.cli", "detect", "--table", "nowhere", "--date-column", "day"],
        capture_output=True, text=True, check=False, cwd=home,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("workbench: unknown table 'nowhere'")
    assert "Traceback" not in done.stderr


def test_help_needs_no_heavy_library() -> None:
    code = (
        "import sys, typer; from workbench.commands.anomalies import detect, models; app = typer.Typer();"
        "detect.register(app); models.register(app);"
        "sys.exit(bool({'pandas', 'mlflow', 'sklearn', 'duckdb', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
