"""Every record of a file is counted once, whatever its bytes: as a row that was read, or as one with a reason."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.etl.ingestion.reading import UnreadableFile, open_rows

NAMES = ("transaction_id", "quantity", "note")
CELLS = [
    "1",
    "x y",
    "",
    'say "hi"',
    "a,b",
    "two\nlines",
    "two\r\nlines",
    "cr\rin",
    "Käse",
    " 7 ",
    "\x1e",
    "\N{BLACK STAR}",
]
ENDS = {"LF": "\n", "CRLF": "\r\n", "CR": "\r", "mixed": None}


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def account(
    connection: duckdb.DuckDBPyConnection, folder: Path, content: bytes, name: str = "in.csv"
) -> tuple[list[int], dict[int, str]] | None:
    """Return the numbers of the rows that were read, and number and reason of the others; None if there is no byte."""
    (folder / name).write_bytes(content)
    rows = open_rows(connection, folder / name, folder, NAMES)
    if rows is None:
        return None
    rows.judge_lines(connection)
    read = connection.execute(f"SELECT n, extra FROM {rows.relation} ORDER BY n").fetchall()
    wrong = dict(connection.execute("SELECT n, reason FROM line_errors").fetchall())
    records = connection.execute(f"SELECT n, record FROM {rows.records} ORDER BY n").fetchall()
    good = [] if rows.headless is not None else [n for n, _ in read]
    assert [n for n, _ in records] == list(range(1, len(records) + 1))
    assert sorted([*good, *wrong]) == [n for n, _ in records]
    assert all(record is not None for _, record in records)
    return good, wrong


def table(dice: random.Random, end: str | None) -> bytes:
    """Return a well-formed CSV: as Python writes it, each row with its line end, or with any."""
    text = io.StringIO(newline="")
    for row in [NAMES, *([dice.choice(CELLS) for _ in NAMES] for _ in range(dice.randrange(12)))]:
        many = any(set(cell) & {"\r", "\n"} for cell in row)
        ended = end or dice.choice(["\n", "\r", "\r\n"])
        csv.writer(text, lineterminator=ended, quoting=csv.QUOTE_ALL if many else csv.QUOTE_MINIMAL).writerow(
            row
        )
    return text.getvalue().encode()


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_well_formed_file_has_the_rows_an_independent_reader_finds(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, end: str | None
) -> None:
    dice = random.Random(end)
    for _ in range(6):
        content = table(dice, end)
        expected = len(list(csv.reader(io.StringIO(content.decode(), newline="")))) - 1
        assert account(connection, tmp_path, content) == (list(range(1, expected + 1)), {})


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_file_with_a_broken_record_is_accounted_for(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, end: str | None
) -> None:
    """One fault in one record touches that record alone, also where it is a record of several lines."""
    dice = random.Random(f"{end}")
    for fault in (b"\xff", b"\0", b",more"):
        for cell in ("x", "two\nlines", "a\r\nb\nc"):
            ended = end or dice.choice(["\n", "\r", "\r\n"])
            lines = [",".join(NAMES), '1,"2",3', f'1,2,"{cell}"', 'a,b,"c\nd"', "7,8,9"]
            content = ended.join(lines).encode().replace(b'1,2,"', b"1,2" + fault + b',"')
            found = account(connection, tmp_path, content)
            assert found is not None
            assert found[0] == [1, 3, 4]
            assert list(found[1]) == [2]


@settings(max_examples=40)
@given(
    seed=st.integers(0, 1 << 30),
    changes=st.lists(
        st.tuples(
            st.floats(0, 1),
            st.binary(max_size=3)
            | st.sampled_from([b'"', b"\r", b"\n", b"\r\n", b'""', b",", b"\0", b'\n"']),
        ),
        max_size=4,
    ),
    named=st.sampled_from(["in.csv", "in.jsonl"]),
)
def test_whatever_its_bytes_a_file_is_accounted_for(
    connection: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    seed: int,
    changes: list[tuple[float, bytes]],
    named: str,
) -> None:
    dice = random.Random(seed)
    if named == "in.csv":
        content = table(dice, dice.choice(list(ENDS.values())))
    else:
        objects = [
            {name: dice.choice([*CELLS, None, 1, 1.5, {"a": [1]}]) for name in NAMES} for _ in range(5)
        ]
        content = dice.choice(["\n", "\r", "\r\n"]).join(map(json.dumps, objects)).encode()
    for place, new in changes:
        at = int(place * len(content))
        content = content[:at] + new + content[at + dice.randrange(3) :]
    try:
        account(connection, tmp_path, content, named)
    except UnreadableFile as error:
        assert "it is " in str(error)


def test_a_damaged_parquet_file_is_refused_or_read(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    target = io.BytesIO()
    rows = pa.table({name: [f"{name} {i}" for i in range(400)] for name in NAMES})
    pq.write_table(rows, target, row_group_size=100, use_dictionary=False)
    whole = target.getvalue()
    dice = random.Random(3)
    refused = 0
    for _ in range(40):
        content = bytearray(whole[: dice.choice([len(whole), dice.randrange(5, len(whole))])])
        for _ in range(dice.randrange(4)):
            content[dice.randrange(4, len(content))] = dice.randrange(256)
        try:
            account(connection, tmp_path, bytes(content), "in.parquet")
        except UnreadableFile as error:
            refused += 1
            assert str(tmp_path) not in str(error)
    assert 10 < refused < 40
