"""Where it happened: the stores and categories that made a day stray."""

from __future__ import annotations

import datetime as dt

from workbench.anomaly.sales.hierarchy import TOTAL
from workbench.anomaly.sales.levels.places import where_it_happened
from workbench.warehouse import Warehouse

from ..data import of_table

DAY = dt.date(2024, 3, 15)
CATEGORIES = {1: ("TEA", "Green"), 2: ("TEA", "Black"), 3: ("COFFEE", "Beans")}


def sell(warehouse: Warehouse, strange: dict[tuple[str, int], float]) -> None:
    """Sell 100 of each product in each of three stores on the day and on the four weeks before, but where said otherwise."""
    rows = [
        (week, store, product, strange.get((store, product), 100.0) if week == 0 else 100.0)
        for week in range(5)
        for store in ("S1", "S2", "S3")
        for product in CATEGORIES
    ]
    warehouse.append(
        "core.fact_transactions",
        of_table(
            "core.fact_transactions",
            {
                "transaction_id": [f"T{number}" for number in range(len(rows))],
                "line_number": 1,
                "transaction_timestamp": [
                    dt.datetime.combine(DAY - dt.timedelta(weeks=week), dt.time(12)) for week, *_ in rows
                ],
                "date_key": [int(f"{DAY - dt.timedelta(weeks=week):%Y%m%d}") for week, *_ in rows],
                "sale_date": [DAY - dt.timedelta(weeks=week) for week, *_ in rows],
                "product_key": [product for _, _, product, _ in rows],
                "store_id": [store for _, store, *_ in rows],
                "net_amount_reporting": [sold for *_, sold in rows],
            },
            len(rows),
        ),
    )
    warehouse.append(
        "core.dim_product",
        of_table(
            "core.dim_product",
            {
                "product_key": list(CATEGORIES),
                "product_id": [f"P{number}" for number in CATEGORIES],
                "department": [department for department, _ in CATEGORIES.values()],
                "category": [category for _, category in CATEGORIES.values()],
                "is_inferred": False,
                "is_current": True,
            },
            len(CATEGORIES),
        ),
    )


def test_the_store_and_the_category_are_named(either: Warehouse) -> None:
    sell(either, {("S2", 1): 1000.0, ("S1", 3): 0.0})
    assert (
        where_it_happened(either, "TEA", "department", DAY)
        == "Most of it: store S2 (100%); category Green (100%)."
    )
    assert where_it_happened(either, "COFFEE", "department", DAY) == "Most of it: store S1 (100%)."
    said = where_it_happened(either, TOTAL, "total", DAY)
    assert said.startswith("Most of it: store S2 (112%); category Green (112%)")
    assert where_it_happened(either, "store S2", "store", DAY) == "Most of it: category Green (100%)."
    assert where_it_happened(either, "category Green", "category", DAY) == "Most of it: store S2 (100%)."
    assert where_it_happened(either, "TEA", "department", DAY - dt.timedelta(weeks=8)) == ""


def test_a_day_spread_evenly_names_no_store(either: Warehouse) -> None:
    sell(either, {(store, product): 50.0 for store in ("S1", "S2", "S3") for product in (1, 2)})
    assert where_it_happened(either, "TEA", "department", DAY) == ""
    # Of all that fell, none was coffee.
    assert (
        where_it_happened(either, TOTAL, "total", DAY) == "Most of it: category Black (50%) and Green (50%)."
    )
