"""Landed files that wait to be judged, those before them, and rows of either."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from workbench.governance.feedback import NEWEST
from workbench.schema import DATASETS, quote
from workbench.warehouse import Warehouse

if TYPE_CHECKING:
    import pandas as pd


_MOST_FILES = 1000
"""Files whose rows are read by one statement, which names each."""


@dataclass(frozen=True)
class LandedFile:
    """An accepted file: of how many rows, and when it was taken in."""

    batch_id: str
    uri: str
    rows: int
    ingested_at: datetime


@dataclass(frozen=True)
class Waiting:
    """The files of a dataset that weren't judged yet, the newest without fault, the oldest first, and how many a month come."""

    new: Sequence[LandedFile]
    usual: Sequence[LandedFile]
    a_month: int


def waiting_files(warehouse: Warehouse, kind: str) -> dict[str, Waiting]:
    """Return what there is to judge of each dataset with new files; ``kind`` is that of the alerts that people judge."""
    ledger = warehouse.frame(
        "SELECT * FROM (SELECT told.*, row_number() OVER "
        "(PARTITION BY dataset, status ORDER BY ingested_at DESC, batch_id DESC) AS age FROM ("
        "SELECT b.batch_id, b.dataset, b.uri, b.rows_accepted, b.ingested_at, "
        "CASE WHEN q.status IS NULL THEN 'new' WHEN q.status IN ('usual', 'reference') "
        "OR f.verdict IN ('false', 'expected') THEN 'usual' ELSE 'faulty' END AS status FROM ops.batches AS b "
        "LEFT JOIN ops.batch_quality AS q ON q.batch_id = b.batch_id AND q.column_name = '' "
        f"LEFT JOIN ({NEWEST} AND kind = '{kind}') AS f ON f.batch_id = b.batch_id "
        "WHERE b.rows_accepted > 0 AND b.withdrawn_at IS NULL) AS told) AS aged "
        "WHERE status = 'new' OR (status = 'usual' AND age <= ?) ORDER BY ingested_at, batch_id",
        [_MOST_FILES],
    )
    found = {}
    for dataset, batches in ledger.groupby("dataset"):
        new, usual = (batches[batches["status"] == status] for status in ("new", "usual"))
        if len(new) and dataset in DATASETS:
            a_month = files_a_month(warehouse, str(dataset))
            found[str(dataset)] = Waiting(_files(new), _files(usual), a_month)
    return found


def files_a_month(warehouse: Warehouse, dataset: str, counted: str = "rows_accepted") -> int:
    """Return how many files of a dataset came in the thirty days that end with the newest, of those with such rows."""
    which = f"FROM ops.batches WHERE dataset = ? AND {quote(counted)} > 0 AND withdrawn_at IS NULL"
    newest = warehouse.rows(f"SELECT max(ingested_at) AS newest {which}", [dataset])[0]["newest"]
    if newest is None:
        return 1
    begin = newest - timedelta(days=30)
    return int(
        warehouse.rows(f"SELECT count(*) AS files {which} AND ingested_at > ?", [dataset, begin])[0]["files"]
    )


def _files(batches: pd.DataFrame) -> list[LandedFile]:
    return [
        LandedFile(row["batch_id"], row["uri"], int(row["rows_accepted"]), row["ingested_at"].to_pydatetime())
        for row in batches.to_dict("records")
    ]


def newest_files(files: Sequence[LandedFile], least: int, rows: int) -> Sequence[LandedFile]:
    """Return the newest files: ``least`` of them, and more as long as these have fewer than so many rows."""
    taken = found = 0
    for file in reversed(files[-_MOST_FILES:]):
        if taken >= least and found >= rows:
            break
        taken, found = taken + 1, found + file.rows
    return files[len(files) - taken :]


def together(files: Sequence[LandedFile], most: int) -> Iterator[list[LandedFile]]:
    """Divide files into as many as have no more than ``most`` rows together; a larger one stays alone."""
    some: list[LandedFile] = []
    rows = 0
    for file in files:
        if some and (rows + file.rows > most or len(some) == _MOST_FILES):
            yield some
            some, rows = [], 0
        some.append(file)
        rows += file.rows
    if some:
        yield some


def rows_of(warehouse: Warehouse, dataset: str, files: Sequence[LandedFile], most: int) -> pd.DataFrame:
    """Return the accepted rows of some files, the oldest first; every n-th where there are more than ``most``."""
    table = DATASETS[dataset]
    columns = ", ".join(quote(column.name) for column in table.columns if column.kind != "json")
    marks = ", ".join("?" * len(files))
    # Rows have the time of their file, by which engines skip what came before.
    where = f"FROM {table.full_name} WHERE _ingested_at >= ? AND _batch_id IN ({marks})"
    values = [min(file.ingested_at for file in files), *(file.batch_id for file in files)]
    total = int(warehouse.rows(f"SELECT count(*) AS total {where}", values)[0]["total"])
    step = max(-(-total // most), 1)
    return warehouse.frame(
        f"SELECT {columns} {where} AND mod(_row_number, ?) = 0 ORDER BY _ingested_at, _batch_id, _row_number",
        [*values, step],
    )


def judged_columns(rows: pd.DataFrame) -> pd.DataFrame:
    """Leave out what the platform adds, and the mark by which a change log deletes: that is no fact about its row."""
    return rows[
        [column for column in rows.columns if not str(column).startswith("_") and column != "is_deleted"]
    ]
