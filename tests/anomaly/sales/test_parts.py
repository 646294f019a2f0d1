"""Stores and categories are series of their own: what one does alone is told, what a department does is told once."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

from workbench.anomaly import detect_sales, give_verdict, train_sales
from workbench.anomaly.sales.hierarchy import one_each
from workbench.anomaly.sales.levels.parts import read_parts
from workbench.warehouse import Warehouse, connect

from ..data import DAYS, START, WEEK, daily_sales, of_table

STORES, CATEGORIES = ("S1", "S2", "S3", "S4"), {1: "Green", 2: "Black", 3: "Beans"}
LINES = 4
SHUT, RUSH = START + dt.timedelta(days=DAYS - 6), START + dt.timedelta(days=DAYS - 12)
NOISE = (1.03, 0.96, 1.0, 1.05, 0.98, 0.94, 1.02, 0.99, 1.04, 0.97, 1.01)


def sell(warehouse: Warehouse, days: int = DAYS) -> None:
    """Sell four lines a day of each category in each store; S2 is shut on one day, and Green sells threefold on another."""
    rows = []
    for offset in range(days):
        day = START + dt.timedelta(days=offset)
        for place, store in enumerate(STORES):
            for product in CATEGORIES:
                for line in range(LINES):
                    sold = (
                        20.0
                        * (place + 1)
                        * WEEK[day.weekday()]
                        * NOISE[(offset * 7 + place * 3 + product * 5 + line) % 11]
                    )
                    if day == RUSH and product == 1:
                        sold *= 3
                    if not (day == SHUT and store == "S2"):
                        rows.append((day, store, product, sold))
    columns = {
        "transaction_id": [f"T{number}" for number in range(len(rows))],
        "line_number": 1,
        "transaction_timestamp": [dt.datetime.combine(day, dt.time(12)) for day, *_ in rows],
        "date_key": [int(f"{day:%Y%m%d}") for day, *_ in rows],
        "sale_date": [day for day, *_ in rows],
        "product_key": [product for _, _, product, _ in rows],
        "store_id": [store for _, store, *_ in rows],
        "net_amount_reporting": [round(sold, 2) for *_, sold in rows],
    }
    warehouse.append("core.fact_transactions", of_table("core.fact_transactions", columns, len(rows)))
    products = {
        "product_key": list(CATEGORIES), "product_id": [f"P{key}" for key in CATEGORIES], "department": "TEA",
        "category": list(CATEGORIES.values()), "is_inferred": False, "is_current": True,
    }  # fmt: skip
    warehouse.append("core.dim_product", of_table("core.dim_product", products, len(CATEGORIES)))


def test_parts_are_read_alike_on_both_engines(either: Warehouse) -> None:
    sell(either, days=40)
    stores, categories = (read_parts(either, level, min_days=28) for level in ("store", "category"))
    assert list(stores.values.columns) == [f"store {name}" for name in STORES]
    assert list(categories.values.columns) == ["category Beans", "category Black", "category Green"]
    assert stores.values.shape == (40, 4)
    assert stores.values.sum().sum() == pytest.approx(categories.values.sum().sum())
    assert read_parts(either, "store", min_days=41).values.columns.empty


@pytest.mark.slow
def test_what_a_store_or_a_category_does_alone_is_found(store: Path) -> None:
    warehouse = connect(create=True)
    warehouse.append("marts.sales_daily", daily_sales())
    sell(warehouse)
    result = train_sales(warehouse, trees=30)
    assert result.promoted, result.summary
    assert (result.metrics["store_parts"], result.metrics["category_parts"]) == (4, 3)
    assert 0 < result.metrics["store_injected_ap"] <= 1

    found = detect_sales(warehouse)
    critical = found.anomalies[found.anomalies["severity"] == "critical"].set_index("department")
    assert critical.loc["store S2", "sales_date"] == SHUT
    assert critical.loc["store S2", ["actual", "direction", "level"]].tolist() == [0.0, "below", "store"]
    assert critical.loc["category Green", ["sales_date", "level"]].tolist() == [RUSH, "category"]
    assert "days of stores and categories" in found.summary
    alerts = {
        row["subject"]: row for row in warehouse.rows("SELECT alert_id, subject, message FROM ops.alerts")
    }
    shut = alerts[f"store S2 on {SHUT}"]
    assert "Most of it: category" not in shut["message"] and "store S2" in shut["message"]
    assert alerts[f"category Green on {RUSH}"]["message"].count("store") <= 1

    again = warehouse.frame("SELECT * FROM marts.sales_anomalies ORDER BY sales_date, department")
    middle = SHUT - dt.timedelta(days=3)
    detect_sales(warehouse, last_day=middle)
    detect_sales(warehouse, first_day=middle + dt.timedelta(days=1))
    pieces = warehouse.frame("SELECT * FROM marts.sales_anomalies ORDER BY sales_date, department")
    pd.testing.assert_frame_equal(again, pieces)

    # What was judged real is in nothing that other days are held to; the day itself stays judged.
    give_verdict(warehouse, shut["alert_id"], "real")
    panel = read_parts(warehouse, "store", min_days=28)
    assert panel.confirmed == (("store S2", SHUT, SHUT),)
    assert pd.isna(panel.usual.loc[pd.Timestamp(SHUT), "store S2"])
    judged = detect_sales(warehouse).anomalies.set_index(["department", "sales_date"])
    assert judged.loc[("store S2", SHUT), "severity"] == "critical"


def test_a_part_of_a_departments_incident_is_no_incident_of_its_own() -> None:
    first, second = START, START + dt.timedelta(days=1)

    def days(level: str, *sides: tuple[dt.date, str]) -> pd.DataFrame:
        return pd.DataFrame(
            [{"sales_date": day, "direction": side, "level": level, "actual": 1.0} for day, side in sides]
        )

    incidents = {
        ("TEA", first): days("department", (first, "below")),
        ("store S1", first): days("store", (first, "below")),
        ("store S2", first): days("store", (first, "above")),
        ("category Green", second): days("category", (second, "below")),
    }
    scored = pd.DataFrame({"sales_date": [], "department": [], "level": [], "actual": [], "expected": []})
    assert [name for name, _ in one_each(scored, incidents)] == ["TEA", "store S2", "category Green"]
