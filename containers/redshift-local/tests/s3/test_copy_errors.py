"""What COPY refuses, and what it says and records of it."""

from __future__ import annotations

import gzip
import http.client
import urllib.parse
from typing import Any

import pytest
import redshift_connector

from redshift_local import Address

from .conftest import ROLE
from .loading import Put, rows


def test_a_bad_value_loads_nothing_and_is_told_of(
    connection: Any, cursor: Any, sales: None, put: Put
) -> None:
    uri = put("a", b"1|a||\n2|b||not a number\n")
    with pytest.raises(redshift_connector.ProgrammingError, match="Check 'stl_load_errors'"):
        cursor.execute(f"COPY sales FROM '{uri}' {ROLE}")
    connection.rollback()
    assert rows(cursor) == []
    found = rows(
        cursor,
        f"SELECT line_number, trim(colname), trim(raw_field_value), err_code FROM stl_load_errors WHERE filename = '{uri}'",
    )
    assert found == [[2, "amount", "not a number", 1207]]


MIXED = b"x|bad id||\n1|ok||\n|no id||\n2|far too long a name||\n3|a\n4|\xff||\n5|ok||\n"


def test_maxerror_leaves_bad_rows_out_and_records_each(cursor: Any, sales: None, put: Put) -> None:
    uri = put("a", MIXED)
    cursor.execute(f"COPY sales FROM '{uri}' {ROLE} MAXERROR 5")
    assert rows(cursor, "SELECT id, name FROM sales ORDER BY id") == [[1, "ok"], [5, "ok"]]
    errors = rows(
        cursor,
        f"SELECT line_number, err_code FROM stl_load_errors WHERE filename = '{uri}' ORDER BY line_number",
    )
    assert errors == [[1, 1207], [3, 1213], [4, 1204], [5, 1214], [6, 1220]]


def test_one_error_more_than_maxerror_fails(connection: Any, cursor: Any, sales: None, put: Put) -> None:
    uri = put("a", MIXED)
    with pytest.raises(redshift_connector.ProgrammingError, match="Load into table 'sales' failed"):
        cursor.execute(f"COPY sales FROM '{uri}' {ROLE} MAXERROR 4")
    connection.rollback()
    assert rows(cursor) == []


REFUSED = {
    "no such prefix": ("'s3://{bucket}/none/'", ROLE, "prefix 'none/' does not exist"),
    "no such bucket": ("'s3://no-such-bucket-at-all/x'", ROLE, "NoSuchBucket"),
    "no authorization": ("'s3://{bucket}/x'", "CSV", "who asks S3 is missing"),
    "a role that is none": ("'s3://{bucket}/x'", "IAM_ROLE 'me'", "isn't a role"),
    "half a key": ("'s3://{bucket}/x'", "ACCESS_KEY_ID 'a'", "belong together"),
    "another source": ("'dynamodb://t'", ROLE, "COPY FROM 'dynamodb://' is not imitated"),
    "a format": ("'s3://{bucket}/x'", f"{ROLE} FORMAT AVRO 'auto'", "COPY with"),
    "an option": ("'s3://{bucket}/x'", f"{ROLE} ROUNDEC", "COPY with ROUNDEC is not imitated"),
    "FILLRECORD of JSON": (
        "'s3://{bucket}/x'",
        f"{ROLE} FILLRECORD JSON 'auto'",
        "FILLRECORD of JSON is not imitated",
    ),
    "nested JSON": ("'s3://{bucket}/x'", f"{ROLE} PARQUET SERIALIZETOJSON", "SERIALIZETOJSON"),
    "JSON into SUPER": (
        "'s3://{bucket}/x'",
        f"{ROLE} JSON 'noshred'",
        "COPY with JSON 'noshred' is not imitated",
    ),
    "no file of paths": ("'s3://{bucket}/x'", f"{ROLE} JSON 's3://{{bucket}}/paths'", "NoSuchKey"),
    "a time pattern": ("'s3://{bucket}/x'", f"{ROLE} TIMEFORMAT 'QQ'", "the time pattern 'QQ'"),
    "two characters": ("'s3://{bucket}/x'", f"{ROLE} DELIMITER 'ab'", "needs one character"),
}


