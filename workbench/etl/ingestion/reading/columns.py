"""The columns of a file, without its rows as far as its form allows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from workbench.etl.ingestion.memory import bounded
from workbench.etl.ingestion.reading import open_rows
from workbench.etl.ingestion.reading.forms import form_of
from workbench.etl.ingestion.reading.header import positions, read_header
from workbench.etl.ingestion.reading.parquet import types_of
from workbench.settings import get_settings


@dataclass(frozen=True)
class Columns:
    """The names of a file's columns, and the DuckDB types of those that are asked for, by the names asked for."""

    names: tuple[str, ...]
    types: dict[str, str]


def columns_of(path: Path, known: Iterable[str]) -> Columns:
    """Return the columns of a file; none if it has no byte. Of JSON lines each line is looked at.

    Args:
        path: the file.
        known: the names asked for.

    Raises:
        UnreadableFile, ForeignForm, OSError, duckdb.Error: it can't be read.
    """
    known = tuple(known)
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder, duckdb.connect() as connection:
        match form_of(path):
            case "empty":
                return Columns((), {})
            case "csv":
                header = read_header(path, known, get_settings().longest_line)
                names, kinds = header.names, ["VARCHAR"] * len(header.names)
            case "parquet":
                shown = Path(folder) / "landed"
                shown.symlink_to(path.absolute())
                found = types_of(connection, shown)
                names, kinds = tuple(found), list(found.values())
            case _:
                with bounded(connection):
                    rows = open_rows(connection, path, Path(folder), known)
                if rows is None:
                    return Columns((), {})
                return Columns(rows.names, {name: source.type for name, source in rows.sources.items()})
    return Columns(names, {name: kinds[where[0]] for name, where in positions(known, names).items()})
