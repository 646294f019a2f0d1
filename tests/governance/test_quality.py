"""A check has one result a run, the last one."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.governance.quality import CheckResult, record_checks
from workbench.warehouse import Warehouse

UNIQUE = CheckResult("unique_dim_customer", "core.dim_customer", "pass", 0)
FILLED = CheckResult("filled_dim_customer", "core.dim_customer", "pass", 0)


def results(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Return what is kept, by run and check."""
    return warehouse.query(
        "SELECT run_id, check_name, status, failures, message FROM ops.quality_results ORDER BY 1, 2"
    ).to_pylist()


def test_a_check_that_is_done_again_in_a_run_takes_its_earlier_results_place(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_RUN_ID", "one")
    failed = CheckResult("unique_dim_customer", "core.dim_customer", "error", None, "no such table")
    assert record_checks(warehouse, [failed, FILLED]) == 2
    assert record_checks(warehouse, [UNIQUE]) == 1
    assert record_checks(warehouse, [failed], "two") == 1
    kept = [(row["run_id"], row["check_name"], row["status"], row["failures"]) for row in results(warehouse)]
    assert kept == [
        ("one", "filled_dim_customer", "pass", 0),
        ("one", "unique_dim_customer", "pass", 0),
        ("two", "unique_dim_customer", "error", None),
    ]


def test_what_nobody_scheduled_is_by_hand_and_a_long_message_is_cut(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WORKBENCH_RUN_ID", raising=False)
    assert record_checks(warehouse, []) == 0
    record_checks(warehouse, [CheckResult("x", None, "fail", 3, "ü" * 3000)])
    (row,) = results(warehouse)
    assert (row["run_id"], row["failures"], row["message"]) == ("by-hand", 3, "ü" * 1024)


def test_a_check_that_finds_something_is_an_alert_until_it_passes(warehouse: Warehouse) -> None:
    def check(run_id: str, status: Any, failures: int = 0) -> list[tuple[str, str, bool]]:
        record_checks(warehouse, [CheckResult("filled", "core.dim_store", status, failures), FILLED], run_id)
        rows = warehouse.rows("SELECT * FROM ops.alerts ORDER BY raised_at")
        assert {(row["kind"], row["subject"]) for row in rows} <= {("quality", "filled")}
        return [(row["run_id"], row["severity"], row["is_open"]) for row in rows]

    assert check("one", "pass") == []
    assert check("two", "warn", 1) == [("two", "warning", True)]
    assert check("three", "warn", 2) == [("two", "warning", True)]
    assert check("four", "fail", 3) == [("two", "warning", True), ("four", "critical", True)]
    assert check("five", "pass") == [("two", "warning", False), ("four", "critical", False)]
    assert check("six", "fail", 1)[2:] == [("six", "critical", True)]
    (row,) = warehouse.rows("SELECT message FROM ops.alerts WHERE is_open")
    assert row["message"] == "the check filled of core.dim_store found 1 row"
