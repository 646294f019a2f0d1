"""Rows that come back from quarantine, as rows: each is read alone, by the form in which it came."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from workbench.etl.ingestion.converting.nested import members
from workbench.etl.ingestion.reading.forms import Content
from workbench.etl.ingestion.reading.json_lines.lines import open_json
from workbench.etl.ingestion.reading.quoting import Quoting
from workbench.etl.ingestion.reading.rows import Rows, Source
from workbench.etl.ingestion.reading.sent_back.file import Item, read_items
from workbench.etl.ingestion.reading.staging import prepare
from workbench.sources.dialect import Dialect

_AT_A_TIME = 20_000
_SCHEMA = pa.schema(
    [
        ("n", pa.int64()), ("batch_id", pa.string()), ("row_number", pa.int64()), ("first_batch_id", pa.string()),
        ("first_row_number", pa.int64()), ("record", pa.string()), ("form", pa.string()), ("reason", pa.string()),
        ("kind", pa.string()),
    ]
)  # fmt: skip
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_FORM = "(SELECT form FROM replayed WHERE replayed.n = refused.n)"


def open_replay(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    scratch: Path,
    known: Sequence[str],
    longest: int,
    dialect: Dialect | None = None,
    *,
    as_they_are: bool,
) -> Rows:
    """Open a file of rows from quarantine.

    Tables ``replayed`` (n and what the file says of the row) and ``aside`` (n, reason, later_batch_id,
    later_row_number; empty) are made beside what other forms make.

    Args:
        connection: temporary tables are made in it.
        path: the file.
        scratch: a folder to use.
        known: names of columns that are asked for.
        longest: bytes that a record may have.
        dialect: how numbers are written, and what means that there is none.
        as_they_are: whether the values of what was Parquet get their types back, for the expressions of a map.

    Raises:
        UnreadableFile: it is damaged.
    """
    prepare(connection)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE aside (n BIGINT, reason VARCHAR, later_batch_id VARCHAR, later_row_number BIGINT)"
    )
    connection.register("chunk", _SCHEMA.empty_table())
    connection.execute("CREATE OR REPLACE TEMP TABLE replayed AS SELECT * FROM chunk")
    connection.unregister("chunk")
    types: dict[str, str] = {}
    objects = scratch / "replayed.jsonl"
    with objects.open("w", encoding="utf-8", newline="\n") as file:
        numbered = enumerate(read_items(path), 1)
        while chunk := list(islice(numbered, _AT_A_TIME)):
            rows = []
            for n, item in chunk:
                text, reason = _object(item, longest)
                file.write(text + "\n")
                rows.append(_row(n, item, reason))
                types |= item.form.get("types", {})
            connection.register("chunk", pa.Table.from_pylist(rows, schema=_SCHEMA))
            connection.execute("INSERT INTO replayed SELECT * FROM chunk")
            connection.unregister("chunk")
    # Names of columns make an object longer than its record was.
    said = {name: getattr(dialect, name) for name in ("decimal", "thousands", "null")} if dialect else {}
    content = Content(objects, "json", Dialect(**said))
    found = open_json(connection, content, scratch / "lines", known, 4 * longest + (1 << 20))
    wrong = "SELECT n FROM replayed WHERE reason IS NOT NULL"
    connection.execute(f"DELETE FROM objects WHERE n IN ({wrong})")
    connection.execute(
        f"DELETE FROM line_errors WHERE n IN ({wrong}) OR n IN (SELECT n FROM replayed WHERE kind <> 'row')"
    )
    connection.execute(
        "UPDATE line_errors SET record = replayed.record FROM replayed WHERE replayed.n = line_errors.n"
    )
    connection.execute(
        "INSERT INTO line_errors SELECT n, record, reason FROM replayed WHERE reason IS NOT NULL AND kind = 'row'"
    )
    sources = {
        name: Source(f"TRY_CAST({source.sql} AS {types[name]})", types[name])
        if as_they_are and name in types
        else source
        for name, source in found.sources.items()
    }
    records = "(SELECT n, record FROM replayed WHERE kind = 'row')"
    return replace(
        found,
        sources=sources,
        records=records,
        form="rows from quarantine",
        record_form=_FORM,
        is_replay=True,
    )


def records_of(connection: duckdb.DuckDBPyConnection, rows: Rows) -> Iterator[tuple[int, str, str | None]]:
    """Yield n, record and what is wrong with the line of every row of a file that was opened, in order."""
    rows.judge_lines(connection)
    cursor = connection.execute(
        f"SELECT n, record, reason FROM {rows.records} LEFT JOIN (SELECT n, reason FROM line_errors) USING (n) ORDER BY n"
    )
    while chunk := cursor.fetchmany(_AT_A_TIME):
        yield from chunk


def _row(n: int, item: Item, reason: str | None) -> dict[str, object]:
    form, record = item.form, item.record
    if item.cells is not None:
        columns = form.get("columns") or list(item.cells)
        form, record = (
            {"form": "json", "columns": list(dict.fromkeys([*columns, *item.cells]))},
            _mended(item),
        )
    return {
        "n": n, "batch_id": item.batch_id, "row_number": item.row_number, "first_batch_id": item.first_batch_id,
        "first_row_number": item.first_row_number, "record": record, "form": json.dumps(form), "reason": reason,
        "kind": item.kind,
    }  # fmt: skip


def _object(item: Item, longest: int) -> tuple[str, str | None]:
    """Return a row as a JSON object in one line, and the code of what is wrong with its text."""
    columns: list[str] = item.form.get("columns", [])
    nothing = json.dumps(dict.fromkeys(columns))
    if item.cells is not None:
        return _mended(item), None
    if item.lost:
        return nothing, item.lost
    if item.form["form"] != "csv":
        return item.record.replace("\r", " ").replace("\n", " ") or nothing, None
    if len(item.record.encode()) > longest:
        return nothing, "line:too_long"
    if not item.record:
        return nothing, "line:blank"
    cells = split_record(item.form, item.record, longest)
    if cells is None:
        return nothing, "line:bad_quoting"
    if not columns:
        return nothing, "line:unknown_header"
    if len(cells) != len(columns):
        few = len(cells) < len(columns)
        return nothing, "line:too_few_columns" if few else "line:too_many_columns"
    return json.dumps(dict(zip(columns, cells, strict=True)), ensure_ascii=False), None


def split_record(form: Mapping[str, Any], record: str, longest: int) -> list[str] | None:
    """Return the cells of a record of CSV, by how it is read; None if its quotes are wrong."""
    delimiter, quote = form["delimiter"], form.get("quote", '"')
    if quote == "none":
        return record.split(delimiter)
    return Quoting(delimiter, len(form["columns"]), longest, quote).parse(record)


def written_members(record: str) -> dict[str, str] | None:
    """Return the values of a record in JSON as they are written there, by their names; None if it is no object."""
    try:
        if not isinstance(json.loads(record), dict):
            return None
    except (ValueError, RecursionError):
        return None
    text = record.strip()
    return {name: text[start:end] for name, (start, end) in members(text, 0)}


def _mended(item: Item) -> str:
    """Return a row with mended cells as a JSON object; what nobody mended keeps its words."""
    whole: dict[str, str] = {}
    if item.form["form"] != "csv":
        whole = written_members(item.record) or {}
    for name, value in (item.cells or {}).items():
        # A number stays one, which is plain whatever a map says of those in texts.
        is_number = value is not None and all(map(_NUMBER.fullmatch, (whole.get(name, ""), value)))
        whole[name] = value if is_number else json.dumps(value, ensure_ascii=False)
    said = (f"{json.dumps(name, ensure_ascii=False)}: {value}" for name, value in whole.items())
    return "{" + ", ".join(said).replace("\r", " ").replace("\n", " ") + "}"
