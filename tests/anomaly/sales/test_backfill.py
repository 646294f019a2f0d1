"""A backfill of the detection leaves what a run of the whole leaves, whatever kills it on its way."""

from __future__ import annotations

import datetime as dt
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from workbench.anomaly import TrainingResult, detect_sales
from workbench.anomaly.sales.training import read_sales
from workbench.errors import UsageError
from workbench.execution import RunOptions, run_pipeline
from workbench.schema import table
from workbench.warehouse import Warehouse, connect

from ..data import DAYS, START

LAST = START + dt.timedelta(days=DAYS - 1)
RANGE = ("--start", str(START), "--end", str(LAST))
NOT_OF_A_RUN = {"run_id", "raised_at"}


def rows(warehouse: Warehouse, name: str) -> list[tuple[Any, ...]]:
    """All rows of a table, but for which run wrote them and when."""
    columns = ", ".join(each for each in table(name).column_names if each not in NOT_OF_A_RUN)
    return sorted(tuple(row.values()) for row in warehouse.query(f"SELECT {columns} FROM {name}").to_pylist())


def tables(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    return {name: rows(warehouse, name) for name in ("marts.sales_anomalies", "ops.alerts")}


# Ends itself as it tells of the second chunk.
KILLED = """
import os
from workbench.cli import main
from workbench.execution.backfill import progress
told = progress.tell
def deadly(text):
    if text.startswith("  2/3 "):
        os.kill(os.getpid(), 9)
    told(text)
progress.tell = deadly
main()
"""


def run(*program: str, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *program, "backfill", "anomaly_detection", *RANGE, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)


def backfill(*arguments: str) -> dict[str, Any]:
    done = run("-m", "workbench.cli", arguments=("--json", *arguments))
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def states(result: dict[str, Any]) -> list[str]:
    return [chunk["state"] for chunk in result["chunks"]]


@pytest.fixture
def judged_whole(trained: TrainingResult, home: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What a run of the whole left; the tables are empty again, and wrong rows are where a chunk comes."""
    run = run_pipeline("anomaly_detection", {"trees": 20}, RunOptions(strict=True))
    assert run.state == "succeeded", run.error
    whole = tables(connect())
    assert all(whole.values())
    connect().execute("DELETE FROM ops.alerts")
    connect().execute("UPDATE marts.sales_anomalies SET score = score + 1")
    return whole


@pytest.mark.soak
def test_chunk_by_chunk_with_a_kill_in_between_it_is_as_at_once(judged_whole: dict[str, Any]) -> None:
    killed = run("-c", KILLED, arguments=("--chunk", "13w"))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert tables(connect()) != judged_whole
    resumed = states(backfill("--chunk", "13w"))
    assert resumed[:2] == ["done before"] * 2
    assert "succeeded" in resumed and set(resumed) == {"done before", "succeeded"}
    assert tables(connect()) == judged_whole
    # Once more, nothing is left to do; and done again all is as it was.
    assert states(backfill("--chunk", "13w")) == ["done before"] * 3
    assert states(backfill("--chunk", "17w", "--rerun")) == ["succeeded"] * 2
    assert tables(connect()) == judged_whole


def test_a_range_is_judged_by_the_days_before_it_and_leaves_all_others(trained: TrainingResult) -> None:
    whole = detect_sales(connect(), run_id="whole").anomalies
    first, last = dt.date(2024, 7, 1), dt.date(2024, 7, 31)
    inside = whole[(whole["sales_date"] >= first) & (whole["sales_date"] <= last)]
    found = detect_sales(connect(), first_day=first, last_day=last, run_id="part").anomalies
    assert 0 < len(inside) == len(found) < len(whole)
    pd.testing.assert_frame_equal(
        found.drop(columns="run_id").reset_index(drop=True),
        inside.drop(columns="run_id").reset_index(drop=True),
    )
    by_run = connect().query(
        "SELECT run_id, min(sales_date) AS first, max(sales_date) AS last, count(*) AS n "
        "FROM marts.sales_anomalies GROUP BY run_id"
    )
    counts = {row["run_id"]: row for row in by_run.to_pylist()}
    assert counts["part"]["n"] == len(inside) and counts["whole"]["n"] == len(whole) - len(inside)
    assert first <= counts["part"]["first"] <= counts["part"]["last"] <= last


@pytest.mark.usefixtures("trained")
def test_open_ends_are_the_ends_of_the_data_and_silent_days_are_told_once() -> None:
    warehouse = connect()
    silent = LAST - dt.timedelta(days=3)
    warehouse.execute("DELETE FROM marts.sales_daily WHERE sales_date = ?", [silent])
    assert read_sales(warehouse).silent_days == (silent,)
    detect_sales(warehouse)
    whole = tables(warehouse)
    warehouse.execute("DELETE FROM ops.alerts")
    warehouse.execute("DELETE FROM marts.sales_anomalies")
    detect_sales(warehouse, last_day=silent - dt.timedelta(days=1))
    subjects = f"SELECT count(*) AS n FROM ops.alerts WHERE subject = 'all sales on {silent}'"
    assert warehouse.query(subjects).to_pylist() == [{"n": 0}]
    detect_sales(warehouse, first_day=silent)
    assert warehouse.query(subjects).to_pylist() == [{"n": 1}]
    assert tables(warehouse) == whole
    with pytest.raises(UsageError, match="can't be given with a first or last day"):
        detect_sales(warehouse, days=3, first_day=silent)


@pytest.mark.soak
def test_ranges_are_as_the_whole_on_redshift(
    trained: TrainingResult, redshift_warehouse: Warehouse, home: Path
) -> None:
    here = connect(f"duckdb:///{home / 'warehouse.duckdb'}")
    detect_sales(here)
    redshift_warehouse.append(
        "marts.sales_daily", here.frame("SELECT * FROM marts.sales_daily ORDER BY sales_date, department")
    )
    detect_sales(redshift_warehouse, last_day=dt.date(2024, 7, 20))
    detect_sales(redshift_warehouse, first_day=dt.date(2024, 7, 1))
    assert tables(redshift_warehouse) == tables(here)
