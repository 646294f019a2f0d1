"""Which of several rows of one key counts: the one that landed last."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.schema.ddl import quote
from workbench.schema.model import Table

NEWEST_FIRST = ("_ingested_at", "_batch_id", "_row_number")
"""What rows of a raw table are ordered by, each descending; the macro ``newest_first`` of the dbt project says the same.

Batches have times of their own, and within a batch the later row wins. Batches of one time, as another program may
have written them, are told apart before their rows are, so that all rows of a batch win or lose together.
"""


def landed_last(table: Table, columns: Sequence[str], *, where: str = "") -> str:
    """Return the query for some columns of a raw table's rows, one row for each key: the one that landed last.

    ``where`` leaves out rows before that, by a condition over keys.
    """
    names = ", ".join(map(quote, columns))
    key = ", ".join(map(quote, table.key))
    order = ", ".join(f"{name} DESC" for name in NEWEST_FIRST)
    return (
        f"SELECT {names} FROM (SELECT {names}, row_number() OVER (PARTITION BY {key} ORDER BY {order}) AS _recency "
        f"FROM {table.full_name}{f' WHERE {where}' if where else ''}) AS landed WHERE _recency = 1"
    )
