"""What ingestion would make of a file, without landing it or writing anything."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from workbench.errors import UsageError
from workbench.etl.ingestion.check import refuse_file, split
from workbench.etl.ingestion.faults import fault_of
from workbench.etl.ingestion.memory import bounded
from workbench.etl.ingestion.opened import open_file
from workbench.etl.ingestion.shaping import ours
from workbench.etl.ingestion.trying.known import known_already
from workbench.governance import ledger
from workbench.governance.quarantine.rows import REFUSED_WHOLE
from workbench.schema import DATASETS, create_table, quote
from workbench.sources.landing import FetchedFile, LandedFile
from workbench.sources.maps import Map

_SHOWN = 5


@dataclass(frozen=True)
class Trial:
    """What a file is, and what would become of its rows.

    Attributes:
        file: its name.
        dataset: that it would be of.
        form: what it is, in words; empty if it can't be read.
        columns: of ours, where each comes from: a column of theirs, an expression, or nowhere (None).
        others: theirs that would be kept beside ours.
        status: that of its batch.
        verdict: what its share of faulty rows comes to; None where its rows weren't judged.
        message: what the ledger would say.
        rows_landed, rows_accepted, rows_quarantined: counts.
        reasons: codes of what is wrong with rows, and how many have each.
        accepted: the first rows as they would be in raw.
        refused: the first rows that would be set aside: number, record, reasons; those with a fault of their own first.
        known: what became of the same content before, a sentence without its end; empty if it is new.
    """

    file: str
    dataset: str
    form: str
    columns: dict[str, str | None]
    others: list[str]
    status: str
    verdict: str | None
    message: str | None
    rows_landed: int
    rows_accepted: int
    rows_quarantined: int
    reasons: dict[str, int]
    accepted: list[dict[str, Any]]
    refused: list[dict[str, Any]]
    known: str

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def try_file(path: Path, dataset: str, mapping: Map | None) -> Trial:
    """Read a file as ingestion does, and count.

    Raises:
        UsageError: there isn't the memory for it.
    """
    table = DATASETS[dataset]
    landed = LandedFile(path.name, str(path), dataset, path.stat().st_size, "", "", 0, 0)
    file = FetchedFile(landed, "", path, mapping)
    with (
        tempfile.TemporaryDirectory(prefix="workbench-") as scratch,
        duckdb.connect(str(Path(scratch) / "trial.duckdb")) as connection,
        bounded(connection),
    ):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {table.schema}")
        connection.execute(create_table(table, "duckdb")[0])
        rows = None
        try:
            opened = open_file(connection, file, Path(scratch))
            rows = opened.rows
            checked = split(connection, opened, ledger.after(None))
        except (duckdb.OutOfMemoryException, MemoryError):
            raise UsageError(f"{path.name} takes more memory than WORKBENCH_INGEST_MEMORY allows") from None
        except Exception as error:
            checked = refuse_file(connection, file, fault_of(error, file))
        names = [column.name for column in ours(table)]
        shown = ", ".join(f"CAST({quote(name)} AS VARCHAR) AS {quote(name)}" for name in names)
        first = f"SELECT _row_number, {shown} FROM {table.full_name} ORDER BY _row_number LIMIT {_SHOWN}"
        accepted = _rows(connection, first)
        aside = "SELECT n AS row_number, record, reasons FROM refused ORDER BY list_contains(reasons, ?), n LIMIT ?"
        refused = _rows(connection, aside, [REFUSED_WHOLE, _SHOWN])
        counts = connection.execute("SELECT unnest(reasons), count(*) FROM refused GROUP BY 1").fetchall()
    sources = rows.sources if rows else {}
    written = mapping.columns if mapping else {}
    columns = {
        name: written.get(name)
        if written
        else (_theirs(name, rows.names) if rows and name in sources else None)
        for name in names
    }
    return Trial(
        file=path.name,
        dataset=dataset,
        form=rows.form if rows else "",
        columns=columns,
        others=list(rows.others) if rows else [],
        status=checked.status,
        verdict=checked.verdict,
        message=checked.message,
        rows_landed=checked.accepted + checked.quarantined,
        rows_accepted=checked.accepted,
        rows_quarantined=checked.quarantined,
        reasons=dict(Counter(dict(counts)).most_common()),
        accepted=accepted,
        refused=refused,
        known=known_already(path, dataset, mapping),
    )


def _theirs(name: str, names: tuple[str, ...]) -> str:
    """Return how a file writes the name of one of our columns."""
    return name if name in names else next(each for each in names if each.lower() == name.lower())


def _rows(
    connection: duckdb.DuckDBPyConnection, sql: str, values: Sequence[Any] = ()
) -> list[dict[str, Any]]:
    result = connection.execute(sql, values)
    names = [each[0] for each in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
