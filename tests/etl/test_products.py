"""Products: new and unlisted ones, and categories for those that landed without."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from workbench import transform
from workbench.etl.products import assigned_categories, classify_products, new_products
from workbench.schema import dataset
from workbench.warehouse import Warehouse

NEWEST = datetime(2024, 6, 30, 12)
_KINDS = {"cheese": "DAIRY", "apples": "PRODUCE", "bread": "BAKERY"}


def listed(product_id: str, day: int = 1, **details: Any) -> dict[str, Any]:
    """A change-log entry of a day in January."""
    return {
        "product_id": product_id, "updated_at": datetime(2024, 1, day), **details, "_batch_id": "batch",
        "_row_number": 1, "_ingested_at": datetime(2024, 7, 1),
    }  # fmt: skip


def sold(
    product_id: str, days_before: float, number: str, batch: int = 1, quantity: int = 1
) -> dict[str, Any]:
    """A line of receipt ``number``, so many days before the newest sale."""
    return {
        "transaction_id": number, "line_number": 1, "transaction_timestamp": NEWEST - timedelta(days=days_before),
        "product_id": product_id, "store_id": "1", "quantity": quantity, "unit_price": 1, "currency": "USD",
        "_batch_id": f"batch {batch}", "_row_number": 1, "_ingested_at": datetime(2024, 7, batch),
    }  # fmt: skip


def land(warehouse: Warehouse, name: str, rows: list[dict[str, Any]]) -> None:
    """Append raw rows."""
    warehouse.append(f"raw.{name}", pd.DataFrame(rows, columns=list(dataset(name).column_names)))


def catalogue(how_many: int) -> list[dict[str, Any]]:
    """Products of three categories, each with many wordings."""
    kinds = list(_KINDS.items())
    return [
        listed(f"{number:03}", description=f"{kind} type{number}", department=name, category=kind.upper(), brand="Own")
        for number in range(how_many)
        for kind, name in (kinds[number % 3],)
    ]  # fmt: skip


def rows_of(warehouse: Warehouse, table: str) -> dict[str, dict[str, Any]]:
    """Return a table's rows by product."""
    return {row["product_id"]: row for row in warehouse.query(f"SELECT * FROM {table}").to_pylist()}


def test_a_product_without_a_category_gets_a_predicted_one_and_what_landed_is_kept(
    warehouse: Warehouse,
) -> None:
    wanted = [
        listed("x", description="fine cheese", department="GIFTS"),
        listed("y", description="red apples"),
        listed("z"),
    ]
    land(warehouse, "products", [*catalogue(150), *wanted])
    land(warehouse, "transactions", [sold("unlisted", 0, "1")])
    result = classify_products(warehouse)
    found = rows_of(warehouse, "staging.product_category")
    assert (found["x"]["category"], found["x"]["department"], found["x"]["category_source"]) == (
        "CHEESE", "GIFTS", "predicted",
    )  # fmt: skip
    assert (found["y"]["category"], found["y"]["department"]) == ("APPLES", "PRODUCE")
    assert 0.6 <= found["y"]["category_confidence"] <= 1
    assert found["000"]["category_source"] == "feed" and found["000"]["category_confidence"] == 1
    for bare in ("z", "unlisted"):
        assert (found[bare]["category"], found[bare]["category_source"]) == (None, "none")
    assert result.counts["categories_predicted"] == 2 and result.counts["products"] == 154
    assert result.accuracy()["accuracy"].min() > 0.9
    assert set(assigned_categories(warehouse)["product_id"]) == {"x", "y", "z", "unlisted"}
    # What it works from is the same, so no model is trained again.
    assert classify_products(warehouse) == replace(result, models=())


def test_too_few_products_to_learn_from_leave_the_category_open(warehouse: Warehouse) -> None:
    land(warehouse, "products", [*catalogue(40), listed("x", description="fine cheese")])
    result = classify_products(warehouse)
    assert (result.categories_predicted, result.categories_missing, result.models) == (0, 1, ())


def test_no_products_at_all_are_no_failure(warehouse: Warehouse) -> None:
    assert classify_products(warehouse).products == 0
    assert new_products(warehouse).empty


def test_new_products_are_those_first_sold_in_the_last_28_days(warehouse: Warehouse) -> None:
    land(warehouse, "products", [listed("old"), listed("fresh", 2), listed("fresh", 9), listed("never")])
    sales = [sold("old", 100, "1"), sold("old", 0, "2"), sold("fresh", 27.9, "3"), sold("late", 28.1, "4")]
    land(warehouse, "transactions", [*sales, sold("back", 1, "5", quantity=-1)])
    assert classify_products(warehouse).unlisted == 2
    transform.build()
    found = rows_of(warehouse, "marts.product_performance")
    assert {name for name, row in found.items() if row["is_new"]} == {"fresh"}
    assert {name for name, row in found.items() if row["is_unlisted"]} == {"late", "back"}
    assert list(new_products(warehouse)["product_id"]) == ["fresh"]


def test_a_corrected_line_counts_for_the_product_it_names_last(warehouse: Warehouse) -> None:
    land(warehouse, "transactions", [sold("wrong", 5, "1", batch=1), sold("right", 5, "1", batch=2)])
    classify_products(warehouse)
    assert set(rows_of(warehouse, "staging.product_category")) == {"right"}


def test_an_entry_that_deletes_says_nothing_of_what_the_product_is(warehouse: Warehouse) -> None:
    gone = {"is_deleted": True}
    land(
        warehouse,
        "products",
        [
            listed("withdrawn", 1, description="brie", department="DAIRY", category="CHEESE"),
            listed("withdrawn", 5, **gone),
            listed("back", 1, category="CHEESE"), listed("back", 2, **gone), listed("back", 3, category="APPLES"),
            # The entry that landed last for a day is the one that counts.
            listed("mended", 1, category="BREAD"), listed("mended", 2, category="APPLES"),
            listed("mended", 2, **gone, ) | {"_ingested_at": datetime(2024, 7, 2)},
            listed("never was", 1, **gone),
        ],
    )  # fmt: skip
    land(warehouse, "transactions", [sold("never was", 0, "1")])
    result = classify_products(warehouse)
    found = rows_of(warehouse, "staging.product_category")
    assert {name: (row["category"], row["category_source"]) for name, row in found.items()} == {
        "withdrawn": ("CHEESE", "feed"), "back": ("APPLES", "feed"), "mended": ("BREAD", "feed"),
        "never was": (None, "none"),
    }  # fmt: skip
    assert (result.categories_landed, result.unlisted) == (3, 1)
    transform.build()
    sources = {
        row["product_id"]: row["category_source"]
        for row in warehouse.query("SELECT product_id, category_source FROM core.dim_product").to_pylist()
    }
    assert sources == {name: row["category_source"] for name, row in found.items()}
