"""UNLOAD to S3 by the unmodified driver, read back with PyArrow and by COPY."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import redshift_connector

from .conftest import ROLE

TYPED = (
    "SELECT 1::bigint AS a, 'x'::varchar(5) AS b, 1.5::decimal(10,2) AS c, '2026-01-02'::date AS d, "
    "'2026-01-02 03:04:05.6'::timestamp AS e, '2026-01-02 03:04:05+01'::timestamptz AS f, true AS g, 0.5::float8 AS h "
    "UNION ALL SELECT NULL, '', NULL::decimal(10,2), NULL, NULL, NULL, NULL, NULL "
    "UNION ALL SELECT 3, NULL, NULL::decimal(10,2), NULL, NULL, NULL, NULL, NULL"
)


def keys(s3: Any, bucket: str) -> list[str]:
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def body(s3: Any, bucket: str, key: str) -> bytes:
    return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def unload(cursor: Any, query: str, bucket: str, options: str) -> None:
    escaped = query.replace("'", "''")
    cursor.execute(f"UNLOAD ('{escaped}') TO 's3://{bucket}/out/' {ROLE} {options}")


def test_parquet_has_the_types_of_the_query(cursor: Any, s3: Any, bucket: str) -> None:
    unload(cursor, TYPED, bucket, "FORMAT AS PARQUET")
    table = pq.read_table(io.BytesIO(body(s3, bucket, "out/0000_part_00.parquet")))
    assert table.schema.types == [
        pa.int64(), pa.string(), pa.decimal128(10, 2), pa.date32(), pa.timestamp("us"), pa.timestamp("us", "UTC"),
        pa.bool_(), pa.float64(),
    ]  # fmt: skip
    first, empty, null = table.to_pylist()
    assert first == {
        "a": 1, "b": "x", "c": Decimal("1.50"), "d": dt.date(2026, 1, 2),
        "e": dt.datetime(2026, 1, 2, 3, 4, 5, 600000), "f": dt.datetime(2026, 1, 2, 2, 4, 5, tzinfo=dt.UTC), "g": True,
        "h": 0.5,
    }  # fmt: skip
    assert (empty["b"], null["b"], empty["c"]) == ("", None, None)


def test_a_decimal_without_a_scale_is_refused_rather_than_guessed(cursor: Any, bucket: str) -> None:
    with pytest.raises(redshift_connector.ProgrammingError, match="precision and scale of column total"):
        unload(cursor, "SELECT sum(x) AS total FROM (SELECT 1.5::decimal(10,2) AS x) AS y", bucket, "PARQUET")


def test_a_query_without_rows_leaves_an_empty_file_with_the_schema(cursor: Any, s3: Any, bucket: str) -> None:
    unload(cursor, "SELECT 1::int AS a WHERE false", bucket, "PARQUET")
    assert pq.read_table(io.BytesIO(body(s3, bucket, "out/0000_part_00.parquet"))).schema.names == ["a"]


def test_partitions_are_folders(cursor: Any, s3: Any, bucket: str) -> None:
    query = "SELECT n AS a, CASE WHEN n % 2 = 0 THEN 'even' END AS kind FROM (SELECT 1 AS n UNION ALL SELECT 2) AS x"
    unload(cursor, query, bucket, "PARQUET PARTITION BY (kind)")
    assert keys(s3, bucket) == [
        "out/kind=__HIVE_DEFAULT_PARTITION__/0000_part_00.parquet", "out/kind=even/0000_part_00.parquet",
    ]  # fmt: skip
    assert pq.ParquetFile(
        io.BytesIO(body(s3, bucket, "out/kind=even/0000_part_00.parquet"))
    ).read().to_pylist() == [{"a": 2}]


def test_csv_with_header_and_gzip(cursor: Any, s3: Any, bucket: str) -> None:
    unload(
        cursor,
        "SELECT 1 AS a, 'x, \"y\"' AS b, true AS c, NULL::int AS d",
        bucket,
        "CSV HEADER GZIP PARALLEL OFF",
    )
    assert gzip.decompress(body(s3, bucket, "out/000.gz")) == b'a,b,c,d\n1,"x, ""y""",t,\n'


def test_what_was_unloaded_can_be_copied_back(cursor: Any, s3: Any, bucket: str) -> None:
    cursor.execute("CREATE TABLE words (id int, word varchar(20))")
    cursor.execute(
        r"INSERT INTO words VALUES (1, 'pipe | here'), (2, 'line' || chr(10) || 'feed'), (3, ''), (4, 'back' || chr(92) || 'n')"
    )
    for number, (unloaded, copied) in enumerate(
        [("CSV", "CSV"), ("ESCAPE", "ESCAPE"), ("PARQUET", "PARQUET")]
    ):
        cursor.execute(f"UNLOAD ('SELECT * FROM words') TO 's3://{bucket}/{number}/' {ROLE} {unloaded}")
        cursor.execute(f"CREATE TABLE back{number} (LIKE words)")
        cursor.execute(f"COPY back{number} FROM 's3://{bucket}/{number}/' {ROLE} {copied}")
        cursor.execute(f"SELECT * FROM words EXCEPT SELECT * FROM back{number}")
        assert list(cursor.fetchall()) == [], unloaded


def test_large_files_are_cut_between_rows(cursor: Any, s3: Any, bucket: str) -> None:
    query = "SELECT n, repeat('x', 99) || chr(10) AS w FROM generate_series(1, 100000) AS g(n)"
    unload(cursor, query, bucket, "CSV MAXFILESIZE 5 MB")
    parts = [body(s3, bucket, key) for key in keys(s3, bucket)]
    assert len(parts) == 3
    assert all(len(part) <= 5 * 2**20 for part in parts)
    assert all(part.endswith(b'\n"\n') for part in parts)


