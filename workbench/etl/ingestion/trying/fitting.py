"""Whether a file can be taken in, before it is landed."""

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


def check_file(path: Path, mapping: Map | None) -> None:
    """Hold a file against what is read, and a map against the columns of a file.

    Whether our columns are there is left to ingestion where there is no map, as is a file without a byte.

    Raises:
        UsageError: the file is of no form that is read, or a column of the map can't be had from it.
    """
    asked = sorted(set().union(*mapping.sources().values())) if mapping and mapping.columns else None
    try:
        columns = columns_of(path, asked, mapping)
    except (UnreadableFile, ForeignForm) as error:
        raise UsageError(f"{shown(path.name)}: {error}") from None
    except Damaged as error:
        raise UsageError(f"{shown(path.name)}: it is damaged, or was cut short: {error}") from None
    except (EOFError, duckdb.Error):
        return
    if asked and columns.names and (found := misfits(mapping, columns.names, columns.types)):  # type: ignore[arg-type]
        raise UsageError(f"{shown(path)}: {'; '.join(map(str, found))}")
