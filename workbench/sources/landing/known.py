"""What the ledger knows of files by their address and version, so that their content isn't read again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from workbench.sources.landing.base import FetchedFile, LandedFile

if TYPE_CHECKING:
    from workbench.warehouse import Warehouse

_TABLE = "ops.landed_files"
_LONGEST = 2048
"""Bytes of an address that the table holds; a file with a longer one is read each time."""

_State = tuple[str, str, int, str, str]


class KnownFiles:
    """The batch ids of files that were read before, by ``ops.landed_files``.

    Each of its rows is a fact that stays true: at this address, with this size and version and with this version of
    the map beside it, lay the content of that batch. So a file that was renamed, copied, touched or written anew has
    another state, is read once, and is known from then on; none is ever taken for another.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        rows = warehouse.rows(f"SELECT uri, dataset, size, version, map_version, batch_id FROM {_TABLE}")
        self._batches: dict[_State, str] = {
            (row["uri"], row["dataset"], row["size"], row["version"], row["map_version"] or ""): row[
                "batch_id"
            ]
            for row in rows
        }
        self._noted: dict[_State, str] = {}

    def batch_id(self, file: LandedFile) -> str | None:
        """Return the batch of a file as it is listed; None if it has to be read for that."""
        return self._batches.get(_state(file))

    def note(self, file: FetchedFile) -> None:
        """Remember a file that was read, if its state can only be that of its content."""
        state = _state(file.landed)
        if file.steady and state not in self._batches and len(file.uri.encode()) <= _LONGEST:
            self._batches[state] = self._noted[state] = file.batch_id

    def save(self) -> None:
        """Write what was noted since, if anything."""
        if not self._noted:
            return
        import pyarrow

        now = datetime.now(UTC).replace(tzinfo=None)
        rows = [
            {
                "uri": uri,
                "dataset": dataset,
                "size": size,
                "version": version,
                "map_version": map_version or None,
                "batch_id": batch,
                "noted_at": now,
            }
            for (uri, dataset, size, version, map_version), batch in self._noted.items()
        ]
        schema = pyarrow.schema(
            [
                *((name, pyarrow.string()) for name in ("uri", "dataset")),
                ("size", pyarrow.int64()),
                *((name, pyarrow.string()) for name in ("version", "map_version", "batch_id")),
                ("noted_at", pyarrow.timestamp("us")),
            ]
        )
        self._warehouse.append(_TABLE, pyarrow.Table.from_pylist(rows, schema=schema))
        self._noted.clear()


def _state(file: LandedFile) -> _State:
    return file.uri, file.dataset, file.size, file.version, file.map_version
