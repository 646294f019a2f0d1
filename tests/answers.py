"""A person's statement, and all pieces of its answer as one."""

from __future__ import annotations

import pyarrow as pa

from workbench.warehouse import Warehouse


def read(warehouse: Warehouse, sql: str) -> pa.Table:
    """Return the rows of a statement that only reads."""
    pieces: list[pa.Table] = []
    warehouse.read(sql, pieces.append)
    return pa.concat_tables(pieces)
