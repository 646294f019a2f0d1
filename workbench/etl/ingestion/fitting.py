"""Whether a map fits a file, before the file is landed."""

from __future__ import annotations

from pathlib import Path

import duckdb

from workbench.errors import UsageError
from workbench.etl.ingestion.converting.faults import Damaged, ForeignForm
from workbench.etl.ingestion.reading import UnreadableFile
from workbench.etl.ingestion.reading.columns import columns_of
from workbench.sources.binding import misfits
from workbench.sources.landing import shown
from workbench.sources.maps import Map


def check_map(path: Path, mapping: Map) -> None:
    """Hold a map against the columns of a file.

    A file that can't be read, or has no byte, is left to ingestion, which says what it is.

    Raises:
        UsageError: a column of the map can't be had from the file.
    """
    asked = sorted(set().union(*mapping.sources().values()))
    try:
        columns = columns_of(path, asked, mapping)
    except (UnreadableFile, ForeignForm, Damaged, OSError, EOFError, duckdb.Error):
        return
    if columns.names and (found := misfits(mapping, columns.names, columns.types)):
        raise UsageError(f"{shown(path)}: {'; '.join(map(str, found))}")
