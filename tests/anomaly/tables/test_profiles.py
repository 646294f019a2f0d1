"""What files measure is held against the files before; what stays otherwise is the new usual."""

from __future__ import annotations

import datetime as dt
from collections.abc import Container

import numpy as np
import pytest

from workbench.anomaly import profile_batches, read_trends
from workbench.anomaly.tables.bounds import LEAST_HISTORY, LONGEST_HISTORY, Usual, learn_bounds
from workbench.anomaly.tables.feeds import check_feeds
from workbench.governance.alerts.recorded import recent
from workbench.warehouse import Warehouse

from ..data import of_table

START = dt.datetime(2024, 1, 1, 3)


def bring(
    warehouse: Warehouse,
    day: int,
    rows: int,
    *,
    quarantined: int = 0,
    no_customer: float = 0.1,
    stores: int = 4,
) -> str:
    """Put a day's file of sales into raw and the ledger, as an ingestion would; return its batch."""
    random = np.random.default_rng(day)
    batch, moment = f"{day:064}", START + dt.timedelta(days=day)
    accepted = rows - quarantined
    customer = np.array([f"C{each}" for each in random.integers(0, 300, accepted)], dtype=object)
    customer[random.random(accepted) < no_customer] = None
    columns = {
        "transaction_id": [f"T{day}-{number}" for number in range(accepted)], "line_number": 1, "customer_id": customer,
        "store_id": [f"S{each}" for each in random.integers(0, stores, accepted)],
        "_batch_id": batch, "_row_number": range(1, accepted + 1), "_ingested_at": moment,
    }  # fmt: skip
    warehouse.append("raw.transactions", of_table("raw.transactions", columns, accepted))
    ledger = {
        "batch_id": batch, "dataset": "transactions", "uri": f"sales/{day}.csv", "rows_landed": rows, "rows_accepted": accepted,
        "rows_quarantined": quarantined, "rows_duplicate": 0, "status": "loaded", "ingested_at": moment,
    }  # fmt: skip
    warehouse.append("ops.batches", of_table("ops.batches", ledger, 1))
    return batch


def outside(warehouse: Warehouse) -> set[tuple[str, str, int]]:
    found = profile_batches(warehouse, run_id="r").outside
    return set(zip(found["measure"], found["column_name"], found["side"], strict=True))


def test_what_is_otherwise_is_told_until_it_is_as_usual(either: Warehouse) -> None:
    for day in range(20):
        bring(either, day, 400 + 10 * (day % 7), quarantined=day % 3)
    first = profile_batches(either, run_id="r")
    assert first.outside.empty and first.rows["batch_id"].nunique() == 20
    assert first.rows["usual"].isna().sum() > 0 and profile_batches(either).rows.empty

    bring(either, 20, 40, quarantined=30)
    assert outside(either) == {("rows", "", -1), ("quarantined", "", 1)}
    bring(either, 21, 420, no_customer=0.7, stores=1)
    assert outside(either) == {("missing", "customer_id", 1), ("distinct", "store_id", -1)}
    alert, other = sorted(
        (each for each in recent(either, 10, kind="quality") if each.is_open),
        key=lambda each: each.subject,
        reverse=True,
    )
    assert (alert.subject, other.subject) == ("missing of transactions", "distinct of transactions")
    assert "21.csv (000000000000)" in alert.message and "of customer_id is missing, usually" in alert.message
    trends = read_trends(either)
    assert set(trends["column_name"].unique()[:2]) == {"customer_id", "store_id"}
    assert trends["measure"].iloc[-1] != "" and trends.groupby(["column_name", "measure"]).ngroups == 6

    bring(either, 22, 430)
    assert outside(either) == set()
    assert [each for each in recent(either, 10, kind="quality") if each.is_open] == []
    (row,) = either.rows("SELECT count(*) AS n, count(DISTINCT batch_id) AS batches FROM ops.batch_profiles")
    assert row["batches"] == 23 and row["n"] % 23 == 0


def test_a_new_level_is_the_usual_one_after_five_files(warehouse: Warehouse) -> None:
    for day in range(32):
        bring(warehouse, day, 400 if day < 20 else 4000)
    found = profile_batches(warehouse, run_id="r").rows
    rows = found[found["measure"] == "rows"].sort_values("ingested_at")
    assert rows["side"].tolist() == [0] * 20 + [1] * 5 + [0] * 7