def test_a_place_that_is_not_empty_is_left_alone(connection: Any, cursor: Any, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="out/old", Body=b"old")
    with pytest.raises(redshift_connector.ProgrammingError, match="is not empty"):
        unload(cursor, "SELECT 1 AS a", bucket, "CSV")
    connection.rollback()
    unload(cursor, "SELECT 1 AS a", bucket, "CSV ALLOWOVERWRITE")
    assert keys(s3, bucket) == ["out/0000_part_00", "out/old"]
    unload(cursor, "SELECT 1 AS a", bucket, "CSV CLEANPATH")
    assert keys(s3, bucket) == ["out/0000_part_00"]


def test_the_manifest_lists_the_files(cursor: Any, s3: Any, bucket: str) -> None:
    unload(cursor, "SELECT 1 AS a", bucket, "CSV MANIFEST")
    (entry,) = json.loads(body(s3, bucket, "out/manifest"))["entries"]
    assert entry == {"url": f"s3://{bucket}/out/0000_part_00", "meta": {"content_length": 2}}


REFUSED = {
    "an error of the query": ("SELECT 1/0 AS a", "CSV", "division by zero"),
    "no such table": ("SELECT * FROM nowhere", "CSV", "does not exist"),
    "no query": ("DELETE FROM nowhere", "CSV", "takes a SELECT"),
    "JSON": ("SELECT 1", "FORMAT JSON", "UNLOAD with FORMAT"),
    "an option": ("SELECT 1", "CSV KMS_KEY_ID 'k'", "UNLOAD with KMS_KEY_ID is not imitated"),
    "a missing partition": ("SELECT 1 AS a", "PARQUET PARTITION BY (b)", "PARTITION BY names the column b"),
    "a small file": ("SELECT 1 AS a", "CSV MAXFILESIZE 1 MB", "from 5 MB"),
}


@pytest.mark.parametrize(("query", "options", "words"), REFUSED.values(), ids=REFUSED)
def test_what_can_not_be_done_is_an_error_and_writes_nothing(
    cursor: Any, s3: Any, bucket: str, query: str, options: str, words: str
) -> None:
    with pytest.raises(redshift_connector.ProgrammingError, match=words):
        unload(cursor, query, bucket, options)
    assert keys(s3, bucket) == []


def test_a_bucket_that_is_not_there_is_an_error_that_ends_the_transaction(
    connection: Any, cursor: Any
) -> None:
    cursor.execute("CREATE TABLE t (a int)")
    with pytest.raises(redshift_connector.ProgrammingError, match="NoSuchBucket"):
        unload(cursor, "SELECT 1 AS a", "no-such-bucket-at-all", "CSV")
    with pytest.raises(redshift_connector.ProgrammingError, match="aborted"):
        cursor.execute("SELECT 1")
    connection.rollback()


def test_without_a_format_values_are_written_bare(cursor: Any, s3: Any, bucket: str) -> None:
    query = r"select 1, ''a|b'' || chr(92) || ''c'', null, true"
    cursor.execute(rf"UNLOAD ('{query}') TO 's3://{bucket}/bare_' {ROLE} PARALLEL OFF NULL '\\N'")
    assert s3.get_object(Bucket=bucket, Key="bare_000")["Body"].read() == b"1|a|b\\c|\\N|t\n"


@pytest.mark.parametrize(("option", "suffix"), [("BZIP2", ".bz2"), ("ZSTD", ".zst"), ("GZIP", ".gz")])
def test_text_is_compressed_and_copied_back(
    cursor: Any, s3: Any, bucket: str, option: str, suffix: str
) -> None:
    cursor.execute(f"UNLOAD ('select 1, 2.5') TO 's3://{bucket}/c_' {ROLE} CSV PARALLEL OFF {option}")
    assert _keys(s3, bucket) == [f"c_000{suffix}"]
    cursor.execute("CREATE TABLE back (n int, s varchar(5))")
    cursor.execute(f"COPY back FROM 's3://{bucket}/c_' {ROLE} CSV {option}")
    cursor.execute("SELECT * FROM back")
    assert cursor.fetchall() == ([1, "2.5"],)


def test_an_unload_sees_what_its_transaction_did(connection: Any, cursor: Any, s3: Any, bucket: str) -> None:
    cursor.execute("CREATE TABLE fresh (n int)")
    cursor.execute("INSERT INTO fresh VALUES (41), (42)")
    cursor.execute(
        f"UNLOAD ('select n from fresh order by n') TO 's3://{bucket}/f_' {ROLE} CSV HEADER PARALLEL OFF"
    )
    connection.rollback()
    assert s3.get_object(Bucket=bucket, Key="f_000")["Body"].read() == b"n\n41\n42\n"


def test_cleanpath_clears_the_place_and_allowoverwrite_does_not(cursor: Any, s3: Any, bucket: str) -> None:
    for option, left in (("ALLOWOVERWRITE", ["p/000", "p/old"]), ("CLEANPATH", ["p/000"])):
        s3.put_object(Bucket=bucket, Key="p/old", Body=b"old")
        cursor.execute(f"UNLOAD ('select 1') TO 's3://{bucket}/p/' {ROLE} CSV PARALLEL OFF {option}")
        assert _keys(s3, bucket) == left


def _keys(s3: Any, bucket: str) -> list[str]:
    return [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
