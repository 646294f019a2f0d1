"""Read what landed, whatever its format, as numbered rows of their columns beside the record as it came."""

from __future__ import annotations

import csv
import io
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from workbench.etl.lines import FIELD_FREE, PLACEHOLDER, LineFile, Special, cut, first_line, open_bytes
from workbench.schema import quote

_DELIMITERS = ",;\t|"
_NUMBERED = "/* lines */ numbered"
_LINE_ERRORS = pa.schema([("n", pa.int64()), ("record", pa.string()), ("reason", pa.string())])
_PARSED = pa.schema([("n", pa.int64()), ("record", pa.string()), ("parts", pa.list_(pa.string()))])


class UnreadableFile(Exception):
    """The file as a whole can't be read; its text says why."""


@dataclass(frozen=True)
class Rows:
    """A landed file, opened inside a DuckDB connection.

    ``columns`` are theirs, name to DuckDB type; ``relation`` is SQL for rows of ``n`` (from 1) and their columns,
    those that could be parsed; ``records`` is SQL for ``n`` and ``record``, every row as it came; table
    ``line_errors`` holds n, record and reason of the rest, once :meth:`judge_lines` was called. ``wrong`` is SQL
    for such rows among the plain lines. ``headless`` tells that no column is known, ``trimmed`` that no value
    has blanks around it.
    """

    columns: dict[str, str]
    relation: str
    records: str
    headless: bool = False
    wrong: str | None = None
    trimmed: bool = False

    def pick(self, connection: duckdb.DuckDBPyConnection, condition: str) -> Rows:
        """Return the rows whose ``n`` meets a condition; of the lines, only theirs are split again."""
        relation = f"(SELECT * FROM {self.relation} WHERE {condition})"
        if self.wrong is None:
            return replace(self, relation=relation)
        # In one statement DuckDB would split every line before it looks at the condition.
        connection.execute(f"CREATE OR REPLACE TEMP TABLE few AS SELECT * FROM numbered WHERE {condition}")
        return replace(
            self, relation=relation.replace(_NUMBERED, "few"), wrong=self.wrong.replace(_NUMBERED, "few")
        )

    def judge_lines(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Put the plain lines that can't be parsed into ``line_errors``."""
        if self.wrong is not None:
            connection.execute(f"INSERT INTO line_errors {self.wrong}")


def open_rows(
    connection: duckdb.DuckDBPyConnection, path: Path, scratch: Path, known: frozenset[str]
) -> Rows | None:
    """Open a landed file; None if it has no byte.

    Args:
        connection: temporary tables are made in it.
        path: the file; its format is told from its first bytes, and JSON lines from its name too.
        scratch: a file to use for plain lines if need be.
        known: column names that a header can be told by, in lower case.

    Raises:
        UnreadableFile: broken compression, or a broken Parquet file.
    """
    connection.execute("CREATE OR REPLACE TEMP TABLE line_errors (n BIGINT, record VARCHAR, reason VARCHAR)")
    try:
        with open_bytes(path) as file:
            start = file.read(4)
        if not start:
            return None
        if start == b"PAR1":
            return _open_parquet(connection, path)
        if path.name.removesuffix(".gz").lower().endswith((".jsonl", ".ndjson", ".json")):
            return _open_json(connection, path, scratch)
        return _open_csv(connection, path, scratch, known)
    except (OSError, EOFError, zlib.error, duckdb.InvalidInputException, duckdb.IOException) as error:
        raise UnreadableFile(str(error).splitlines()[0]) from None


def _open_parquet(connection: duckdb.DuckDBPyConnection, path: Path) -> Rows:
    scan = f"read_parquet({_text(str(path))}, file_row_number = true)"
    described = connection.execute(f"DESCRIBE SELECT * EXCLUDE (file_row_number) FROM {scan}").fetchall()
    columns = {row[0]: row[1] for row in described}
    packed = ", ".join(f"{_text(name)}, {quote(name)}" for name in columns)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE landed AS SELECT file_row_number + 1 AS n, * EXCLUDE (file_row_number) FROM {scan}"
    )
    return Rows(
        columns, "landed", f"(SELECT n, CAST(json_object({packed}) AS VARCHAR) AS record FROM landed)"
    )


