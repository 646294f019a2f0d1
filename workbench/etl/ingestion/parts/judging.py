"""One part of a file, held to the contract by the code that judges whole files."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
from pydantic import BaseModel, ConfigDict

from workbench.etl.ingestion.check import judge_rows
from workbench.etl.ingestion.opened import OpenedFile, columns_by, known_columns
from workbench.etl.ingestion.parts.borders import Part, read
from workbench.etl.ingestion.reading import open_rows
from workbench.etl.ingestion.reading.cutter import Layout
from workbench.etl.ingestion.unfit import refuse_unfit
from workbench.schema import DATASETS, create_table, quote
from workbench.sources.dialect import Dialect
from workbench.sources.landing import FetchedFile, LandedFile
from workbench.sources.maps import Map

_PART = "part-{:05}.parquet"


class Request(BaseModel):
    """A file that is to be judged in parts, and where its rows go.

    Attributes:
        path: the file, plain CSV in UTF-8.
        dataset: its dataset.
        batch_id: its batch.
        mapping: the map beside it; none of its expressions looks at other rows.
        head: bytes before the first record.
        names: columns that the head names, and their ``delimiter`` and ``quote``.
        longest: bytes that a record may have.
        elsewhere: whether the rows go to a warehouse elsewhere, which can't hold all values.
        out: a folder, in which ``accepted`` and ``refused`` are made.
        timestamp: what rows have for ``_ingested_at``.
        size: bytes of a part, about.
        memory: megabytes for all parts that are judged at a time.
    """

    model_config = ConfigDict(frozen=True)

    path: Path
    dataset: str
    batch_id: str
    mapping: Map | None
    head: int
    names: tuple[str, ...]
    delimiter: str
    quote: str | None
    longest: int
    elsewhere: bool
    out: Path
    timestamp: datetime
    size: int
    memory: int

    @property
    def layout(self) -> Layout:
        """How the file is cut into records."""
        return Layout(self.delimiter, len(self.names), self.head, self.longest, self.quote)

    @property
    def dialect(self) -> Dialect:
        """How a part is written: as the whole is, whatever it looks like alone."""
        return as_told(self.mapping, self.delimiter)


@dataclass(frozen=True)
class Judged:
    """How many rows of a part went where; ``problem`` says why it can't be judged alone."""

    accepted: int
    refused: int
    problem: str = ""


def as_told(dialect: Dialect | None, delimiter: str) -> Dialect:
    """Return what is said of a file, together with what was told by looking at all of it."""
    told = {"encoding": "utf-8", "delimiter": delimiter}
    return (dialect or Dialect()).model_copy(update=told)


def judge_part(request: Request, number: int, part: Part, memory: int) -> Judged:
    """Judge the rows of a part, and write them to Parquet: the accepted ones as COPY takes them into raw.

    A file that another try wrote is replaced; it appears whole.

    Args:
        request: the file.
        number: of the part, from 0.
        part: the part.
        memory: megabytes that the engine may use.
    """
    table = DATASETS[request.dataset]
    with tempfile.TemporaryDirectory(prefix="workbench-part-") as folder, duckdb.connect() as connection:
        scratch = Path(folder)
        piece = scratch / "piece.csv"
        with request.path.open("rb") as file:
            piece.write_bytes(file.read(request.head) + read(request.path, part.range))
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET threads = 1")
        connection.execute("SET temp_directory = ?", [f"{folder}/temp"])
        connection.execute(f"SET memory_limit = '{memory}MB'")
        connection.execute(f"CREATE SCHEMA {table.schema}")
        connection.execute(create_table(table, "duckdb")[0])
        connection.execute("CREATE TEMP TABLE refused (n BIGINT, record VARCHAR, reasons VARCHAR[])")
        landed = LandedFile(piece.name, str(request.path), request.dataset, 0, "", "", 0, 0)
        fetched = FetchedFile(landed, request.batch_id, piece, request.mapping)
        known, has_columns = (
            known_columns(table, columns_by(fetched)),
            columns_by(fetched) is not None,
        )
        rows = open_rows(connection, piece, scratch, known, request.dialect, as_they_are=has_columns)
        if rows is None or rows.headless or rows.names != request.names:
            return Judged(0, 0, "a part of it is read otherwise than the whole")
        opened = OpenedFile(fetched, table, rows)
        try:
            accepted = judge_rows(connection, opened, rows, request.timestamp)
            if request.elsewhere:
                accepted -= refuse_unfit(connection, opened)
        except duckdb.OutOfMemoryException:
            raise
        except Exception as error:
            return Judged(0, 0, str(error))
        ((refused,),) = connection.execute("SELECT count(*) FROM refused").fetchall()
        columns = ", ".join(
            f"CAST({quote(column.name)} AS VARCHAR) AS {quote(column.name)}"
            if column.kind == "json"
            else quote(column.name)
            for column in table.columns
        )
        shift = f"SELECT * REPLACE (_row_number + {part.before} AS _row_number) FROM {table.full_name}"
        _write(connection, f"SELECT {columns} FROM ({shift})", request.out / "accepted", number)
        if refused:
            query = f"SELECT n + {part.before} AS n, record, reasons FROM refused"
            _write(connection, query, request.out / "refused", number)
    return Judged(accepted, refused)


def _write(connection: duckdb.DuckDBPyConnection, query: str, folder: Path, number: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / _PART.format(number)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".", suffix=".writing", delete=False) as new:
        place = new.name.replace("'", "''")
    connection.execute(f"COPY ({query}) TO '{place}' (FORMAT parquet, COMPRESSION zstd)")
    Path(new.name).rename(target)
