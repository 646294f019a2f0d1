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
    content = look_at(path, dialect)
    if known is None or content.form == "empty":
        return Columns((), {})
    known = tuple(known)
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        if content.form == "json":
            with duckdb.connect() as connection, bounded(connection):
                rows = open_rows(connection, path, Path(folder), known, dialect)
            if rows is None:
                return Columns((), {})
            return Columns(rows.names, {name: source.type for name, source in rows.sources.items()})
        shown = Path(folder) / "landed"
        shown.symlink_to(path.absolute())
        content = at_hand(replace(content, path=shown), Path(folder))
        if content.form == "parquet":
            # To open the engine takes longer than all else here; many small files are CSV, and don't need it.
            with duckdb.connect() as connection:
                found = types_of(connection, content.path, content.dialect.unnest)
            names, kinds = tuple(found), list(found.values())
        elif content.form == "empty":
            return Columns((), {})
        else:
            header = read_header(content, known, get_settings().longest_line)
            names, kinds = header.names, ["VARCHAR"] * len(header.names)
    return Columns(names, {name: kinds[where[0]] for name, where in positions(known, names).items()})
