"""COPY from S3 by the unmodified driver, against a real server of S3's."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
import redshift_connector

from .conftest import ROLE
from .loading import SALE, Put, parquet, rows


def test_csv_with_a_header_quotes_and_empty_fields_loads(cursor: Any, sales: None, put: Put) -> None:
    uri = put("a.csv", b'id,name,at,amount\n1,apple,2026-01-02 03:04:05,1.50\n2,"a ""b"",\nc",,\n')
    cursor.execute(f"COPY sales FROM '{uri}' {ROLE} CSV IGNOREHEADER 1")
    assert rows(cursor) == [SALE, [2, 'a "b",\nc', None, None]]


@pytest.mark.parametrize(("option", "pack"), [("GZIP", gzip.compress), ("BZIP2", bz2.compress)])
def test_a_compressed_file_loads(
    cursor: Any, sales: None, put: Put, option: str, pack: Callable[[bytes], bytes]
) -> None:
    uri = put("a", pack(b"1|apple|2026-01-02 03:04:05|1.50\n"))
    cursor.execute(f"COPY sales FROM '{uri}' {ROLE} {option}")
    assert rows(cursor) == [SALE]


def test_every_object_under_a_prefix_loads_and_each_loses_its_header(
    cursor: Any, sales: None, put: Put
) -> None:
    for number in (1, 2, 3):
        uri = put(f"in/{number}", f"id,name\n{number},x\n".encode())
    cursor.execute(f"COPY sales (id, name) FROM '{uri[:-1]}' {ROLE} CSV IGNOREHEADER 1")
    assert rows(cursor, "SELECT id, name FROM sales ORDER BY id") == [[1, "x"], [2, "x"], [3, "x"]]


def test_a_manifest_names_what_loads(cursor: Any, sales: None, put: Put, bucket: str) -> None:
    first, _ = put("in/1", b"1|a||\n"), put("in/2", b"2|b||\n")
    entries = [{"url": first, "mandatory": True}, {"url": f"s3://{bucket}/gone"}]
    manifest = put("manifest", json.dumps({"entries": entries}).encode())
    cursor.execute(f"COPY sales FROM '{manifest}' {ROLE} MANIFEST")
    assert rows(cursor, "SELECT id FROM sales") == [[1]]


def test_a_mandatory_entry_that_is_not_there_is_an_error(
    cursor: Any, sales: None, put: Put, bucket: str
) -> None:
    entries = [{"url": f"s3://{bucket}/gone", "mandatory": True}]
    manifest = put("manifest", json.dumps({"entries": entries}).encode())
    with pytest.raises(redshift_connector.ProgrammingError, match="404"):
        cursor.execute(f"COPY sales FROM '{manifest}' {ROLE} MANIFEST")


def test_json_goes_by_names_and_keeps_every_digit(cursor: Any, sales: None, put: Put) -> None:
    uri = put("a.json", b'{"amount": 12345678.90, "id": 7, "more": 1}\n\n{"id": 8, "name": {"n": 1.5}}\n')
    cursor.execute(f"COPY sales FROM '{uri}' {ROLE} FORMAT AS JSON 'auto'")
    assert rows(cursor) == [[7, None, None, Decimal("12345678.90")], [8, '{"n": 1.5}', None, None]]


def test_parquet_loads_with_its_types(cursor: Any, put: Put) -> None:
    cursor.execute(
        "CREATE TABLE t (a bigint, b varchar(20), c decimal(18,3), d date, e timestamp, f boolean, g double precision)"
    )
    table = pa.table(
        {
            "a": pa.array([1, None], pa.int64()),
            "b": pa.array(["", None]),
            "c": pa.array([Decimal("1.250"), None], pa.decimal128(18, 3)),
            "d": pa.array([dt.date(2026, 1, 2), None]),
            "e": pa.array([dt.datetime(2026, 1, 2, 3, 4, 5, 678901), None], pa.timestamp("us")),
            "f": pa.array([True, None]),
            "g": pa.array([1.1, None]),
        }
    )
    cursor.execute(f"COPY t FROM '{put('a.parquet', parquet(table))}' {ROLE} FORMAT AS PARQUET")
    (first, second) = rows(cursor, "SELECT * FROM t ORDER BY a")
    assert first == [
        1, "", Decimal("1.250"), dt.date(2026, 1, 2), dt.datetime(2026, 1, 2, 3, 4, 5, 678901), True, 1.1,
    ]  # fmt: skip
    assert second == [None] * 7


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"id": ["x"], "name": ["a"]}, "incompatible Parquet schema for column id"),
        ({"id": [1]}, "has 1 columns and 2 are to be loaded"),
        ({"id": [1], "name": [["a"]]}, "nested column name"),
    ],
    ids=["kind", "count", "nested"],
)
def test_parquet_of_another_shape_is_refused(
    cursor: Any, sales: None, put: Put, columns: dict[str, Any], words: str
) -> None:
    uri = put("a.parquet", parquet(pa.table(columns)))
    with pytest.raises(redshift_connector.ProgrammingError, match=words):
        cursor.execute(f"COPY sales (id, name) FROM '{uri}' {ROLE} PARQUET")


def test_a_copy_belongs_to_its_transaction(connection: Any, cursor: Any, sales: None, put: Put) -> None:
    cursor.execute(f"COPY sales FROM '{put('a', b'1|a||')}' {ROLE}")
    assert len(rows(cursor)) == 1
    connection.rollback()
    assert rows(cursor) == []


def test_the_same_copy_run_again_reads_the_files_anew(cursor: Any, sales: None, put: Put) -> None:
    statement = f"COPY sales FROM '{put('a', b'1|a||')}' {ROLE}"
    cursor.execute(statement)
    put("a", b"2|b||")
    cursor.execute(statement)
    assert rows(cursor, "SELECT id FROM sales ORDER BY id") == [[1], [2]]


def test_options_for_text(cursor: Any, sales: None, put: Put) -> None:
    uri = put("a", b"1;far too long a name;NIL;\n2;;;\n3; ;;\n4;\xff;;\n")
    cursor.execute(
        f"COPY sales FROM '{uri}' {ROLE} DELIMITER ';' NULL AS 'NIL' TRUNCATECOLUMNS EMPTYASNULL BLANKSASNULL "
        "ACCEPTINVCHARS AS '^' COMPUPDATE OFF STATUPDATE ON"
    )
    assert rows(cursor, "SELECT id, name FROM sales ORDER BY id") == [
        [1, "far too lo"],
        [2, None],
        [3, None],
        [4, "^"],
    ]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("TIMEFORMAT 'auto'", "2026-01-02T03:04:05"),
        ("TIMEFORMAT 'DD.MM.YYYY HH24:MI:SS'", "02.01.2026 03:04:05"),
        ("TIMEFORMAT 'epochsecs'", "1767323045"),
        ("TIMEFORMAT 'epochmillisecs'", "1767323045000"),
    ],
    ids=["auto", "pattern", "seconds", "milliseconds"],
)
def test_times_are_read_as_stated(cursor: Any, sales: None, put: Put, option: str, value: str) -> None:
    cursor.execute(f"COPY sales FROM '{put('a', f'1|apple|{value}|1.5'.encode())}' {ROLE} {option}")
    assert rows(cursor) == [SALE]


def test_a_time_that_does_not_fit_its_pattern_is_an_error(cursor: Any, sales: None, put: Put) -> None:
    uri = put("a", b"1|a|2026-01-02 03:04:05|\n")
    with pytest.raises(redshift_connector.ProgrammingError, match="stl_load_errors"):
        cursor.execute(f"COPY sales FROM '{uri}' {ROLE} TIMEFORMAT 'DD.MM.YYYY HH24:MI:SS'")


def test_with_escape_a_backslash_keeps_the_next_character(cursor: Any, sales: None, put: Put) -> None:
    uri = put("a", b"id|name|at|amount\n1|a\\|b\\\\||\n2|a\\\nb||\n3|\\N|\\N|\n")
    cursor.execute(f"COPY sales FROM '{uri}' {ROLE} ESCAPE IGNOREHEADER 1")
    assert rows(cursor, "SELECT id, name FROM sales ORDER BY id") == [[1, "a|b\\"], [2, "a\nb"], [3, None]]


def test_an_identity_column_counts_by_itself(cursor: Any, put: Put) -> None:
    uri = put("a", b"a\nb")
    cursor.execute("CREATE TABLE t (id bigint IDENTITY(1, 1), name varchar(5))")
    cursor.execute(f"COPY t FROM '{uri}' {ROLE}")
    assert [name for _, name in rows(cursor, "SELECT * FROM t ORDER BY id")] == ["a", "b"]


def test_fillrecord_fills_what_a_row_lacks(cursor: Any, put: Put) -> None:
    cursor.execute("CREATE TABLE t (id int, name varchar(5), n int)")
    uri = put("short", b"1,a,2\n3,b\n4\n")
    cursor.execute(f"COPY t FROM '{uri}' {ROLE} CSV FILLRECORD")
    cursor.execute("SELECT * FROM t ORDER BY id")
    assert cursor.fetchall() == ([1, "a", 2], [3, "b", None], [4, "", None])
    uri = put("escaped", b"5|x\\|y\n")
    cursor.execute(f"COPY t FROM '{uri}' {ROLE} ESCAPE FILLRECORD")
    cursor.execute("SELECT * FROM t WHERE id = 5")
    assert cursor.fetchall() == ([5, "x|y", None],)


def test_a_file_of_paths_says_which_part_of_an_object_goes_where(cursor: Any, put: Put) -> None:
    cursor.execute("CREATE TABLE t (id int, city varchar(20), first varchar(5), amount decimal(8, 2))")
    paths = put("paths", b'{"jsonpaths": ["$.id", "$[\'home\'][\'city\']", "$.tags[0]", "$.amount"]}')
    uri = put(
        "data",
        b'{"id": 1, "home": {"city": "Rome"}, "tags": ["x", "y"], "amount": 1.10}\n{"id": 2, "tags": []}\n',
    )
    cursor.execute(f"COPY t FROM '{uri}' {ROLE} JSON '{paths}'")
    cursor.execute("SELECT * FROM t ORDER BY id")
    assert cursor.fetchall() == ([1, "Rome", "x", Decimal("1.10")], [2, None, None, None])


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (b'{"jsonpaths": ["$.id"]}', "should match"),
        (b'{"jsonpaths": ["$..id", "b"]}', "no jsonpaths file"),
        (b"[]", "no jsonpaths"),
    ],
    ids=["count", "expression", "form"],
)
def test_a_file_of_paths_that_does_not_fit_is_an_error(
    cursor: Any, put: Put, paths: bytes, words: str
) -> None:
    cursor.execute("CREATE TABLE t (id int, name varchar(5))")
    where, uri = put("paths", paths), put("data", b'{"id": 1}\n')
    with pytest.raises(redshift_connector.ProgrammingError, match=words):
        cursor.execute(f"COPY t FROM '{uri}' {ROLE} JSON '{where}'")
