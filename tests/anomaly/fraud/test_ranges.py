"""Detection over ranges of days, one after the other or at once, finds what it finds over all days."""

from __future__ import annotations

import datetime as dt
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from workbench.anomaly.fraud.detection import detect_fraud
from workbench.anomaly.fraud.training import FraudTraining
from workbench.errors import UsageError
from workbench.warehouse import Warehouse, connect

from .shop import BEFORE, NEWEST, TODAY, land, raised, scores


def ranges_of_days(trained: FraudTraining) -> list[tuple[dt.date | None, dt.date | None]]:
    """Ranges that cover all days once: open at both ends, one of a single day, given out of order."""
    assert trained.training is not None
    first = trained.training[1]
    cuts = [first + dt.timedelta(days=days) for days in (3, 4, 6)]
    return [
        (cuts[1], cuts[2] - dt.timedelta(days=1)), (None, cuts[0] - dt.timedelta(days=1)),
        (cuts[2], None), (cuts[0], cuts[0]),
    ]  # fmt: skip


def test_ranges_of_days_are_as_the_whole(trained: FraudTraining, home: Path, tmp_path: Path) -> None:
    shutil.copy(home / "warehouse.duckdb", tmp_path / "parts.duckdb")
    whole, parts = connect(), connect(f"duckdb:///{tmp_path / 'parts.duckdb'}")
    land(whole, TODAY, NEWEST)
    land(parts, TODAY, NEWEST)
    detect_fraud(whole, alerts_a_day=2)
    for first, last in ranges_of_days(trained):
        found = detect_fraud(parts, alerts_a_day=2, first_day=first, last_day=last).scored
        days = found["transaction_timestamp"].dt.date
        assert len(found) and (first is None or days.min() == first) and (last is None or days.max() == last)
    assert scores(parts) == scores(whole)
    assert raised(parts) == raised(whole) != []
    assert len(detect_fraud(parts).scored) == 0


def test_a_receipt_past_midnight_is_of_the_day_on_which_it_began(trained: FraudTraining) -> None:
    warehouse = connect()
    day = (NEWEST - pd.Timedelta(days=2)).date()
    (begun,) = warehouse.rows(
        "SELECT MAX(transaction_timestamp) AS at FROM core.fact_transactions WHERE transaction_timestamp < ?",
        [dt.datetime.combine(day + dt.timedelta(days=1), dt.time())],
    )
    warehouse.execute(
        "INSERT INTO core.fact_transactions SELECT * REPLACE (2 AS line_number, "
        "transaction_timestamp + INTERVAL 12 HOUR AS transaction_timestamp) FROM core.fact_transactions "
        "WHERE transaction_timestamp = ?",
        [begun["at"]],
    )
    late = BEFORE.loc[BEFORE["transaction_timestamp"] == begun["at"]]
    after = detect_fraud(warehouse, first_day=day + dt.timedelta(days=1)).scored
    assert not after["transaction_id"].isin(late["transaction_id"]).any()
    on_it = detect_fraud(warehouse, first_day=day, last_day=day).scored.set_index("transaction_id")
    assert on_it["amount"][late["transaction_id"]].to_numpy() == pytest.approx(2 * late["amount"].to_numpy())


def test_days_the_wrong_way_around_are_refused(trained: FraudTraining) -> None:
    with pytest.raises(UsageError, match="2024-03-02, is after the last, 2024-03-01"):
        detect_fraud(connect(), first_day=dt.date(2024, 3, 2), last_day=dt.date(2024, 3, 1))


@pytest.mark.soak
def test_ranges_at_the_same_time_are_as_the_whole_on_redshift(
    trained: FraudTraining, redshift_warehouse: Warehouse, home: Path
) -> None:
    here = connect(f"duckdb:///{home / 'warehouse.duckdb'}")
    detect_fraud(here, alerts_a_day=2)
    land(redshift_warehouse, BEFORE, NEWEST)
    ranges = ranges_of_days(trained)

    def part(days: tuple[dt.date | None, dt.date | None]) -> int:
        found = detect_fraud(
            connect(redshift_warehouse.url), alerts_a_day=2, first_day=days[0], last_day=days[1]
        )
        return len(found.scored)

    with ThreadPoolExecutor(len(ranges)) as pool:
        assert sum(pool.map(part, ranges)) == len(scores(here))
    assert scores(redshift_warehouse) == scores(here)
    assert raised(redshift_warehouse) == raised(here) != []
