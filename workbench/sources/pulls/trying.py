"""Try a declared source: reach it, read a little of it, hold that to what is declared, and land nothing."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

from workbench.errors import UsageError
from workbench.numbers import many
from workbench.settings import Settings
from workbench.sources.files import Check, found
from workbench.sources.pulls.pulling import open_reader, place_of, secret_of, told
from workbench.sources.pulls.reading import Declared
from workbench.sources.pulls.references import Revealed
from workbench.sources.pulls.rows import Reader, Row


def try_source(declared: Declared, settings: Settings, check: Check) -> str:
    """Return in a sentence what was found there.

    Raises:
        UsageError: what is declared of it is wrong, or a secret is missing.
        WorkFailed: it can't be reached, or answers wrongly.
    """
    revealed = Revealed(*settings.secrets)
    try:
        if declared.source.files is not None:
            return _files(declared, revealed)
        with contextlib.closing(open_reader(declared, revealed)) as reader:
            return _rows(declared, reader, check)
    except Exception as error:
        problem = told(declared.name, error, revealed)
    # Outside of the handler: a traceback of what was before may show a secret.
    raise problem


def _rows(declared: Declared, reader: Reader, check: Check) -> str:
    source = declared.source
    start = source.cursor.start if source.cursor else None
    since = reader.position_of(str(start)) if start is not None else None
    rows: Sequence[Row] = next((chunk.rows for chunk in reader.read(since, None)), ())
    said = reader.count(since)
    answer = f"{many(said, 'row')} there" if said is not None else "it answers"
    if not rows:
        return f"{answer}; none to look at"
    if source.cursor and all(row.position is None for row in rows):
        raise UsageError(f"cursor.column: none of {len(rows):,} rows has a value at {source.cursor.column!r}")
    if source.cursor:
        newest = max((row.position for row in rows if row.position), key=lambda each: each.order)
        newest.back(source.cursor.lag)
    if source.key and all(row.key_hash == row.row_hash for row in rows):
        raise UsageError(f"key: none of {len(rows):,} rows has values at all of {', '.join(source.key)}")
    if declared.dataset:
        with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
            path = Path(folder) / f"{declared.name}{reader.suffix}"
            reader.write(rows, path, 0)
            check(path, declared.dataset, declared.map)
    return f"{answer}; looked at {len(rows):,}"


def _files(declared: Declared, revealed: Revealed) -> str:
    with found(place_of(declared, revealed), secret_of(declared, revealed)) as files:
        return f"{len(files):,} found"
