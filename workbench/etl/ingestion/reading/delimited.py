"""CSV as rows: the plain lines are split by DuckDB, the others were parsed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import duckdb

from workbench.etl.ingestion.reading.cutter import Layout
from workbench.etl.ingestion.reading.forms import Content
from workbench.etl.ingestion.reading.header import Header, positions, read_header
from workbench.etl.ingestion.reading.rows import NUMBERED, Rows, Source
from workbench.etl.ingestion.reading.staging import stage_lines
from workbench.etl.ingestion.reading.values import extra, extra_of_list, literal

_FEW = 200
"""Up to so many columns beside ours each is put by itself into the rest; more are put there as a list."""
_SHOWN = 10
_WRITTEN = 16
_MARKS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", "\x01": "\\x01"}
_LONGEST_SHOWN = 100


def open_csv(
    connection: duckdb.DuckDBPyConnection, content: Content, scratch: Path, known: Sequence[str], longest: int
) -> Rows:
    """Open a CSV; ``known`` are the names asked for."""
    header = read_header(content, known, longest)
    quote = None if content.dialect.quote == "none" else content.dialect.quote or '"'
    layout = Layout(header.delimiter, len(header.names), header.size, longest, quote)
    if content.is_sheet:
        # The number of a row is that of the sheet, and rows without a value are none.
        layout = replace(layout, above=header.rows, blanks=False)
    stage_lines(connection, content, scratch, layout)
    if not header.known:
        return _without_header(connection, content, header, known)
    notes = (*content.notes, *_left_out(content, header))
    wanted = len(header.names)
    split = f"string_split(line, {literal(header.delimiter)})"
    verdict = f"CASE WHEN found < {wanted} THEN 'line:too_few_columns' ELSE 'line:too_many_columns' END"
    connection.execute(
        f"INSERT INTO line_errors SELECT n, record, {verdict} "
        f"FROM (SELECT n, record, len(parts) AS found FROM parsed) WHERE found <> {wanted}"
    )
    connection.execute(f"DELETE FROM parsed WHERE len(parts) <> {wanted}")
    wrong = (
        f"SELECT n, coalesce(line, ''), CASE WHEN line IS NULL THEN 'line:blank' ELSE {verdict} END "
        f"FROM (SELECT n, line, len({split}) AS found FROM {NUMBERED}) WHERE found IS DISTINCT FROM {wanted}"
    )
    found = {name: theirs[0] for name, theirs in positions(known, header.names).items()}
    others = [place for place in range(wanted) if place not in found.values()]
    # Unknown columns are kept as they came, blanks and all.
    trimmed = not others
    values = _without_blanks(split, header.delimiter) if trimmed else split
    special = "list_transform(parts, lambda part: trim(part))" if trimmed else "parts"
    picked = "".join(f", parts[{place + 1}] AS c{place}" for place in found.values())
    names = [header.names[place] for place in others]
    if len(others) <= _FEW:
        rest = extra((header.names[place], f"to_json(parts[{place + 1}])") for place in others)
    else:
        rest = extra_of_list(names, f"list_select(parts, {[place + 1 for place in others]})")
    relation = f"""(SELECT n{picked}, {rest} AS extra FROM (
        SELECT n, parts FROM (SELECT n, {values} AS parts FROM {NUMBERED}) WHERE len(parts) = {wanted}
        UNION ALL SELECT n, {special} FROM parsed))"""
    return Rows(
        header.names,
        {name: Source(f"c{place}", "VARCHAR") for name, place in found.items()},
        tuple(names),
        relation,
        _RECORDS,
        None,
        wrong,
        trimmed,
        form=_described(content, header),
        notes=notes,
        record_form=_record_form(content, header),
    )


_RECORDS = f"""(SELECT n, line AS record FROM {NUMBERED} WHERE n NOT IN (SELECT n FROM line_errors)
    UNION ALL SELECT n, record FROM parsed UNION ALL SELECT n, record FROM line_errors)"""


def _without_blanks(split: str, delimiter: str) -> str:
    """Return SQL for the parts of a line without blanks around them; few lines have any, so few are touched."""
    before, after = literal(" " + delimiter), literal(delimiter + " ")
    blanks = f"contains(line, {before}) OR contains(line, {after}) OR line[1] = ' ' OR ends_with(line, ' ')"
    return f"CASE WHEN {blanks} THEN list_transform({split}, lambda part: trim(part)) ELSE {split} END"


def _described(content: Content, header: Header) -> str:
    """Say what the file is, how it is delimited and where its header stands."""
    delimited = "" if content.is_sheet else f", delimited by {_MARKS.get(header.delimiter, header.delimiter)}"
    unit = "row" if content.is_sheet else "line"
    place = "no header" if content.dialect.header else f"header in {unit} {header.line}"
    return f"{content.described()}{delimited}, {place}"


def _left_out(content: Content, header: Header) -> list[str]:
    """Say what stands above a header that was found by looking."""
    texts = [text.strip(" \t,;|") for text in header.above]
    if content.dialect.skip is not None or not any(texts):
        return []
    shown = " / ".join(filter(None, texts))
    cut = shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"
    return [f"{len(texts)} {'line' if len(texts) == 1 else 'lines'} above the header left out: {cut}"]


def _without_header(
    connection: duckdb.DuckDBPyConnection, content: Content, header: Header, known: Sequence[str]
) -> Rows:
    connection.execute("INSERT INTO line_errors SELECT n, record, 'line:unknown_header' FROM parsed")
    connection.execute("DELETE FROM parsed")
    wrong = f"SELECT n, coalesce(line, ''), 'line:unknown_header' FROM {NUMBERED}"
    relation = "(SELECT n, CAST(NULL AS JSON) AS extra FROM numbered WHERE false)"
    return Rows(
        (),
        {},
        (),
        relation,
        _RECORDS,
        _advice(content, header, known),
        wrong,
        notes=content.notes,
        record_form=_record_form(content, header),
    )


def _record_form(content: Content, header: Header) -> str:
    """Return SQL for how a record is read; without a header nobody knows what its fields are called."""
    names = list(header.names) if header.known else []
    said = {
        "form": "csv",
        "delimiter": header.delimiter,
        "quote": content.dialect.quote or '"',
        "columns": names,
    }
    return literal(json.dumps(said))


def _advice(content: Content, header: Header, known: Sequence[str]) -> str:
    """Say what is in the place of a header, and what to do."""
    if content.dialect.header == "none":
        return (
            f"the map says that there is no header, and calls the columns {', '.join(header.names[:_SHOWN])}"
        )
    first = header.lines[0] if header.lines else ""
    if not first.strip():
        return "it is blank; the header belongs there"
    if not first.isprintable() and not first.replace("\t", "").isprintable():
        return "it doesn't look like a table of text: CSV, JSON, Parquet or an Excel workbook is wanted"
    if len(header.names) == 1:
        shown = first if len(first) <= _LONGEST_SHOWN else f"{first[:_LONGEST_SHOWN]}…"
        said = "the sheet, and the rows" if content.is_sheet else "the delimiter, and the lines"
        example = "sheet: Sales" if content.is_sheet else 'delimiter: "#"'
        return f"nothing in it parts columns: {shown}; a map may say {said} above the header ({example}, skip: 3)"
    names = [name for name in header.names if not _is_value(name)]
    if len(names) < len(header.names):
        missing = header.delimiter.join(known) if len(known) <= _WRITTEN else "the names of its columns"
        return f"the first line seems to be a row; put a header above it: {missing} (or say header: none in a map)"
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return f"its columns are {shown}; rename them, or write a map (workbench load --map)"


def _is_value(cell: str) -> bool:
    """Return True for what is rather a value than a name: a number, a date."""
    return cell[:1].isdigit() or cell[:1] in "+-." or cell.replace(".", "").isdigit()
