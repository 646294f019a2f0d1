"""Read what landed, whatever its format, as numbered rows of their columns beside the record as it came."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable
from pathlib import Path

import duckdb

from workbench.etl.ingestion.reading.delimited import open_csv
from workbench.etl.ingestion.reading.forms import ForeignForm, Form, form_of
from workbench.etl.ingestion.reading.json_lines import open_json
from workbench.etl.ingestion.reading.parquet import open_parquet
from workbench.etl.ingestion.reading.rows import Rows, Source, UnreadableFile
from workbench.etl.ingestion.reading.staging import prepare
from workbench.settings import get_settings

_OURS = (duckdb.OutOfMemoryException, duckdb.InterruptException, duckdb.FatalException)
"""What isn't the file's fault."""


def open_rows(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    scratch: Path,
    known: Iterable[str],
    *,
    as_they_are: bool = False,
) -> Rows | None:
    """Open a landed file; None if it has no byte.

    Args:
        connection: temporary tables are made in it.
        path: the file; its form is told from its first bytes, of JSON lines from its name too.
        scratch: a folder to use.
        known: names of columns that are asked for; of a CSV, a header is told by one of them.
        as_they_are: whether the values of Parquet keep their types, for the expressions of a map.

    Raises:
        UnreadableFile: it is of a form that isn't read, or broken; the text says which, and what to do.
    """
    longest = get_settings().longest_line
    known = tuple(known)
    # The engine takes a path for a pattern, and folders in it for columns: it is shown another one.
    shown = scratch / "landed"
    shown.unlink(missing_ok=True)
    form: Form | None = None
    try:
        form = form_of(path)
        shown.symlink_to(path.absolute())
        prepare(connection)
        match form:
            case "empty":
                return None
            case "parquet":
                return open_parquet(connection, shown, known, longest, as_they_are=as_they_are)
            case "json":
                return open_json(connection, shown, scratch / "lines", known, longest)
            case _:
                return open_csv(connection, shown, scratch / "lines", known, longest)
    except ForeignForm as error:
        raise UnreadableFile(str(error)) from None
    except _OURS:
        raise
    except (OSError, EOFError, zlib.error, duckdb.Error) as error:
        text = (str(error).strip().splitlines() or [type(error).__name__])[0].replace(str(shown), path.name)
        broken = isinstance(error, (gzip.BadGzipFile, EOFError, zlib.error))
        damaged = broken or (form == "parquet" and isinstance(error, duckdb.Error))
        raise UnreadableFile(f"it is damaged, or was cut short: {text}" if damaged else text) from None


__all__ = ["Rows", "Source", "UnreadableFile", "open_rows"]
