"""Rows written in one form or another and taken in, and what is kept beside our columns."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.etl.lines import GOOD, HEADER
from workbench.etl.ingest import Batch, ingest
from workbench.sources.files import land
from workbench.warehouse import Warehouse

ROW = dict(zip(HEADER.split(","), GOOD.split(","), strict=True))


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith(".parquet"):
        columns = list(dict.fromkeys(key for row in rows for key in row))
        arrays = [pa.array([row.get(key) for row in rows]) for key in columns]
        pq.write_table(pa.Table.from_arrays(arrays, names=columns), path)
    elif name.endswith(".jsonl"):
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    else:
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(rows[0])
            writer.writerows(row.values() for row in rows)
    return path


def take(warehouse: Warehouse, path: Path, map_file: Path | None = None) -> Batch:
    land(str(path), None if map_file else "transactions", map_file)
    (batch,) = ingest(warehouse).batches
    return batch


def extras(warehouse: Warehouse) -> list[dict[str, Any]]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    rows = warehouse.query("SELECT _extra FROM raw.transactions ORDER BY transaction_id").to_pylist()
    return [json.loads(row["_extra"] or "{}", parse_constant=refuse) for row in rows]
