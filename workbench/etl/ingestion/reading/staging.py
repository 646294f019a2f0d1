"""The lines of a text file in DuckDB: table ``lines``, and the records that needed care beside it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from workbench.etl.ingestion.reading.cutter import FIELD_FREE, PLACEHOLDER, Layout, Special
from workbench.etl.ingestion.reading.forms import Content
from workbench.etl.ingestion.reading.lines import LineFile, cut
from workbench.etl.ingestion.reading.rows import UnreadableFile
from workbench.etl.ingestion.reading.values import is_blank, literal

_LINE_ERRORS = pa.schema([("n", pa.int64()), ("record", pa.string()), ("reason", pa.string())])
_PARSED = pa.schema([("n", pa.int64()), ("record", pa.string()), ("parts", pa.list_(pa.string()))])


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Make ``line_errors`` (n, record, reason) and ``parsed`` (n, record, parts), both empty."""
    connection.execute("CREATE OR REPLACE TEMP TABLE line_errors (n BIGINT, record VARCHAR, reason VARCHAR)")
    connection.execute("CREATE OR REPLACE TEMP TABLE parsed (n BIGINT, record VARCHAR, parts VARCHAR[])")


def stage_lines(
    connection: duckdb.DuckDBPyConnection, content: Content, scratch: Path, layout: Layout
) -> None:
    """Make view ``numbered`` (n, line) of the plain lines; the others go to ``parsed`` and ``line_errors``.

    View ``numbers`` (n) has those of all of them, without a look at any, and of blank lines that are no record.

    Args:
        connection: where to.
        content: the text, under a name in which DuckDB sees no pattern.
        scratch: where to write lines if need be.
        layout: what is known of the file.

    Raises:
        UnreadableFile: DuckDB sees other lines in it.
        Damaged, OSError: the file can't be read.
    """

    def take(specials: list[Special]) -> None:
        good = [special for special in specials if special.error is None]
        bad = [special for special in specials if special.error is not None]
        _insert(connection, "parsed", _PARSED, good, "fields", layout.above)
        _insert(connection, "line_errors", _LINE_ERRORS, bad, "error", layout.above)

    lines = cut(content, scratch, layout, take)
    _read(connection, lines, layout.longest)
    ((found,),) = connection.execute("SELECT count(*) FROM lines").fetchall()
    if found != lines.records:
        raise UnreadableFile(f"it has {lines.records} lines, of which DuckDB sees {found}")
    no_blanks = "" if layout.blanks else f"AND NOT {is_blank('line')}"
    number = f"rowid + {layout.above + 1} AS n"
    connection.execute(f"CREATE OR REPLACE TEMP VIEW numbers AS SELECT {number} FROM lines")
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW numbered AS SELECT {number}, line FROM lines "
        f"WHERE line IS DISTINCT FROM '{PLACEHOLDER}' {no_blanks}"
    )


def _read(connection: duckdb.DuckDBPyConnection, lines: LineFile, longest: int) -> None:
    if not lines.records:
        connection.execute("CREATE OR REPLACE TEMP TABLE lines (line VARCHAR)")
        return
    size = max(longest + 1024, 2 << 20)
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE lines AS SELECT line FROM read_csv({literal(str(lines.path))},
            header = false, skip = {lines.skip}, auto_detect = false, delim = '{FIELD_FREE}', quote = '', escape = '',
            columns = {{'line': 'VARCHAR'}}, max_line_size = {size}, buffer_size = {max(16 << 20, 2 * size)},
            hive_partitioning = false, compression = 'none')
        """
    )


def _insert(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    schema: pa.Schema,
    specials: list[Special],
    attribute: str,
    above: int,
) -> None:
    if not specials:
        return
    values = [
        [special.number + above for special in specials],
        [special.record for special in specials],
        [getattr(special, attribute) for special in specials],
    ]
    arrays = [pa.array(value, field.type) for value, field in zip(values, schema, strict=True)]
    connection.register("chunk", pa.Table.from_arrays(arrays, schema=schema))
    connection.execute(f"INSERT INTO {table} SELECT * FROM chunk")
    connection.unregister("chunk")
