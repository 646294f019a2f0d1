"""Tables are too old where a stage that writes them hasn't come to a good end since the clock said so."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.execution.notebooks import notebook, pipeline
from workbench.execution.pipeline.pipeline import Pipeline, load_pipeline
from workbench.execution.scheduling.stale import check_fresh
from workbench.warehouse import Warehouse


@pytest.fixture
def warehouse(either: Warehouse) -> Warehouse:
    """An empty warehouse, on DuckDB and on Redshift."""
    return either


@pytest.fixture
def nightly(tmp_path: Path) -> list[Pipeline]:
    """A pipeline that is due at two, two o'clock in Berlin, of two stages and a report; and one that follows it."""
    stages: dict[str, dict[str, object]] = {
        "facts": {"writes": ["core.fact_transactions", "ops.alerts"]},
        "marts": {
            "writes": ["marts.sales_daily", "marts.sales_weekly"],
            "reads": ["core.fact_transactions"],
            "partitioned": {"first_day": "first", "last_day": "last"},
        },
        "report": {"writes": ["report"]},
    }
    schedule = {"cron": "0 2 * * *", "timezone": "Europe/Berlin"}
    folder = pipeline(tmp_path / "nightly", stages, schedule=schedule)
    follower = pipeline(tmp_path / "after", {"facts": {}}, schedule={"on": ["marts.sales_daily"]})
    for name in stages:
        notebook(folder / f"{name}.ipynb")
    notebook(follower / "facts.ipynb")
    return [load_pipeline(folder), load_pipeline(follower)]


def ended(
    warehouse: Warehouse, stage: str, at: str, state: str = "succeeded", parameters: str | None = None
) -> None:
    warehouse.execute(
        "INSERT INTO ops.runs (run_id, pipeline, stage, state, finished_at, parameters) "
        "VALUES (?, 'nightly', ?, ?, ?, ?)",
        [f"{at}.{stage}", stage, state, datetime.fromisoformat(at), parameters],
    )


def look(warehouse: Warehouse, nightly: list[Pipeline], at: str) -> list[str]:
    return [
        alert.message
        for alert in check_fresh(warehouse, nightly, datetime.fromisoformat(at).replace(tzinfo=UTC))
    ]


def states(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    rows = warehouse.rows("SELECT kind, subject, is_open FROM ops.alerts ORDER BY raised_at")
    return [tuple(row.values()) for row in rows]


def test_a_table_is_too_old_an_hour_after_its_pipeline_was_due(
    warehouse: Warehouse, nightly: list[Pipeline]
) -> None:
    # What never succeeded promises nothing.
    assert look(warehouse, nightly, "2026-01-10T12:00") == []
    for stage in ("facts", "marts", "report"):
        ended(warehouse, stage, "2026-01-10T01:10")
    assert look(warehouse, nightly, "2026-01-11T01:59") == []
    (message,) = look(warehouse, nightly, "2026-01-11T02:00")
    assert message == (
        "nightly was due 2026-01-11 02:00 Europe/Berlin, and what it wrote is of 2026-01-10 02:10 Europe/Berlin: "
        "core.fact_transactions, marts.sales_daily, marts.sales_weekly"
    )
    # Still the same a day later, in other words.
    assert len(look(warehouse, nightly, "2026-01-12T09:00")) == 1
    assert states(warehouse) == [("stale", "nightly", True)]
    ended(warehouse, "facts", "2026-01-12T10:00")
    ended(warehouse, "marts", "2026-01-12T10:01", "failed")
    (message,) = look(warehouse, nightly, "2026-01-12T11:00")
    assert "core.fact_transactions" not in message and "marts.sales_daily" in message
    # A chunk of a backfill makes two days anew, and no table fresh.
    ended(warehouse, "marts", "2026-01-12T11:30", parameters='{"first": "2024-11-01", "last": "2024-11-02"}')
    assert look(warehouse, nightly, "2026-01-12T11:40") == [message]
    # Nothing new is as good as new.
    ended(warehouse, "marts", "2026-01-12T12:00", "skipped", '{"first": null, "last": null}')
    assert look(warehouse, nightly, "2099-01-12T00:30")[0].startswith("nightly was due")
    assert look(warehouse, nightly, "2026-01-12T13:00") == []
    assert {is_open for *_, is_open in states(warehouse)} == {False}
