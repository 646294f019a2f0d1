"""Every line that landed is accounted for, down to the facts, and so is every row of a build; what isn't is told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.transform.landing import entry, line, rows
from workbench import transform
from workbench.errors import WorkFailed
from workbench.etl.quality import ledger, store_checks
from workbench.governance.accounts import Lines, check_builds, check_lines, lines
from workbench.governance.withdrawal import withdraw
from workbench.warehouse import Warehouse

FACT = "core.fact_transactions"


def take(warehouse: Warehouse, batch: int, *values: dict[str, Any], dataset: str = "transactions") -> str:
    """Land a batch as ingestion does, with its entry in the ledger; return its id."""
    landed = rows(dataset, batch, values)
    warehouse.append(f"raw.{dataset}", landed)
    warehouse.execute(*entry(landed, dataset))
    return str(landed["_batch_id"][0])


def checks(warehouse: Warehouse, beginning: str) -> dict[str, tuple[str, int]]:
    found = warehouse.rows("SELECT check_name, status, failures FROM ops.quality_results")
    return {
        row["check_name"]: (row["status"], row["failures"])
        for row in found
        if row["check_name"].startswith(beginning)
    }


@pytest.fixture
def landed(warehouse: Warehouse) -> list[str]:
    """Batches in which lines are corrected and repeated, built."""
    first = take(warehouse, 1, line("T1"), line("T1", 2), line("T2"), line("T3"))
    # T1 is corrected twice, once to what it was; T2 is repeated within a file, T1's second line by a later one.
    second = take(
        warehouse, 2, line("T1", quantity="2"), line("T2"), line("T2"), line("T1", 2), line("T1"), line("T4")
    )
    take(warehouse, 3, {"store_id": "S1", "updated_at": "2017-01-01"}, dataset="stores")
    # An earlier version took in times that no line has now.
    early = take(warehouse, 4, line("T5", at="1600-01-01 00:00:00"))
    transform.build()
    return [first, second, early]


def test_each_line_is_accounted_for(warehouse: Warehouse, landed: list[str]) -> None:
    sales, stores = lines(warehouse)
    assert sales == Lines("transactions", 3, 11, 0, 11, 0, 11, 1, 4, 1, 0, 5) and not sales.lost
    assert stores == Lines("stores", 1, 1, 0, 1, 0, 1, 0, 0, 0, 0, None) and not stores.lost
    take(warehouse, 5, line("T1", quantity="3"), line("T9"))
    waiting = lines(warehouse)[0]
    assert (waiting.waiting, waiting.raw, waiting.facts, waiting.lost) == (2, 13, 5, 0)
    withdraw(warehouse, landed[1], "not ours", "ann")
    # Until the next build, all that is left of these receipts waits, and so do their facts.
    gone = lines(warehouse)[0]
    assert (gone.accepted, gone.withdrawn, gone.raw, gone.facts, gone.lost) == (13, 6, 7, 1, 0)
    transform.build()
    after = lines(warehouse)[0]
    assert after == Lines("transactions", 4, 13, 0, 13, 6, 7, 1, 0, 1, 0, 5) and not after.lost
    totals = ledger(warehouse).set_index("dataset").loc["transactions"]
    assert (totals["accepted"], totals["withdrawn"], totals["raw"], bool(totals["balanced"])) == (
        13,
        6,
        7,
        True,
    )


@pytest.mark.parametrize(
    "statement",
    [
        f"DELETE FROM {FACT} WHERE transaction_id = 'T2'",
        "DELETE FROM raw.transactions WHERE transaction_id = 'T3'",
        "UPDATE ops.batches SET rows_accepted = rows_accepted + 1 WHERE rows_landed = 6",
        "UPDATE ops.batches SET rows_withdrawn = 1 WHERE rows_landed = 6",
        "UPDATE ops.batches SET rows_quarantined = 1 WHERE rows_landed = 6",
    ],
)
def test_a_line_that_is_lost_is_told(warehouse: Warehouse, landed: list[str], statement: str) -> None:
    assert [each.lost for each in check_lines(warehouse)] == [0, 0]
    passed = {"lines_add_up_transactions": ("pass", 0), "lines_add_up_stores": ("pass", 0)}
    assert checks(warehouse, "lines_") == passed
    warehouse.execute(statement)
    with pytest.raises(WorkFailed, match=r"lines are unaccounted for: \d of transactions; .*batches ledger"):
        check_lines(warehouse)
    status, failures = checks(warehouse, "lines_")["lines_add_up_transactions"]
    assert status == "fail" and failures > 0


def test_builds_add_up_and_a_row_that_others_take_away_is_told(
    warehouse: Warehouse, landed: list[str]
) -> None:
    take(warehouse, 5, line("T1", quantity="3"), line("T9"))
    result = transform.build()
    stored = store_checks(warehouse, result)
    assert stored == len(result.tests)
    found = checks(warehouse, "builds_")
    assert found == {f"builds_add_up_{name.table}": ("pass", 0) for name in result.models}
    warehouse.execute(f"DELETE FROM {FACT} WHERE transaction_id = 'T2'")
    with pytest.raises(WorkFailed, match=f"{FACT}: its last build left 6 rows, and it has 5. Build all"):
        check_builds(warehouse, [FACT, "core.dim_date"])
    assert checks(warehouse, "builds_")[f"builds_add_up_{FACT}"] == ("fail", 1)
    # The next build starts from what is there, and what is there isn't what the one before left.
    take(warehouse, 6, line("T10"))
    with pytest.raises(WorkFailed, match=f"{FACT}: build of .*: what it did makes 7 rows, and it left 6"):
        store_checks(warehouse, transform.build("transactions"))
    store_checks(warehouse, transform.build(full_refresh=True))
    take(warehouse, 7, line("T11"))
    store_checks(warehouse, transform.build())


def test_a_build_that_offered_more_than_it_accounts_for_is_told(warehouse: Warehouse) -> None:
    warehouse.execute(
        "INSERT INTO ops.builds (run_id, model, table_name, rows_offered, rows_inserted, rows_updated, rows_unchanged, "
        "rows_removed, rows_now, built_at) VALUES ('r', 'fact_transactions', ?, 3, 1, 1, 0, 0, 0, ?)",
        [FACT, datetime(2024, 1, 1)],
    )
    with pytest.raises(WorkFailed, match="2024-01-01 00:00:00: 3 rows were offered, 2 accounted for"):
        check_builds(warehouse, [FACT])


def test_a_build_on_a_machine_whose_clock_is_ahead_comes_before_the_next(
    warehouse: Warehouse, landed: list[str]
) -> None:
    warehouse.execute("UPDATE ops.builds SET built_at = TIMESTAMP '2999-01-01 00:00:00'")
    take(warehouse, 5, line("T9"))
    store_checks(warehouse, transform.build())
    (row,) = warehouse.rows(
        "SELECT count(*) AS n FROM ops.builds WHERE built_at > TIMESTAMP '2999-01-01 00:00:00'"
    )
    assert row["n"] > 3
