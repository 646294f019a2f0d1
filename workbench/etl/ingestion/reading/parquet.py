"""Parquet as rows: its columns have their types, and are known by their places."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from workbench.etl.ingestion.converting.faults import ForeignForm
from workbench.etl.ingestion.converting.nested import ELEMENT, RECORD
from workbench.etl.ingestion.reading.header import distinct, positions
from workbench.etl.ingestion.reading.rows import Rows, Source, UnreadableFile
from workbench.etl.ingestion.reading.values import NESTED, as_json, as_text, extra, literal, record
from workbench.etl.ingestion.reading.wide_decimals import columns_of, wide_columns, with_digits

_NATIVE = {
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
    "FLOAT", "DOUBLE", "DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE",
}  # fmt: skip
_SHOWN = 1000
_MOST = 4000
"""Columns that are read: each takes memory of its own for as long as the file is open, however few the rows."""


def open_parquet(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    known: Sequence[str],
    longest: int,
    *,
    as_they_are: bool,
    unnest: str | None = None,
) -> Rows:
    """Open a Parquet file.

    Args:
        connection: where to.
        path: the file, under a name in which DuckDB sees no pattern.
        known: names asked for.
        longest: bytes that the texts of a row may have.
        as_they_are: whether sources keep their types, for the expressions of a map. If not, what is no number and no
            time is text, as it would be in JSON lines.
        unnest: a column of lists, each element of which becomes a row.
    """
    names = _names(connection, path)
    columns = ", ".join(f"c{place}" for place in range(len(names)))
    scan = f"read_parquet({literal(str(path))}, hive_partitioning = false, filename = false) AS theirs({columns})"
    # Read once, and to the end, before anything is made of it: a page may be damaged.
    connection.execute(f"CREATE OR REPLACE TEMP TABLE landed AS SELECT * FROM {scan}")
    wide = with_digits(connection, path, wide_columns(connection, path), len(names))
    if unnest:
        _unnest(connection, _list_column(names, connection.sql("FROM landed").types, unnest), len(names))
        names = [*names, RECORD, ELEMENT]
    kinds = connection.sql("FROM landed").types
    found = {name: theirs[0] for name, theirs in positions(known, names).items()}
    others = [place for place in range(len(names)) if place not in found.values()]
    told = [f"c{place}" if place in wide else as_json(f"c{place}", kind) for place, kind in enumerate(kinds)]
    text = record(zip(names, told, strict=True))
    _refuse(connection, text, kinds, sorted(found.values()), longest)
    picked = ""
    sources: dict[str, Source] = {}
    for place in dict.fromkeys(found.values()):
        sql, kind = _source(f"c{place}", kinds[place], as_they_are)
        if place in wide:
            # A number that nobody spelled, whatever a map says of those in texts.
            kind = "DOUBLE" if as_they_are else "DECIMAL"
            sql = f"CAST(c{place} AS {'DOUBLE' if as_they_are else 'VARCHAR'})"
        picked += f", {sql} AS c{place}"
        sources |= {name: Source(f"c{place}", kind) for name, where in found.items() if where == place}
    rest = extra((names[place], told[place]) for place in others)
    bad = "rowid + 1 NOT IN (SELECT n FROM line_errors)"
    relation = f"(SELECT rowid + 1 AS n{picked}, {rest} AS extra FROM landed WHERE {bad})"
    records = (
        f"(SELECT rowid + 1 AS n, {text} AS record FROM landed WHERE {bad} "
        "UNION ALL SELECT n, record FROM line_errors)"
    )
    types = {name: source.type for name, source in sources.items() if source.type != "VARCHAR"}
    types |= {name: "DOUBLE" for name, place in found.items() if place in wide}
    return Rows(
        tuple(names),
        sources,
        tuple(names[place] for place in others),
        relation,
        records,
        form="Parquet",
        record_form=literal(json.dumps({"form": "parquet", "columns": names, "types": types})),
    )


def types_of(connection: duckdb.DuckDBPyConnection, path: Path, unnest: str | None = None) -> dict[str, str]:
    """Return the columns of a Parquet file and the types in which a map gets them, without reading a row."""
    names = _names(connection, path)
    columns = ", ".join(f"c{place}" for place in range(len(names)))
    scan = f"read_parquet({literal(str(path))}, hive_partitioning = false, filename = false) AS theirs({columns})"
    kinds: list[Any] = list(connection.sql(f"FROM {scan}").types)
    if unnest:
        place = _list_column(names, kinds, unnest)
        number = connection.sql("SELECT CAST(1 AS BIGINT)").types[0]
        kinds = [*kinds[:place], kinds[place].children[0][1], *kinds[place + 1 :], number, number]
        names = [*names, RECORD, ELEMENT]
    return {name: _source("", kind, True)[1] for name, kind in zip(names, kinds, strict=True)}


def _list_column(names: Sequence[str], kinds: Sequence[Any], unnest: str) -> int:
    """Return the place of the column of lists.

    Raises:
        ForeignForm: there is no such column, or it holds something else.
    """
    place = names.index(unnest) if unnest in names else None
    if place is None or kinds[place].id not in ("list", "array"):
        lists = [name for name, kind in zip(names, kinds, strict=True) if kind.id in ("list", "array")]
        has = f"lists are in {', '.join(lists)}" if lists else "no column of it holds lists"
        raise ForeignForm(
            f"it is Parquet without a column of lists {unnest!r}, which the map says to unnest; {has}"
        )
    return place


def _unnest(connection: duckdb.DuckDBPyConnection, place: int, count: int) -> None:
    """Make a row of each element of a column of lists in ``landed``, with the numbers of row and element behind."""
    found = f"CASE WHEN len(c{place}) > 0 THEN c{place} ELSE [NULL] END"
    columns = ", ".join(
        f"unnest({found}) AS c{each}" if each == place else f"c{each}" for each in range(count)
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE unnested AS SELECT {columns}, rowid + 1 AS c{count}, "
        f"unnest(CASE WHEN len(c{place}) > 0 THEN range(1, len(c{place}) + 1) ELSE [NULL] END) AS c{count + 1} "
        f"FROM landed ORDER BY c{count}, c{count + 1}"
    )
    connection.execute("CREATE OR REPLACE TEMP TABLE landed AS FROM unnested")
    connection.execute("DROP TABLE unnested")


def _names(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    """Return the names of the columns as they are written, each once.

    Raises:
        UnreadableFile: there are too many.
    """
    names = [name for name, _ in columns_of(connection, path)]
    if len(names) > _MOST:
        raise UnreadableFile(
            f"it has {len(names):,} columns, and of Parquet at most {_MOST:,} are read: leave out what isn't needed, or land "
            "it as CSV or JSON lines"
        )
    return distinct(names, trimmed=False)


def _source(column: str, kind: Any, as_it_is: bool) -> tuple[str, str]:
    """Return SQL for a source, and its type."""
    name = str(kind)
    if kind.id == "blob":
        return as_text(column), "VARCHAR"
    if name == "TIMESTAMPTZ_NS":
        return f"CAST({column} AS TIMESTAMPTZ)", "TIMESTAMP WITH TIME ZONE"
    if as_it_is or name in _NATIVE or kind.id == "decimal":
        return column, name
    if kind.id in NESTED:
        return f"CAST({as_json(column, kind)} AS VARCHAR)", "VARCHAR"
    return f"CAST({column} AS VARCHAR)", "VARCHAR"


def _refuse(
    connection: duckdb.DuckDBPyConnection, text: str, kinds: Sequence[Any], used: Sequence[int], longest: int
) -> None:
    """Set aside rows with bytes that are no text where there should be one, and rows that are too long."""
    binary = [
        f"(c{place} IS NOT NULL AND TRY(decode(c{place})) IS NULL)"
        for place in used
        if kinds[place].id == "blob"
    ]
    if binary:
        connection.execute(
            f"INSERT INTO line_errors SELECT rowid + 1, {text}, 'line:not_utf8' FROM landed WHERE {' OR '.join(binary)}"
        )
    texts = [place for place, kind in enumerate(kinds) if str(kind) in ("VARCHAR", "BLOB", "JSON")]
    if texts:
        sizes = ", ".join(
            f"coalesce({'octet_length' if kinds[place].id == 'blob' else 'strlen'}(c{place}), 0)"
            for place in texts
        )
        size = f"list_sum([{sizes}])"
        shown = ", ".join(
            f"c{place}[:{_SHOWN}] AS c{place}" if place in texts else f"c{place}"
            for place in range(len(kinds))
        )
        connection.execute(
            f"INSERT INTO line_errors SELECT n, left({text}, {_SHOWN}) || ' … (cut: ' || size || ' bytes)', 'line:too_long' "
            f"FROM (SELECT rowid + 1 AS n, {size} AS size, {shown} FROM landed WHERE {size} > {longest}) "
            "WHERE n NOT IN (SELECT n FROM line_errors)"
        )