@pytest.mark.parametrize(("source", "options", "words"), REFUSED.values(), ids=REFUSED)
def test_what_can_not_be_done_is_an_error_that_says_so(
    cursor: Any, sales: None, bucket: str, source: str, options: str, words: str
) -> None:
    with pytest.raises(redshift_connector.ProgrammingError, match=words):
        cursor.execute(f"COPY sales FROM {source.format(bucket=bucket)} {options.format(bucket=bucket)}")


@pytest.mark.parametrize("target", ["nowhere", "sales (id, nothing)"])
def test_a_table_or_column_that_is_not_there_is_postgresqls_error(
    cursor: Any, sales: None, put: Put, target: str
) -> None:
    uri = put("a", b"1|a\n")
    with pytest.raises(redshift_connector.ProgrammingError, match="does not exist"):
        cursor.execute(f"COPY {target} FROM '{uri}' {ROLE}")


def test_a_file_cut_short_is_an_error(cursor: Any, sales: None, put: Put) -> None:
    uri = put("a.gz", gzip.compress(b"1|a||\n" * 10_000)[:-20])
    with pytest.raises(redshift_connector.ProgrammingError, match="can't be read"):
        cursor.execute(f"COPY sales FROM '{uri}' {ROLE} GZIP")


def test_credentials_are_not_written_down(redshift: Address, cursor: Any, sales: None, put: Put) -> None:
    uri, secret = put("a", b"nonsense"), "MySecretThatNobodySees"
    with pytest.raises(redshift_connector.ProgrammingError) as caught:
        cursor.execute(f"COPY sales FROM '{uri}' ACCESS_KEY_ID 'AKIA' SECRET_ACCESS_KEY '{secret}'")
    assert secret not in str(caught.value)
    assert redshift.ca is not None
    assert secret not in (redshift.ca.parents[1] / "postgres.log").read_text()


def test_text_that_is_too_long_is_counted_in_bytes(connection: Any, cursor: Any, put: Put) -> None:
    cursor.execute("CREATE TABLE t (id int, name varchar(3))")
    connection.commit()
    uri = put("long", "1,aé\n2,éé\n".encode())
    with pytest.raises(redshift_connector.ProgrammingError, match="stl_load_errors"):
        cursor.execute(f"COPY t FROM '{uri}' {ROLE} CSV")
    connection.rollback()
    cursor.execute(f"SELECT line_number, colname, err_code FROM stl_load_errors WHERE filename = '{uri}'")
    assert cursor.fetchall() == ([2, "name", 1204],)
    cursor.execute(f"COPY t FROM '{uri}' {ROLE} CSV TRUNCATECOLUMNS")
    cursor.execute("SELECT name FROM t ORDER BY id")
    assert cursor.fetchall() == (["aé"], ["é"])


def test_a_wrong_key_is_an_error_of_s3(cursor: Any, sales: None, put: Put, aws: dict[str, str]) -> None:
    uri = put("a", b"1,a\n")
    _ask_for_keys(aws, "0")
    try:
        with pytest.raises(redshift_connector.ProgrammingError, match=r"Status 403,Error InvalidAccessKeyId"):
            cursor.execute(f"COPY sales FROM '{uri}' ACCESS_KEY_ID 'AKIAWRONG' SECRET_ACCESS_KEY 'wrong' CSV")
    finally:
        _ask_for_keys(aws, "inf")


def _ask_for_keys(aws: dict[str, str], after: str) -> None:
    """Have the local S3 check keys after so many requests."""
    host = urllib.parse.urlsplit(aws["endpoint_url"]).netloc
    connection = http.client.HTTPConnection(host, timeout=120)
    connection.request("POST", "/moto-api/reset-auth", after.encode(), {"Content-Type": "text/plain"})
    assert connection.getresponse().status == 200
    connection.close()
