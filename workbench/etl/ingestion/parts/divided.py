"""Files that are large enough to be judged in parts, and those that are judged whole."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from workbench.errors import UsageError, WorkFailed, one_line
from workbench.etl.ingestion.converting.faults import Damaged, ForeignForm
from workbench.etl.ingestion.opened import (
    JudgedElsewhere,
    OpenedFile,
    columns_by,
    known_columns,
    missing_columns,
    open_file,
)
from workbench.etl.ingestion.parts.judging import Request, as_told
from workbench.etl.ingestion.reading import Rows, open_rows
from workbench.etl.ingestion.reading.forms import Content, look_at
from workbench.etl.ingestion.reading.header import Header, read_header
from workbench.etl.ingestion.reading.sent_back.file import is_replay
from workbench.governance import ledger
from workbench.governance.quarantine.rows import EXPORTED
from workbench.schema import DATASETS
from workbench.settings import Settings, get_settings
from workbench.sources.binding import misfits
from workbench.sources.landing import FetchedFile

_MB = 1 << 20


def open_landed(
    connection: duckdb.DuckDBPyConnection, file: FetchedFile, scratch: Path, *, elsewhere: bool = False
) -> OpenedFile:
    """Open a landed file; the rows of a large CSV are judged by Spark, where the settings say so.

    Args:
        connection: where to.
        file: the file.
        scratch: a folder to use.
        elsewhere: whether the rows go to a warehouse elsewhere.

    Raises:
        UnreadableFile: the file can't be read at all.
        UsageError, WorkFailed: Spark is missing, or failed.
    """
    settings = get_settings()
    least = settings.spark_from * _MB
    if least and file.path.stat().st_size >= least:
        found = plan(connection, file, scratch, settings, elsewhere=elsewhere)
        if found and _ran(found.request, settings):
            out = found.request.out
            judged = JudgedElsewhere(
                sorted(map(str, out.glob("accepted/*.parquet"))),
                sorted(map(str, out.glob("refused/*.parquet"))),
                lambda: open_file(connection, file, scratch),
            )
            return OpenedFile(file, DATASETS[file.dataset], found.rows, judged)
    return open_file(connection, file, scratch)


@dataclass(frozen=True)
class Plan:
    """How a file is judged in parts; ``rows`` knows its columns."""

    request: Request
    rows: Rows


def plan(
    connection: duckdb.DuckDBPyConnection,
    file: FetchedFile,
    scratch: Path,
    settings: Settings,
    *,
    elsewhere: bool = False,
) -> Plan | None:
    """Plan how a file is judged in parts; None if it can't be divided, or something is odd about all of it."""
    mapping = columns_by(file)
    if is_replay(file.path) or (mapping and mapping.looks_around):
        return None
    try:
        content = look_at(file.path, file.map)
    except (ForeignForm, Damaged, OSError):
        return None
    if content.form != "csv" or not content.is_plain:
        return None
    table = DATASETS[file.dataset]
    known, longest = known_columns(table, mapping), settings.longest_line
    header = read_header(content, known, longest)
    rows = _head(connection, content, header, file, scratch, known)
    if rows is None or rows.headless or rows.names != header.names or EXPORTED in rows.names:
        return None
    types = {name: source.type for name, source in rows.sources.items()}
    if misfits(mapping, rows.names, types) if mapping else missing_columns(table, rows):
        return None
    request = Request(
        path=file.path.absolute(),
        dataset=file.dataset,
        batch_id=file.batch_id,
        mapping=file.map,
        head=header.size,
        names=header.names,
        delimiter=header.delimiter,
        quote=None if content.dialect.quote == "none" else content.dialect.quote or '"',
        longest=longest,
        elsewhere=elsewhere,
        out=Path(tempfile.mkdtemp(prefix="parts-", dir=scratch)),
        timestamp=ledger.after(None),
        size=settings.spark_part * _MB,
        memory=settings.ingest_memory,
    )
    return Plan(request, rows)


def _head(
    connection: duckdb.DuckDBPyConnection,
    content: Content,
    header: Header,
    file: FetchedFile,
    scratch: Path,
    known: list[str],
) -> Rows | None:
    """Return what a file's head says of its columns, without a row."""
    head = scratch / "head.csv"
    with file.path.open("rb") as whole:
        head.write_bytes(whole.read(header.size))
    told = as_told(file.map, header.delimiter)
    rows = open_rows(connection, head, scratch, known, told, as_they_are=columns_by(file) is not None)
    return replace(rows, notes=(*content.notes, *rows.notes)) if rows else None


def _ran(request: Request, settings: Settings) -> bool:
    """Run Spark on a file; False if it found that the file has to be judged whole.

    Raises:
        UsageError: the program can't be started.
        WorkFailed: it failed.
    """
    asked = request.out / "request.json"
    asked.write_text(request.model_dump_json())
    program = shlex.split(settings.spark_program) or [sys.executable]
    command = [*program, "-m", "workbench.etl.ingestion.parts", str(asked)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise UsageError(f"WORKBENCH_SPARK_PROGRAM: {program[0]} can't be run: {error.strerror}") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it said nothing"]
        # Where Java ended, Python only knows that it did.
        causes = [each for each in lines[:-1] if each.startswith("Caused by: ")][-1:]
        said = " ".join(one_line(each, 300) for each in [lines[-1], *causes])
        raise WorkFailed(
            f"Spark, which WORKBENCH_SPARK_FROM asks for, failed with exit status {done.returncode}: {said}"
        )
    return "problem" not in json.loads(done.stdout.strip().splitlines()[-1])
