"""Whether the ledger knows a file's content already, so that it would add nothing."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import WorkbenchError, cause_of
from workbench.governance.ids import SHORT
from workbench.sources.landing.base import batch_id, chunks
from workbench.sources.maps import Map
from workbench.warehouse import locate

_PATIENCE = 0.5
"""Seconds to wait for a process that writes the warehouse; it is asked in passing."""


def known_already(path: Path, dataset: str, mapping: Map | None) -> str:
    """Return in a sentence what became of a file's content before; empty if it is new, or there is nobody to ask."""
    with path.open("rb") as content:
        identity = batch_id(dataset, mapping.canonical if mapping else b"", chunks(content))
    try:
        warehouse = locate(patience=_PATIENCE, read_only=True)
        warehouse.require()
        rows = warehouse.rows(
            "SELECT ingested_at, withdrawn_at FROM ops.batches WHERE batch_id = ?", [identity]
        )
    except Exception as error:
        if not isinstance(error, WorkbenchError) and cause_of(error) is None:
            raise
        return ""
    if not rows:
        return ""
    name, row = identity[:SHORT], rows[0]
    if row["withdrawn_at"]:
        return (
            f"its content is batch {name}, which was withdrawn on {row['withdrawn_at']:%Y-%m-%d}: it would add nothing; put it "
            f"back with: workbench batches restore {name}"
        )
    return f"its content was taken in on {row['ingested_at']:%Y-%m-%d} as batch {name}: it would add nothing"
