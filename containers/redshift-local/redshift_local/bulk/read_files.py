"""Reads the files of a COPY as batches of columns: delimited text, CSV, JSON, Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import pyarrow as pa
import pyarrow.csv

from redshift_local.bulk import s3
from redshift_local.bulk.escaped_text import read_escaped
from redshift_local.bulk.json_paths import follow
from redshift_local.bulk.parquet import read_parquet
from redshift_local.bulk.rows import ROWS, BadRow, Batch, Column
from redshift_local.errors import SqlError
from redshift_local.operations import Copy, Location

_BLOCK = 4 << 20


def read(
    client: Any,
    locations: Sequence[Location],
    spec: Copy,
    columns: Sequence[Column],
    refuse: Callable[[BadRow], None],
) -> Iterator[Batch]:
    """Yield the rows of the files in order, in bounded memory; give those that can't be read to ``refuse``."""
    for location in locations:
        if spec.format == "parquet":
            yield from read_parquet(client, location, columns)
            continue
        with closing(_open(client, location, spec)) as stream:
            try:
                if spec.format == "json":
                    yield from _json(stream, location, spec, columns, refuse)
                elif spec.escape:
                    yield from read_escaped(stream, location, spec, columns, refuse)
                else:
                    yield from _delimited(stream, location, spec, columns, refuse)
            except (OSError, EOFError, UnicodeDecodeError, pa.ArrowException) as problem:
                words = str(problem).splitlines()[0]
                raise SqlError("XX000", f"{location.uri} can't be read: {words}") from problem


def _open(client: Any, location: Location, spec: Copy) -> Any:
    with s3.errors_as_sql(location.uri):
        body = client.get_object(Bucket=location.bucket, Key=location.key)["Body"]
    stream = pa.PythonFile(body, mode="r")
    if spec.compression:
        stream = pa.CompressedInputStream(stream, spec.compression)
    return stream


class _Counted:
    """Numbers the rows that are left when some were left out. PyArrow numbers a file's rows from 1."""

    def __init__(self, first: int) -> None:
        self.next, self.skipped = first, set[int]()

    def take(self, count: int) -> list[int]:
        lines: list[int] = []
        while len(lines) < count:
            if self.next not in self.skipped:
                lines.append(self.next)
            self.next += 1
        return lines


def _delimited(
    stream: Any, location: Location, spec: Copy, columns: Sequence[Column], refuse: Callable[[BadRow], None]
) -> Iterator[Batch]:
    names = [column.name for column in columns]
    counted = _Counted(spec.header + 1)
    # PyArrow lets no exception out of its handler: what it finds is refused below.
    invalid_rows: list[BadRow] = []
    short: list[tuple[int, str]] = []

    def refuse_invalid() -> None:
        while invalid_rows:
            refuse(invalid_rows.pop(0))

    def invalid(row: Any) -> str:
        line = row.number if row.number is not None else 0
        counted.skipped.add(line)
        if spec.fill_record and row.actual_columns < row.expected_columns:
            short.append((line, row.text))
            return "skip"
        reason = (
            "Extra column(s) found" if row.actual_columns > row.expected_columns else "Delimiter not found"
        )
        code = 1202 if row.actual_columns > row.expected_columns else 1214
        invalid_rows.append(BadRow(location.uri, line, code, reason, raw_line=row.text))
        return "skip"

    quoted = spec.format == "csv" or spec.remove_quotes
    try:
        reader = pyarrow.csv.open_csv(
            stream,
            pyarrow.csv.ReadOptions(
                use_threads=False, block_size=_BLOCK, skip_rows=spec.header, column_names=names
            ),
            pyarrow.csv.ParseOptions(
                delimiter=spec.delimiter,
                quote_char=spec.quote if quoted else False,
                double_quote=spec.format == "csv",
                escape_char=False,
                newlines_in_values=spec.format == "csv",
                ignore_empty_lines=spec.ignore_blank_lines,
                invalid_row_handler=invalid,
            ),
            # Text is checked by hand below, so that a row that isn't UTF-8 can be told from the others.
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()), strings_can_be_null=False, check_utf8=False
            ),
        )
    except pa.ArrowInvalid as problem:
        if "Empty CSV file" in str(problem) or "skip" in str(problem):
            return
        raise
    with reader:
        for batch in reader:
            refuse_invalid()
            lines = counted.take(len(batch))
            yield from _decoded(batch, lines, location, spec, columns, refuse)
            if short:
                yield _filled(short, location, spec, names)
                short.clear()
        refuse_invalid()
        if short:
            yield _filled(short, location, spec, names)


