"""Files opened in an engine: what can be read of them, and what can't."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import duckdb
import openpyxl

from workbench.etl.ingestion.reading import open_rows
from workbench.sources.dialect import Dialect

NAMES = ("id", "name", "qty")


def read(
    connection: duckdb.DuckDBPyConnection, folder: Path, content: bytes, name: str = "in.csv", **said: Any
) -> tuple[dict[int, tuple[Any, ...]], dict[int, tuple[str, str]], tuple[str, ...]]:
    """Return the rows that were read and those that weren't (record and reason), by number, and the notes."""
    (folder / name).write_bytes(content)
    rows = open_rows(connection, folder / name, folder, NAMES, Dialect(**said))
    assert rows is not None
    rows.judge_lines(connection)
    shown = ", ".join(source.sql for source in rows.sources.values())
    good = {
        n: values for n, *values in connection.execute(f"SELECT n, {shown} FROM {rows.relation}").fetchall()
    }
    bad = {n: (record, why) for n, record, why in connection.execute("FROM line_errors").fetchall()}
    numbers = sorted(n for (n,) in connection.execute(f"SELECT n FROM {rows.records}").fetchall())
    assert numbers == sorted([*good, *bad])
    return {n: tuple(values) for n, values in good.items()}, bad, rows.notes


def workbook(*rows: list[Any], title: str = "S") -> bytes:
    book, target = openpyxl.Workbook(), io.BytesIO()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    book.save(target)
    return target.getvalue()
