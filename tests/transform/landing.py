"""Put rows into raw as ingest would, without files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import pyarrow

from workbench.schema import dataset as declared
from workbench.warehouse import Warehouse

FIRST_BATCH = datetime(2018, 1, 1)


def rows(dataset: str, batch: int, values: Sequence[dict[str, Any]]) -> pyarrow.Table:
    """Return the rows of one landed batch; later batches were ingested later."""
    names = declared(dataset).column_names
    complete = [
        dict.fromkeys(names)
        | {
            "_batch_id": sha256(f"{dataset} {batch}".encode()).hexdigest(),
            "_row_number": number,
            "_ingested_at": FIRST_BATCH + timedelta(hours=batch),
        }
        | value
        for number, value in enumerate(values, start=1)
    ]
    return pyarrow.Table.from_pylist(complete, pyarrow.schema([(name, _type(name)) for name in names]))


def entry(landed: pyarrow.Table, dataset: str) -> tuple[str, list[Any]]:
    """Return the statement that enters a batch into the ledger, and its values."""
    first, number = landed.slice(0, 1).to_pylist()[0], landed.num_rows
    values = {
        "batch_id": first["_batch_id"], "dataset": dataset, "uri": f"{dataset}.csv", "rows_landed": number,
        "rows_accepted": number, "rows_quarantined": 0, "rows_duplicate": 0, "status": "loaded",
        "ingested_at": first["_ingested_at"],
    }  # fmt: skip
    names, marks = ", ".join(values), ", ".join("?" for _ in values)
    return f"INSERT INTO ops.batches ({names}) VALUES ({marks})", list(values.values())


def land(warehouse: Warehouse, dataset: str, batch: int, *values: dict[str, Any]) -> None:
    """Append one batch to raw."""
    warehouse.append(f"raw.{dataset}", rows(dataset, batch, values))


def _type(name: str) -> pyarrow.DataType:
    # Everything else lands as text and takes the column's type in the warehouse.
    if name == "_row_number":
        return pyarrow.int64()
    if name == "_ingested_at":
        return pyarrow.timestamp("us")
    if name in ("is_deleted", "is_fraud", "_has_zone"):
        return pyarrow.bool_()
    return pyarrow.string()


def line(transaction: str, number: int = 1, at: str = "2017-06-15 12:00:00", **values: Any) -> dict[str, Any]:
    """Return a transaction line with harmless values where none are given."""
    return {
        "transaction_id": transaction,
        "line_number": str(number),
        "transaction_timestamp": at,
        "product_id": "P1",
        "store_id": "S1",
        "quantity": "1",
        "unit_price": "10",
        "currency": "USD",
        "channel": "store",
    } | values
