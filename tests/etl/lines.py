"""Lines of sales, taken in, and what was set aside of them."""

from __future__ import annotations

from pathlib import Path

from workbench.etl.ingest import Batch, ingest
from workbench.sources.files import land
from workbench.warehouse import Warehouse

HEADER = (
    "transaction_id,line_number,transaction_timestamp,customer_id,product_id,store_id,quantity,unit_price,"
    "discount_amount,currency,channel"
)


GOOD = "T1,1,2024-01-01T10:00:00Z,C1,P1,S1,2,2.50,0.10,USD,store"


def line(**changed: str) -> str:
    values = dict(zip(HEADER.split(","), GOOD.split(","), strict=True))
    return ",".join({**values, **changed}.values())


def take(
    warehouse: Warehouse,
    folder: Path,
    content: bytes | str,
    name: str = "file.csv",
    dataset: str = "transactions",
) -> Batch:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    land(str(path), dataset)
    (batch,) = ingest(warehouse).batches
    return batch


def quarantined(warehouse: Warehouse) -> list[tuple[int, str, list[str]]]:
    rows = warehouse.query(
        "SELECT row_number, record, reasons FROM ops.quarantine ORDER BY row_number"
    ).to_pylist()
    return [(row["row_number"], row["record"], row["reasons"]) for row in rows]
