"""Read what landed, whatever its form, as numbered rows of their columns beside the record as it came."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import duckdb

from workbench.etl.ingestion.converting.faults import Damaged, ForeignForm
from workbench.etl.ingestion.converting.packed import unpack
from workbench.etl.ingestion.converting.workbook import write_sheet
from workbench.etl.ingestion.reading.delimited import open_csv
from workbench.etl.ingestion.reading.forms import Content, Form, look_at
from workbench.etl.ingestion.reading.json_lines.lines import open_json
from workbench.etl.ingestion.reading.parquet import open_parquet
from workbench.etl.ingestion.reading.rows import Rows, Source, UnreadableFile
from workbench.etl.ingestion.reading.staging import prepare
from workbench.settings import get_settings
from workbench.sources.dialect import Dialect

_OURS = (duckdb.OutOfMemoryException, duckdb.InterruptException, duckdb.FatalException)
"""What isn't the file's fault."""


def open_rows(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    scratch: Path,
    known: Iterable[str],
    dialect: Dialect | None = None,
    *,
    as_they_are: bool = False,
) -> Rows | None:
    """Open a landed file; None if it has no byte.

    Args:
        connection: temporary tables are made in it.
        path: the file; its form is told by looking at it, of JSON lines from its name too.
        scratch: a folder to use.
        known: names of columns that are asked for; of a CSV, a header is told by them.
        dialect: what is said of how it is written.
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
        content = look_at(path, dialect)
        form = content.form
        shown.symlink_to(path.absolute())
        content = at_hand(replace(content, path=shown), scratch)
        prepare(connection)
        match content.form:
            case "empty":
                return None
            case "parquet":
                unnest = content.dialect.unnest
                return open_parquet(
                    connection, content.path, known, longest, as_they_are=as_they_are, unnest=unnest
                )
            case "json":
                return open_json(connection, content, scratch / "lines", known, longest)
            case _:
                return open_csv(connection, content, scratch / "lines", known, longest)
    except ForeignForm as error:
        raise UnreadableFile(str(error), cut_short=error.cut_short) from None
    except Damaged as error:
        raise UnreadableFile(f"it is damaged, or was cut short: {error}", cut_short=error.cut_short) from None
    except _OURS:
        raise
    except (OSError, EOFError, zlib.error, duckdb.Error) as error:
        text = (str(error).strip().splitlines() or [type(error).__name__])[0].replace(str(shown), path.name)
        if form != "parquet" or not isinstance(error, duckdb.Error):
            raise UnreadableFile(text) from None
        raise UnreadableFile(
            f"it is damaged, or was cut short: {text}", cut_short=not _has_footer(content.path)
        ) from None


def at_hand(content: Content, scratch: Path) -> Content:
    """Return a content that can be read as it streams, or by places: a sheet as CSV, Parquet without its packing.

    Raises:
        ForeignForm, Damaged, OSError: it can't be read.
    """
    if content.packing and content.form in ("parquet", "workbook"):
        content = replace(content, path=unpack(content.path, scratch / "unpacked"), packing=())
    if content.form != "workbook":
        return content
    sheet = write_sheet(content.path, scratch / "sheet", content.dialect)
    others = f" (not {', '.join(sheet.others)})" if sheet.others else ""
    # It is written in one way, whatever is said of the file's text.
    dialect = content.dialect.model_copy(update={"delimiter": ",", "quote": None, "encoding": None})
    notes = (*content.notes, f"sheet {sheet.name}{others}")
    return replace(content, path=sheet.path, form="csv", dialect=dialect, notes=notes, is_sheet=True)


def _has_footer(path: Path) -> bool:
    """Whether a Parquet file ends as one does."""
    with path.open("rb") as file:
        file.seek(-4, 2)
        return file.read() == b"PAR1"


__all__ = ["Rows", "Source", "UnreadableFile", "at_hand", "open_rows"]
