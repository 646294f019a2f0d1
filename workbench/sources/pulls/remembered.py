"""The rows of ``ops.pulled_rows``, by which those that landed are known again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from workbench.sources.pulls.entries import Entry
from workbench.sources.pulls.rows import Row

if TYPE_CHECKING:
    import pyarrow

Places = Mapping[tuple[int, int], float | None]
"""Where rows stand that were read again, by the hashes of their keys and of themselves."""


def is_reached(place: float | None, floor: float | None) -> bool:
    """Whether a row at a place is read again from a floor on."""
    return floor is None or place is None or place >= floor - 1


def table_of(entry: Entry, rows: Sequence[Row]) -> pyarrow.Table:
    """Return the rows of a file that lands."""
    # Of a key that comes twice in a file, the later row is the one that landed last.
    last = {row.key_hash: row.row_hash for row in rows}
    return _table(
        [
            {
                "source": entry.source,
                "pull_id": entry.pull_id,
                "key_hash": row.key_hash,
                "row_hash": row.row_hash,
                "place": row.position.place if row.position else None,
                "landed_at": entry.ended_at - timedelta(microseconds=last[row.key_hash] != row.row_hash),
            }
            for row in rows
        ]
    )


def placed_anew(found: Sequence[Mapping[str, Any]], places: Places, floor: float | None) -> pyarrow.Table:
    """Return rows that landed before at the places that they have by another cursor, those that were read again."""
    rows = []
    for row in found:
        hashes = row["key_hash"], row["row_hash"]
        if hashes in places and is_reached(places[hashes], floor):
            rows.append({**row, "place": places[hashes]})
    return _table(rows)


def _table(rows: Sequence[Mapping[str, Any]]) -> pyarrow.Table:
    import pyarrow

    types = {
        "source": pyarrow.string(), "pull_id": pyarrow.string(), "key_hash": pyarrow.int64(),
        "row_hash": pyarrow.int64(), "place": pyarrow.float64(), "landed_at": pyarrow.timestamp("us"),
    }  # fmt: skip
    return pyarrow.table(
        {name: pyarrow.array([row[name] for row in rows], kind) for name, kind in types.items()}
    )
