"""Files for COPY, and what it loaded of them."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Put = Callable[[str, bytes], str]


def rows(cursor: Any, statement: str = "SELECT * FROM sales ORDER BY id") -> list[list[Any]]:
    cursor.execute(statement)
    return [list(row) for row in cursor.fetchall()]


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


SALE = [1, "apple", dt.datetime(2026, 1, 2, 3, 4, 5), Decimal("1.50")]
