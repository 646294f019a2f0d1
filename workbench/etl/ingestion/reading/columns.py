"""The columns of a file, without its rows as far as its form allows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from workbench.etl.ingestion.memory import bounded
from workbench.etl.ingestion.reading import at_hand, open_rows
from workbench.etl.ingestion.reading.forms import look_at
from workbench.etl.ingestion.reading.header import positions, read_header
from workbench.etl.ingestion.reading.parquet import types_of
from workbench.settings import get_settings
from workbench.sources.dialect import Dialect


@dataclass(frozen=True)
class Columns:
    """The names of a file's columns, and the DuckDB types of those that are asked for, by the names asked for."""

    names: tuple[str, ...]
    types: dict[str, str]


def columns_of(path: Path, known: Iterable[str] | None, dialect: Dialect | None = None) -> Columns:
    """Return the columns of a file; none if it has no byte. Of JSON each value is looked at.

    Args:
        path: the file.
        known: the names asked for; None if none is and no more than the form is to be looked at.
        dialect: what is said of how it is written.

    Raises:
        UnreadableFile, ForeignForm, Damaged, OSError, duckdb.Error: it can't be read.
    """
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder, duckdb.connect() as connection:
        shown = Path(folder) / "landed"
        shown.symlink_to(path.absolute())
        content = look_at(path, dialect)
        if known is None:
            return Columns((), {})
        known = tuple(known)
        if content.form == "json":
            with bounded(connection):
                rows = open_rows(connection, path, Path(folder), known, dialect)
            if rows is None:
                return Columns((), {})
            return Columns(rows.names, {name: source.type for name, source in rows.sources.items()})
        content = at_hand(replace(content, path=shown), Path(folder))
        if content.form == "empty":
            return Columns((), {})
        if content.form == "parquet":
            found = types_of(connection, content.path, content.dialect.unnest)
            names, kinds = tuple(found), list(found.values())
        else:
            header = read_header(content, known, get_settings().longest_line)
            names, kinds = header.names, ["VARCHAR"] * len(header.names)
    return Columns(names, {name: kinds[where[0]] for name, where in positions(known, names).items()})
