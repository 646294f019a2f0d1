"""A copy for readers that is damaged, or that somebody writes to: the warehouse answers, and the copy is made anew."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from tests.warehouse.replica import let_go, parts_of_day
from workbench.errors import WorkFailed
from workbench.warehouse.duckdb import DuckDBReader, DuckDBWarehouse


def spoil(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    match how:
        case "no bytes":
            content.clear()
        case "another file":
            content[:4096] = b"x" * 4096
        case "its end is missing":
            del content[3000:]
        case _:
            for place in range(12_288 + 64, len(content), 4096):
                content[place] ^= 255
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["no bytes", "another file", "its end is missing", "bytes have changed"])
def test_a_copy_that_cant_be_read_is_made_anew_and_the_warehouse_answers(
    filled: DuckDBWarehouse, how: str
) -> None:
    spoil(filled.replica.path, how)
    reader = DuckDBReader(filled.url)
    (row,) = reader.rows("SELECT count(*) AS n, min(channel) AS channel FROM core.fact_transactions")
    assert row == {"n": 900, "channel": "store"}
    assert reader.as_of is None
    assert reader.damage and "workbench maintain" in reader.damage
    # Nothing was written since, and it is made anew all the same.
    assert filled.publish()
    again = DuckDBReader(filled.url)
    assert again.rows("SELECT count(DISTINCT channel) AS n FROM core.fact_transactions") == [{"n": 1}]
    assert again.as_of is not None and again.damage is None


def test_a_copy_of_which_a_block_is_damaged_hands_it_on_to_no_other(filled: DuckDBWarehouse) -> None:
    path = filled.replica.path
    with duckdb.connect(path, read_only=True) as connection:
        blocks = connection.execute(
            "SELECT DISTINCT block_id FROM pragma_storage_info('core.fact_transactions') WHERE block_id >= 0"
        ).fetchall()
    content, written = bytearray(path.read_bytes()), path.stat().st_mtime_ns
    for (block,) in blocks:
        content[12_288 + block * 262_144 + 100] ^= 255
    path.write_bytes(content)
    # A disk that fails writes to no file.
    os.utime(path, ns=(written, written))
    filled.execute("UPDATE core.dim_time SET part_of_day = 'new'")
    assert filled.publish()
    reader = DuckDBReader(filled.url)
    assert reader.rows("SELECT count(DISTINCT transaction_id) AS n FROM core.fact_transactions") == [
        {"n": 900}
    ]
    assert reader.damage
    assert filled.publish()
    again = DuckDBReader(filled.url)
    assert again.rows("SELECT count(DISTINCT transaction_id) AS n FROM core.fact_transactions") == [
        {"n": 900}
    ]
    assert again.as_of is not None and again.damage is None


def test_a_copy_that_is_damaged_far_behind_the_first_rows_is_no_short_answer(filled: DuckDBWarehouse) -> None:
    filled.execute("CREATE TABLE marts.many AS SELECT n, hash(n) AS h FROM range(5000000) AS numbers(n)")
    assert filled.publish()
    path = filled.replica.path
    with duckdb.connect(path, read_only=True) as connection:
        (last,) = connection.execute(
            "SELECT block_id FROM pragma_storage_info('marts.many') WHERE column_name = 'h' AND block_id >= 0 "
            "ORDER BY row_group_id DESC LIMIT 1"
        ).fetchone() or (0,)
    content, written = bytearray(path.read_bytes()), path.stat().st_mtime_ns
    content[12_288 + last * 262_144 + 100] ^= 255
    path.write_bytes(content)
    os.utime(path, ns=(written, written))
    reader = DuckDBReader(filled.url)
    pieces: list[pa.Table] = []
    with pytest.raises(WorkFailed, match="these are not all rows; make a new one with: workbench maintain"):
        reader.read("SELECT * FROM marts.many", pieces.append)
    assert 0 < sum(piece.num_rows for piece in pieces) < 5_000_000
    assert filled.publish()
    pieces.clear()
    reader.read("SELECT * FROM marts.many", pieces.append)
    assert sum(piece.num_rows for piece in pieces) == 5_000_000


# Writes to the copy, as nobody should, and is killed before what it wrote is in the file, or not.
SPOILING = """
import os, sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("UPDATE core.dim_time SET part_of_day = 'spoilt'")
connection.close() if sys.argv[2] == "closes" else os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("ends", ["closes", "is killed"])
def test_what_others_write_to_the_copy_is_gone_with_the_next_run(filled: DuckDBWarehouse, ends: str) -> None:
    path = filled.replica.path
    let_go(path)
    subprocess.run([sys.executable, "-c", SPOILING, str(path), ends], check=ends == "closes")
    reader = DuckDBReader(filled.url)
    if ends == "is killed":
        assert parts_of_day(reader) == {"old"}
        assert reader.damage and "somebody opened it to write" in reader.damage
    # Nothing has changed in the warehouse.
    assert filled.publish()
    assert parts_of_day(DuckDBReader(filled.url)) == {"old"}
    with duckdb.connect(path, read_only=True) as connection:
        assert connection.execute("SELECT DISTINCT part_of_day FROM core.dim_time").fetchall() == [("old",)]
    assert not filled.replica.is_due()


def test_a_question_that_fails_says_nothing_of_the_copy(filled: DuckDBWarehouse) -> None:
    reader = DuckDBReader(filled.url)
    with pytest.raises(duckdb.IOException):
        reader.rows("SELECT * FROM read_parquet('/nowhere.parquet')")
    assert reader.damage is None and not filled.replica.is_due()
