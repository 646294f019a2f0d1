"""Rows from quarantine as files that go back to landing: which go together, and what each file holds."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from workbench.errors import UsageError
from workbench.etl.ingestion.opened import columns_by, known_columns
from workbench.etl.ingestion.reading import UnreadableFile, open_rows
from workbench.etl.ingestion.reading.sent_back.file import Item, is_replay, read_items
from workbench.etl.ingestion.reading.sent_back.rows import records_of
from workbench.etl.sending_back.mending import LOST, Key, Mended
from workbench.governance.ids import SHORT
from workbench.governance.quarantine.rows import Refused
from workbench.schema import DATASETS
from workbench.sources.landing import FetchedFile, Landing, Unavailable
from workbench.sources.maps import Map
from workbench.warehouse import Warehouse


@dataclass(frozen=True)
class Group:
    """Rows that go back in one file: those of one dataset and one map, and of one batch where the map looks around."""

    dataset: str
    map: Map | None
    rows: list[Refused]


def grouped(warehouse: Warehouse, rows: Sequence[Refused], mapping: Map | None) -> list[Group]:
    """Put rows into groups, each in the order in which they came first."""
    landed = _landed_at(warehouse, {row.first_batch_id for row in rows})
    groups: dict[tuple[str, ...], Group] = {}
    maps: dict[str, Map] = {}
    for row in sorted(
        rows, key=lambda row: (landed[row.first_batch_id], row.first_batch_id, row.first_row_number)
    ):
        if mapping and mapping.dataset != row.dataset:
            raise UsageError(f"the map is for {mapping.dataset}, and there are rows of {row.dataset}")
        text = mapping.canonical.decode() if mapping else row.mapping or ""
        if text and text not in maps:
            maps[text] = mapping or Map.model_validate_json(text)
        used = maps.get(text)
        key = (row.dataset, text, row.batch_id if used and used.looks_around else "")
        groups.setdefault(key, Group(row.dataset, used, [])).rows.append(row)
    return list(groups.values())


def _landed_at(warehouse: Warehouse, batches: set[str]) -> dict[str, datetime]:
    """Return when batches were taken in; those that the ledger doesn't know come first."""
    found = dict.fromkeys(batches, datetime.min)
    rows = warehouse.rows("SELECT batch_id, ingested_at FROM ops.batches WHERE rows_quarantined > 0")
    return found | {row["batch_id"]: row["ingested_at"] for row in rows if row["batch_id"] in batches}


def items_of(
    warehouse: Warehouse, landing: Landing, group: Group, mended: Mapping[Key, Mended]
) -> Iterator[Item]:
    if not (group.map and group.map.looks_around):
        for row in group.rows:
            yield _item(row, mended.get((row.batch_id, row.row_number), Mended()), warehouse)
        return
    back = {row.row_number: row for row in group.rows}
    for item in _whole_file(landing, group):
        refused = back.get(item.row_number)
        if refused is None:
            yield item
            continue
        yield dataclasses.replace(item, kind="before")
        yield _item(refused, mended.get((refused.batch_id, refused.row_number), Mended()), warehouse)


def _item(row: Refused, made: Mended, warehouse: Warehouse) -> Item:
    record = row.record if made.record is None else made.record
    is_mended = made.cells is not None or made.record is not None
    lost = next((reason for reason in row.reasons if reason in LOST), None)
    # Elsewhere the longest texts are cut.
    if lost is None and not warehouse.is_embedded and len(row.record.encode()) >= 65_535:
        lost = "line:too_long"
    return Item(
        batch_id=row.batch_id,
        row_number=row.row_number,
        first_batch_id=row.first_batch_id,
        first_row_number=row.first_row_number,
        form=json.loads(made.form or row.form or "{}"),
        record=record,
        cells=made.cells,
        lost=None if is_mended else lost,
    )


def _whole_file(landing: Landing, group: Group) -> Iterator[Item]:
    """Yield all rows of the file that the rows of a group came in, as it landed.

    Raises:
        UsageError: it no longer lies there.
    """
    one = group.rows[0]
    gone = (
        f"the map of batch {one.batch_id[:SHORT]} looks at other rows of its file, and that no longer lies at {one.uri}: "
        "put it back there, or load the mended file whole"
    )
    key = landing.key_of(one.uri)
    try:
        listed = landing.find(key) if key is not None else None
    except UsageError:
        listed = None
    if listed is None:
        raise UsageError(gone)
    try:
        with landing.fetch(listed) as file:
            if file.batch_id != one.batch_id:
                raise UsageError(gone)
            if is_replay(file.path):
                # What its rows had been before was for its own rows alone.
                for n, item in enumerate(read_items(file.path), 1):
                    if item.kind != "before":
                        yield dataclasses.replace(item, batch_id=one.batch_id, row_number=n, kind="context")
                return
            yield from _read(file, group, json.loads(one.form or "{}"))
    except (Unavailable, UnreadableFile, OSError):
        raise UsageError(gone) from None


def _read(file: FetchedFile, group: Group, form: dict[str, Any]) -> Iterator[Item]:
    known = known_columns(DATASETS[group.dataset], columns_by(file))
    with tempfile.TemporaryDirectory(prefix="workbench-") as scratch, duckdb.connect() as connection:
        rows = open_rows(connection, file.path, Path(scratch), known, file.map, as_they_are=True)
        if rows is None:
            return
        for n, record, lost in records_of(connection, rows):
            yield Item(file.batch_id, n, file.batch_id, n, form, record, None, lost, "context")
