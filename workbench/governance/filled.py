"""Whether tables that a pipeline fills are there to be read."""

from __future__ import annotations

from workbench.errors import UsageError, WorkFailed
from workbench.numbers import many
from workbench.schema import table
from workbench.warehouse import Warehouse


def require_filled(warehouse: Warehouse, *tables: str, dataset: str = "transactions") -> None:
    """Check that tables are there, and that none is empty which what landed should have filled.

    Args:
        warehouse: where they should be.
        tables: their full names.
        dataset: the one whose accepted rows lead to rows of each of them.

    Raises:
        UsageError: a table, or the warehouse itself, isn't there.
        WorkFailed: a table is empty though rows of the dataset were accepted.
    """
    warehouse.require()
    names = [table(name).full_name for name in tables]
    there = warehouse.catalogue()
    if missing := next((name for name in names if name not in there), None):
        raise UsageError(f"no table {missing} in {warehouse.url}; make it with: workbench init")
    empty = [name for name, rows in warehouse.counts(*names).items() if not rows]
    if not empty:
        return
    (row,) = warehouse.query(
        "SELECT coalesce(sum(rows_accepted), 0) AS accepted FROM ops.batches WHERE dataset = ? AND withdrawn_at IS NULL",
        [dataset],
    ).to_pylist()
    if row["accepted"]:
        raise WorkFailed(
            f"{empty[0]} is empty, though {many(row['accepted'], 'row')} of {dataset} "
            f"{'was' if row['accepted'] == 1 else 'were'} taken in; "
            "fill it with: workbench run retail_etl"
        )
