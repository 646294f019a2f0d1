"""Decimals of Parquet of more than 38 digits, of which the engine would make floats: their texts keep all digits."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

from workbench.etl.ingestion.reading.rows import UnreadableFile
from workbench.etl.ingestion.reading.values import literal

_WIDEST = 38
"""Digits of the engine's own decimals."""


def columns_of(connection: duckdb.DuckDBPyConnection, path: Path) -> list[tuple[str, int]]:
    """Return the columns of a Parquet file, each with the digits that it has as a decimal, 0 if it is none."""
    nodes = connection.execute(
        f"SELECT name, coalesce(num_children, 0), coalesce(precision, 0) FROM parquet_schema({literal(str(path))})"
    ).fetchall()
    columns = []

    def skip(place: int) -> int:
        """Return the place behind a node and all it holds."""
        following = place + 1
        for _ in range(nodes[place][1]):
            following = skip(following)
        return following

    place = 1
    while place < len(nodes):
        name, _, digits = nodes[place]
        columns.append((name, digits))
        place = skip(place)
    return columns


def wide_columns(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[int, tuple[str, int]]:
    """Return the columns of wide decimals by their places: name, and how many before it have the same one."""
    columns = columns_of(connection, path)
    names = [name for name, _ in columns]
    return {
        place: (name, names[:place].count(name))
        for place, (name, digits) in enumerate(columns)
        if digits > _WIDEST
    }


def with_digits(
    connection: duckdb.DuckDBPyConnection, path: Path, wide: dict[int, tuple[str, int]], count: int
) -> Collection[int]:
    """Make numbers of JSON, with all their digits, of the wide decimals in ``landed``; return the places that are such.

    Raises:
        UnreadableFile: they can't be read.
    """
    if not wide:
        return ()
    import pyarrow as pa

    places = {f"c{place}": where for place, where in wide.items()}
    columns = ", ".join(f"{name} VARCHAR" for name in places)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE digits ({columns})")
    try:
        for texts in _texts(path, list(places.values())):
            connection.register("chunk", pa.table(dict(zip(places, texts, strict=True))))
            connection.execute("INSERT INTO digits SELECT * FROM chunk")
            connection.unregister("chunk")
    except pa.ArrowException as error:
        raise UnreadableFile(f"its decimals of more than {_WIDEST} digits can't be read: {error}") from None
    picked = ", ".join(
        f"CAST(digits.c{place} AS JSON) AS c{place}" if place in wide else f"landed.c{place}"
        for place in range(count)
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE joined AS SELECT {picked} FROM landed JOIN digits ON landed.rowid = digits.rowid "
        "ORDER BY landed.rowid"
    )
    connection.execute("CREATE OR REPLACE TEMP TABLE landed AS FROM joined")
    connection.execute("DROP TABLE joined")
    connection.execute("DROP TABLE digits")
    return wide.keys()


def _texts(path: Path, wanted: Sequence[tuple[str, int]]) -> Iterator[list[Any]]:
    """Yield the texts of columns, some rows at a time."""
    import pyarrow as pa
    import pyarrow.parquet

    file = pyarrow.parquet.ParquetFile(path)
    for batch in file.iter_batches(columns=sorted({name for name, _ in wanted})):
        found = [
            [place for place, each in enumerate(batch.schema.names) if each == name][number]
            for name, number in wanted
        ]
        # Plain decimals, which Arrow's own texts aren't.
        yield [
            pa.array(
                [None if value is None else f"{value:f}" for value in batch.column(place).to_pylist()],
                pa.string(),
            )
            for place in found
        ]