def _filled(short: list[tuple[int, str]], location: Location, spec: Copy, names: list[str]) -> Batch:
    """Return the rows that end early, with empty fields for what they lack."""
    quoted = spec.format == "csv" or spec.remove_quotes
    found = [
        next(
            csv.reader(
                [text],
                delimiter=spec.delimiter,
                quotechar=spec.quote,
                quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
            ),
            [],
        )
        for _, text in short
    ]
    rows = [row + [""] * (len(names) - len(row)) for row in found]
    arrays = [pa.array(values, pa.string()) for values in zip(*rows, strict=True)]
    return Batch(location.uri, pa.RecordBatch.from_arrays(arrays, names), [line for line, _ in short])


def _decoded(
    batch: pa.RecordBatch, lines: list[int], location: Location, spec: Copy, columns: Sequence[Column],
    refuse: Callable[[BadRow], None],
) -> Iterator[Batch]:  # fmt: skip
    """Yield the batch as text, without the rows that aren't UTF-8, or with the stated character in their stead."""
    arrays, bad = [], set[int]()
    for column, array in zip(columns, batch.columns, strict=True):
        try:
            arrays.append(array.cast(pa.string()))
            continue
        except pa.ArrowInvalid:
            values = array.to_pylist()
        decoded: list[str | None] = []
        for index, value in enumerate(values):
            try:
                decoded.append(value.decode())
            except UnicodeDecodeError:
                text = value.decode(errors="replace").replace("\ufffd", spec.replacement or "?")
                decoded.append(text)
                if not spec.replacement:
                    bad.add(index)
                    refuse(
                        BadRow(
                            location.uri, lines[index], 1220, "String contains invalid or unsupported UTF8 codepoints",
                            column.name, column.type, str(column.length or ""), raw_value=text,
                        )
                    )  # fmt: skip
        arrays.append(pa.array(decoded, pa.string()))
    data = pa.RecordBatch.from_arrays(arrays, [column.name for column in columns])
    if bad:
        kept = [index for index in range(len(lines)) if index not in bad]
        data, lines = data.take(pa.array(kept, pa.int64())), [lines[index] for index in kept]
    yield Batch(location.uri, data, lines)


def _json(
    stream: Any, location: Location, spec: Copy, columns: Sequence[Column], refuse: Callable[[BadRow], None]
) -> Iterator[Batch]:
    decoder = json.JSONDecoder(parse_float=_Written)
    names = [column.name for column in columns]
    rows: list[list[str | None]] = []
    lines: list[int] = []

    def batch() -> Batch:
        arrays = [pa.array(values, pa.string()) for values in zip(*rows, strict=True)]
        return Batch(location.uri, pa.RecordBatch.from_arrays(arrays, names), list(lines))

    for number, line in enumerate(io.TextIOWrapper(stream, "utf-8", errors="replace"), 1):
        if not line.strip():
            continue
        try:
            found = decoder.decode(line)
            if not isinstance(found, (dict, list) if spec.json_paths else dict):
                raise ValueError
        except ValueError:
            refuse(
                BadRow(
                    location.uri,
                    number,
                    1207,
                    "Invalid JSON object: one object a line is read",
                    raw_line=line.rstrip("\n"),
                )
            )
            continue
        if spec.json_paths:
            rows.append([_scalar(follow(path, found)) for path in spec.json_paths])
        else:
            if spec.json_ignore_case:
                found = {key.lower(): value for key, value in found.items()}
            rows.append([_scalar(found.get(name)) for name in names])
        lines.append(number)
        if len(rows) == ROWS:
            yield batch()
            rows, lines = [], []
    if rows:
        yield batch()


class _Written(float):
    """A number that knows how it was written, so that a decimal keeps its digits."""

    text: str

    def __new__(cls, text: str) -> _Written:
        number = super().__new__(cls, text)
        number.text = text
        return number


def _scalar(value: Any) -> str | None:
    if isinstance(value, _Written):
        return value.text
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value)
