"""Which of several rows of one key counts, in Python and in dbt: one order."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.transform.landing import FIRST_BATCH, land, line
from workbench import transform
from workbench.etl.customers import standardize_customers
from workbench.etl.products import classify_products
from workbench.schema import TABLES, dataset, landed_last
from workbench.warehouse import Warehouse

LATER = datetime(2018, 1, 2)
# Batch, place and time of rows of one key, the last one the winner.
LANDINGS = {
    "the later time": [("b", 2, FIRST_BATCH), ("a", 1, LATER)],
    "the greater batch": [("a", 2, FIRST_BATCH), ("b", 1, FIRST_BATCH)],
    "the later row": [("a", 1, FIRST_BATCH), ("a", 2, FIRST_BATCH)],
}


def _landed(told: str, **values: Any) -> list[dict[str, Any]]:
    return [
        values | {"_batch_id": batch, "_row_number": row, "_ingested_at": at, **_said(values, word)}
        for (batch, row, at), word in zip(LANDINGS[told], ("Lost", "Won"), strict=True)
    ]


def _said(values: dict[str, Any], word: str) -> dict[str, Any]:
    if "transaction_id" in values:
        return {"product_id": word}
    return {"first_name" if "customer_id" in values else "description": word}


@pytest.fixture
def contested(warehouse: Warehouse) -> Warehouse:
    """A warehouse with two rows of each key: a customer's, a product's and a line's of each way to land."""
    changed = "2017-01-01 00:00:00"
    for told in LANDINGS:
        land(warehouse, "customers", 1, *_landed(told, customer_id=told, updated_at=changed))
        land(warehouse, "products", 1, *_landed(told, product_id=told, updated_at=changed))
        land(warehouse, "transactions", 1, *_landed(told, **line(told)))
    return warehouse


def test_python_and_dbt_take_the_same_row_for_the_last(contested: Warehouse) -> None:
    standardize_customers(contested)
    classify_products(contested)
    transform.build()
    wanted = dict.fromkeys(LANDINGS, "Won")
    for dimension, key, name in (
        ("customer", "customer_id", "first_name"),
        ("product", "product_id", "description"),
    ):
        last = landed_last(dataset(f"{dimension}s"), [key, name])
        built = f"SELECT {key}, {name} FROM core.dim_{dimension} WHERE {key} LIKE 'the %'"
        assert _by_key(contested, last) == _by_key(contested, built) == wanted
    last = landed_last(TABLES["raw.transactions"], ["transaction_id", "product_id"])
    built = "SELECT transaction_id, product_id FROM core.fact_transactions"
    assert _by_key(contested, last) == _by_key(contested, built) == wanted
    # What Python hands to dbt was of the same row: no name and no product is of a row that lost.
    names = contested.query("SELECT DISTINCT first_name FROM staging.customer_standard").to_pylist()
    assert names == [{"first_name": "Won"}]
    products = contested.query("SELECT product_id FROM staging.product_category").to_pylist()
    inferred = contested.query("SELECT product_id FROM core.dim_product WHERE is_inferred").to_pylist()
    assert {row["product_id"] for row in products} == {*LANDINGS, "Won"}
    assert inferred == [{"product_id": "Won"}]


def _by_key(warehouse: Warehouse, sql: str) -> dict[str, str]:
    return dict(tuple(row.values()) for row in warehouse.query(sql).to_pylist())
