"""A landed file that is open: its columns, and its rows before they are held to the contract."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from workbench.etl.ingestion.reading import Rows, open_rows
from workbench.etl.ingestion.reading.sent_back.file import is_replay
from workbench.etl.ingestion.reading.sent_back.rows import open_replay
from workbench.etl.ingestion.shaping import ours
from workbench.schema import DATASETS, Table
from workbench.settings import get_settings
from workbench.sources.landing import FetchedFile
from workbench.sources.maps import Map


@dataclass(frozen=True)
class JudgedElsewhere:
    """Rows of a file that were held to the contract somewhere else, in Parquet.

    ``accepted`` are the files of rows with the columns of the raw table, ``refused`` those with ``n``, ``record`` and
    ``reasons``. ``whole`` opens the file as if that hadn't been, for what needs every record as it came.
    """

    accepted: list[str]
    refused: list[str]
    whole: Callable[[], OpenedFile]


@dataclass(frozen=True)
class OpenedFile:
    """A landed file, read inside a connection and ready to be split; ``rows`` is None if it has no byte.

    Of a file whose rows were ``judged`` elsewhere, ``rows`` knows the columns alone.
    """

    file: FetchedFile
    table: Table
    rows: Rows | None
    judged: JudgedElsewhere | None = None


def open_file(connection: duckdb.DuckDBPyConnection, file: FetchedFile, scratch: Path) -> OpenedFile:
    """Read a landed file into temporary tables; ``scratch`` is a folder to use.

    Raises:
        UnreadableFile: the file can't be read at all.
    """
    table = DATASETS[file.dataset]
    mapping = columns_by(file)
    known, as_they_are = known_columns(table, mapping), mapping is not None
    if is_replay(file.path):
        longest = get_settings().longest_line
        rows: Rows | None = open_replay(
            connection, file.path, scratch, known, longest, file.map, as_they_are=as_they_are
        )
    else:
        rows = open_rows(connection, file.path, scratch, known, file.map, as_they_are=as_they_are)
    return OpenedFile(file, table, rows)


def columns_by(file: FetchedFile) -> Map | None:
    """Return the map of a file, if it says more than how the file is written."""
    return file.map if file.map and file.map.columns else None


def known_columns(table: Table, mapping: Map | None) -> list[str]:
    """Return the names of columns that are read from a file, of ours or of the map's."""
    if mapping is None:
        return [column.name for column in ours(table)]
    return sorted({name for names in mapping.sources().values() for name in names})


def missing_columns(table: Table, rows: Rows) -> list[str]:
    """Return the required columns that a file without a map hasn't got."""
    return [column.name for column in ours(table) if column.required and column.name not in rows.sources]