def _open_json(connection: duckdb.DuckDBPyConnection, path: Path, scratch: Path) -> Rows:
    _stage_lines(connection, cut(path, scratch, delimiter=None, columns=1, header=False))
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE objects AS
        SELECT n, line, CASE WHEN line IS NULL THEN 'line:blank' WHEN NOT json_valid(line) THEN 'line:not_json'
                             WHEN json_type(line) <> 'OBJECT' THEN 'line:not_an_object' END AS reason
        FROM (SELECT n, line FROM numbered UNION ALL SELECT n, record FROM parsed)
        """
    )
    connection.execute(
        "INSERT INTO line_errors SELECT n, coalesce(line, ''), reason FROM objects WHERE reason IS NOT NULL"
    )
    connection.execute("DELETE FROM objects WHERE reason IS NOT NULL")
    keys = connection.execute(
        "SELECT DISTINCT unnest(json_keys(line)) AS key FROM objects ORDER BY key"
    ).fetchall()
    columns = {key: "VARCHAR" for (key,) in keys}
    paths = "[" + ", ".join(_text('$."' + key.replace('"', '\\"') + '"') for key in columns) + "]"
    picked = "".join(f", parts[{i}] AS {quote(key)}" for i, key in enumerate(columns, 1))
    relation = f"(SELECT n{picked} FROM (SELECT n, json_extract_string(line, {paths}) AS parts FROM objects))"
    records = "(SELECT n, line AS record FROM objects UNION ALL SELECT n, record FROM line_errors)"
    return Rows(columns, relation if columns else "(SELECT n FROM objects)", records)


def _open_csv(
    connection: duckdb.DuckDBPyConnection, path: Path, scratch: Path, known: frozenset[str]
) -> Rows:
    line, _ = first_line(path)
    delimiter, names = _header(line, known)
    headless = not any(name.lower() in known for name in names)
    lines = cut(path, scratch, delimiter=delimiter, columns=len(names), header=not headless)
    _stage_lines(connection, lines)
    columns = {} if headless else dict.fromkeys(names, "VARCHAR")
    wanted = len(names)
    split = f"string_split(line, {_text(delimiter)})"
    verdict = f"CASE WHEN found < {wanted} THEN 'line:too_few_columns' ELSE 'line:too_many_columns' END"
    if headless:
        judged = "SELECT n, record, 'line:unknown_header' FROM parsed"
        wrong = f"SELECT n, coalesce(line, ''), 'line:unknown_header' FROM {_NUMBERED}"
    else:
        judged = (
            f"SELECT n, record, {verdict} "
            f"FROM (SELECT n, record, len(parts) AS found FROM parsed) WHERE found <> {wanted}"
        )
        wrong = (
            f"SELECT n, coalesce(line, ''), CASE WHEN line IS NULL THEN 'line:blank' ELSE {verdict} END "
            f"FROM (SELECT n, line, len({split}) AS found FROM {_NUMBERED}) WHERE found IS DISTINCT FROM {wanted}"
        )
    if lines.specials:
        connection.execute(f"INSERT INTO line_errors {judged}")
        connection.execute("DELETE FROM parsed WHERE n IN (SELECT n FROM line_errors)")
    picked = "".join(f", parts[{i}] AS {quote(name)}" for i, name in enumerate(columns, 1))
    # Unknown columns are kept as they came, blanks and all.
    trimmed = all(name.lower() in known for name in names)
    values = _without_blanks(split, delimiter) if trimmed else split
    special = "list_transform(parts, lambda part: trim(part))" if trimmed else "parts"
    relation = f"""(SELECT n{picked} FROM (
        SELECT n, parts FROM (SELECT n, {values} AS parts FROM {_NUMBERED}) WHERE len(parts) = {wanted}
        UNION ALL SELECT n, {special} FROM parsed))"""
    records = """(SELECT n, line AS record FROM numbered WHERE n NOT IN (SELECT n FROM line_errors)
        UNION ALL SELECT n, record FROM parsed UNION ALL SELECT n, record FROM line_errors)"""
    return Rows(columns, relation, records, headless, wrong, trimmed)


def _without_blanks(split: str, delimiter: str) -> str:
    """Return SQL for the parts of a line without blanks around them; few lines have any, so few are touched."""
    before, after = _text(" " + delimiter), _text(delimiter + " ")
    blanks = f"contains(line, {before}) OR contains(line, {after}) OR line[1] = ' ' OR ends_with(line, ' ')"
    return f"CASE WHEN {blanks} THEN list_transform({split}, lambda part: trim(part)) ELSE {split} END"


def _header(line: str, known: frozenset[str]) -> tuple[str, list[str]]:
    """Return the delimiter under which most columns of the header are known, and their names."""

    def split(delimiter: str) -> list[str]:
        try:
            rows = list(csv.reader(io.StringIO(line), delimiter=delimiter, strict=True))
        except csv.Error:
            rows = [line.split(delimiter)]
        return _distinct(rows[0] if rows else [""])

    best = max(_DELIMITERS, key=lambda d: (sum(name.lower() in known for name in split(d)), d == ","))
    return best, split(best)


def _distinct(header: list[str]) -> list[str]:
    """Give every column a name of its own: the first of two keeps it, an empty one is called by its place."""
    names: list[str] = []
    taken: set[str] = set()
    for place, cell in enumerate(header, 1):
        name = cell.strip() or f"column{place}"
        while name.lower() in taken:
            name += f".{place}"
        taken.add(name.lower())
        names.append(name)
    return names


def _stage_lines(connection: duckdb.DuckDBPyConnection, lines: LineFile) -> None:
    """Make ``numbered`` (n, line) of the plain lines, ``parsed`` (n, record, parts) of the special ones."""
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE lines AS SELECT line FROM read_csv({_text(str(lines.path))},
            header = false, skip = {lines.skip}, auto_detect = false, delim = '{FIELD_FREE}', quote = '', escape = '',
            columns = {{'line': 'VARCHAR'}}, max_line_size = 8000000,
            compression = '{"gzip" if lines.gzipped else "none"}')
        """
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW numbered AS SELECT rowid + 1 AS n, line FROM lines WHERE line IS DISTINCT FROM '{PLACEHOLDER}'"
    )
    connection.execute("CREATE OR REPLACE TEMP TABLE parsed (n BIGINT, record VARCHAR, parts VARCHAR[])")
    good = [special for special in lines.specials if special.error is None]
    bad = [special for special in lines.specials if special.error is not None]
    _insert(connection, "parsed", _PARSED, good, "fields")
    _insert(connection, "line_errors", _LINE_ERRORS, bad, "error")


def _insert(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    schema: pa.Schema,
    specials: list[Special],
    attribute: str,
) -> None:
    for start in range(0, len(specials), 50_000):
        chunk = specials[start : start + 50_000]
        values = [
            [s.number for s in chunk],
            [s.record for s in chunk],
            [getattr(s, attribute) for s in chunk],
        ]
        connection.register(
            "chunk",
            pa.Table.from_arrays(
                [pa.array(v, f.type) for v, f in zip(values, schema, strict=True)], schema=schema
            ),
        )
        connection.execute(f"INSERT INTO {table} SELECT * FROM chunk")
        connection.unregister("chunk")


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