def test_a_file_is_held_against_the_newest_before_it_however_many_came(either: Warehouse) -> None:
    for day in range(10):
        bring(either, day, 400)
    profile_batches(either, run_id="r")
    # After those came five hundred of which nothing but their rows is known.
    days = range(10, 510)
    ledger = {
        "batch_id": [f"{day:064}" for day in days], "dataset": "transactions", "uri": "sales/more.csv", "rows_landed": 300,
        "rows_accepted": 300, "rows_quarantined": 0, "rows_duplicate": 0, "status": "loaded",
        "ingested_at": [START + dt.timedelta(days=day) for day in days],
    }  # fmt: skip
    either.append("ops.batches", of_table("ops.batches", ledger, 500))
    figures = {
        "batch_id": ledger["batch_id"], "dataset": "transactions", "column_name": "", "measure": "rows", "value": 300.0,
        "rows_seen": 300, "side": 0, "profiled_at": ledger["ingested_at"],
    }  # fmt: skip
    either.append("ops.batch_profiles", of_table("ops.batch_profiles", figures, 500))
    bring(either, 510, 300)
    found = profile_batches(either, run_id="r").rows
    assert found.loc[found["usual"].notna(), ["measure", "usual"]].round().values.tolist() == [["rows", 300]]
    trends = read_trends(either)
    assert trends["measure"].unique().tolist() == ["rows"] and trends["place"].tolist() == list(range(60))


@pytest.mark.parametrize("kind", ["count", "share"])
def test_usual_files_are_outside_as_seldom_as_was_asked(kind: str) -> None:
    random = np.random.default_rng(3)
    found = 0
    for _ in range(400):
        if kind == "count":
            values = np.exp(random.normal(8, 0.3, 31))
        else:
            values = random.binomial(2000, random.beta(8, 72, 31)) / 2000
        bounds = learn_bounds(values[:-1], np.full(30, 2000.0), kind, 0.02, 2000)  # type: ignore[arg-type]
        assert bounds is not None
        found += bounds.side(values[-1]) != 0
    assert found <= 20
    assert learn_bounds(values[: LEAST_HISTORY - 1], np.full(7, 2000.0), kind, 0.02, 2000) is None  # type: ignore[arg-type]


def held_against(sides: list[int], left_out: Container[int] = ()) -> list[int]:
    usual = Usual()
    for place, side in enumerate(sides):
        usual.add(side, left_out=place in left_out)
    return usual.places


def test_what_others_are_held_against() -> None:
    assert held_against([]) == []
    assert held_against([0, 1, 1, 0, -1]) == [0, 3]
    assert held_against([0, 0, 1, 1, 1, 1]) == [0, 1]
    assert held_against([0, 0, 1, 1, 1, 1, 1, 1]) == [2, 3, 4, 5, 6, 7]
    assert held_against([0, 1, 1, 1, -1, 1, 1, 0]) == [0, 7]
    assert held_against([0, 1, 1, 1, 1, 1, 0, -1, 0]) == [1, 2, 3, 4, 5, 6, 8]
    # A faulty file counts among five in a row, and isn't one of those that stay.
    assert held_against([0, 1, 1, 1, 1, 1, 1, 0], {2, 7}) == [1, 3, 4, 5, 6]
    assert held_against([0] * 100) == list(range(100 - LONGEST_HISTORY, 100))


def test_a_feed_that_has_gone_quiet_is_told_until_a_file_comes(warehouse: Warehouse) -> None:
    for day in range(12):
        bring(warehouse, day, 30)
    last = START + dt.timedelta(days=11)
    (feed,) = check_feeds(warehouse, last + dt.timedelta(hours=25), run_id="r")
    assert not feed.is_quiet and feed.usual == pytest.approx(24)
    (feed,) = check_feeds(warehouse, last + dt.timedelta(days=5), run_id="r")
    assert (
        feed.is_quiet and "no file has come for 5.0 days; usually one comes after 24.0 hours" in feed.message
    )
    assert [each.subject for each in recent(warehouse, 10, kind="quality") if each.is_open] == [
        "freshness of transactions"
    ]
    bring(warehouse, 17, 30)
    check_feeds(warehouse, last + dt.timedelta(days=6, hours=1), run_id="r")
    assert not any(each.is_open for each in recent(warehouse, 10, kind="quality"))
