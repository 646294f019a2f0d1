"""Redshift's functions: what each call answers."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from .conftest import Ask, Refused

CASES: list[tuple[str, Any]] = [
    ("dateadd(day, 30, '2024-02-01')", dt.datetime(2024, 3, 2)),
    ("dateadd(month, 1, date '2024-01-31')", dt.datetime(2024, 2, 29)),
    ("dateadd(hr, -2, timestamp '2024-01-01 01:00:00')", dt.datetime(2023, 12, 31, 23)),
    ("dateadd('quarter', 1, '2024-01-15'::timestamp)", dt.datetime(2024, 4, 15)),
    ("dateadd(w, 2, date '2024-01-01')", dt.datetime(2024, 1, 15)),
    ("datediff(day, '2024-01-01', '2024-03-01')", 60),
    ("datediff(year, date '2023-12-31', date '2024-01-01')", 1),
    ("datediff(week, date '2024-01-06', date '2024-01-08')", 1),
    ("datediff(qtr, '2023-11-01', '2024-02-01')", 1),
    ("datediff(hour, timestamp '2024-01-01 00:59:00', timestamp '2024-01-01 01:01:00')", 1),
    ("datediff(second, timestamp '2024-01-01', timestamp '2024-01-01 00:01:40')", 100),
    ("date_part(dow, date '2024-03-03')", 0),
    ("date_part('month', timestamp '2024-03-03')", 3),
    ("extract(year from date '2024-03-03')", 2024),
    ("date_trunc('month', timestamp '2024-03-15 10:00:00')", dt.datetime(2024, 3, 1)),
    ("date_trunc('week', date '2024-03-15')", dt.datetime(2024, 3, 11)),
    ("trunc(timestamp '2024-03-15 10:00:00')", dt.date(2024, 3, 15)),
    ("last_day(date '2024-02-03')", dt.date(2024, 2, 29)),
    ("add_months(date '2024-02-29', 1)", dt.datetime(2024, 3, 31)),
    ("convert_timezone('Europe/Berlin', timestamp '2024-07-01 12:00:00')", dt.datetime(2024, 7, 1, 14)),
    ("convert_timezone('America/New_York', 'UTC', timestamp '2024-01-01 07:00:00')", dt.datetime(2024, 1, 1, 12)),
    ("to_char(timestamp '2024-03-05 14:03:09.000125', 'YYYY-MM-DD HH24:MI:SS.US')", "2024-03-05 14:03:09.000125"),
    ("to_char(1234.5, 'FM9999.00')", "1234.50"),
    ("to_date('05 Mar 2024', 'DD Mon YYYY')", dt.date(2024, 3, 5)),
    ("getdate() = date_trunc('second', getdate())", True),
    ("datediff(minute, sysdate, getdate()) between -1 and 0", True),
    ("strtol('ff', 16)", 255),
    ("strtol(substring(md5('a|b'), 1, 15), 16)", 938760983661274987),
    ("strtol('-0x10', 16)", -16),
    ("nvl(null, null, 'c')", "c"),
    ("nvl2(null, 'a', 'b')", "b"),
    ("decode(2, 1, 'one', 2, 'two', 'more')", "two"),
    ("decode(null, null, 'nothing', 'something')", "nothing"),
    ("decode(9, 1, 'one')", None),
    ("len('abc') + length('é')", 4),
    ("charindex('b', 'abc')", 2),
    ("sha2('a', 256)", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
    ("json_extract_path_text('{\"a\": {\"b\": 1}}', 'a', 'b')", "1"),
    ("json_extract_path_text('{\"a\": 1}', 'z')", ""),
    ("json_extract_path_text('{no', 'z', true)", None),
    ("json_extract_array_element_text('[1, \"x\"]', 1)", "x"),
    ("json_array_length('[1, 2, 3]')", 3),
    ("is_valid_json('{\"a\": 1}')", True),
    ("is_valid_json('{a')", False),
    ("is_valid_json_array('[1]')", True),
    ("regexp_replace('a1b22', '[0-9]+', '#')", "a#b#"),
    ("regexp_replace('a1b22', '[0-9]')", "ab"),
    ("regexp_replace('x@y', '(.)@(.)', '$2 at $1')", "y at x"),
    ("regexp_substr('order 66 of 7', '[0-9]+')", "66"),
    ("regexp_substr('order 66 of 7', '[0-9]+', 1, 2)", "7"),
    ("regexp_substr('k=v', '(.)=(.)', 1, 1, 'e')", "k"),
    ("regexp_substr('abc', '[0-9]')", ""),
    ("regexp_count('ABba', 'b', 1, 'i')", 2),
    ("regexp_instr('abcabc', 'c', 1, 2)", 6),
    ("split_part('a,b,c', ',', 2)", "b"),
    ("round(2.675::float8, 2)", 2.68),
    ("'Abc' ilike 'a%' and 'abc' ~ '^a'", True),
    ("cast(3.14159 as decimal(8, 2))", Decimal("3.14")),
    ("initcap('two words') || lpad('7', 3, '0')", "Two Words007"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "wanted"), CASES, ids=[call for call, _ in CASES])
def test_a_function_answers_as_redshifts(ask: Ask, call: str, wanted: Any) -> None:
    assert ask(f"SELECT {call}") == [[wanted]]


def test_parts_of_dates_are_no_columns(ask: Ask) -> None:
    ask("CREATE TABLE t (day int, d date)")
    ask("INSERT INTO t VALUES (3, '2024-01-01')")
    assert ask("SELECT dateadd(day, day, d), datediff(day, d, '2024-01-05') FROM t") == [
        [dt.datetime(2024, 1, 4), 4]
    ]


def test_aggregates_answer_as_redshifts(ask: Ask) -> None:
    ask("CREATE TABLE t (g int, n int, s varchar(5))")
    ask("INSERT INTO t VALUES (1, 3, 'c'), (1, 1, 'a'), (1, 2, 'a'), (2, 9, NULL)")
    assert ask(
        "SELECT g, listagg(s, ',') WITHIN GROUP (ORDER BY n DESC), listagg(DISTINCT s, '/') WITHIN GROUP (ORDER BY s), "
        "median(n), approximate count(DISTINCT s), approximate percentile_disc(0.5) WITHIN GROUP (ORDER BY n), "
        "count(*), any_value(g) FROM t GROUP BY g ORDER BY g"
    ) == [[1, "c,a,a", "a/c", 2.0, 2, 2, 3, 1], [2, None, None, 9.0, 0, 9, 1, 2]]


@pytest.mark.parametrize(
    ("query", "construct"),
    [
        ("SELECT json_parse('[1]')", "SUPER"),
        ("SELECT '1'::super", "SUPER"),
        ("SELECT hll(1)", "HLLSKETCH"),
        ("SELECT st_point(1, 2)", "GEOMETRY"),
        ("SELECT ratio_to_report(1) OVER ()", "ratio_to_report"),
        ("SELECT listagg('a') WITHIN GROUP (ORDER BY 1) OVER ()", "LISTAGG as a window function"),
        ("SELECT dateadd(epoch, 1, '2024-01-01')", "epoch"),
        ("CREATE EXTERNAL SCHEMA s FROM DATA CATALOG DATABASE 'd'", "CREATE EXTERNAL"),
        ("CREATE EXTERNAL TABLE s.t (n int)", "CREATE EXTERNAL"),
        ("CREATE MODEL m FROM t", "CREATE MODEL"),
        ("CREATE DATASHARE d", "CREATE DATASHARE"),
        ("CREATE MASKING POLICY p", "CREATE MASKING POLICY"),
        ("CREATE INDEX i ON t (n)", "CREATE INDEX"),
        ("CREATE TABLE t (doc super)", "SUPER"),
        ("CREATE TABLE t (place geometry)", "GEOMETRY"),
        ("CREATE TABLE t (s varchar(5) COLLATE case_insensitive)", "COLLATE CASE_INSENSITIVE"),
        ("ANALYZE COMPRESSION t", "ANALYZE COMPRESSION"),
        ("SHOW GRANTS ON t", "SHOW GRANTS"),
        ("COPY t FROM 'emr://cluster/path'", "COPY FROM 'emr://'"),
    ],
)  # fmt: skip
def test_what_is_not_imitated_is_refused_by_its_name(refused: Refused, query: str, construct: str) -> None:
    code, message = refused(query)
    assert code == "0A000"
    assert construct in message
    assert "not imitated" in message


@pytest.mark.parametrize(
    "query",
    ["SELECT doc.items[0] FROM (SELECT 1 AS doc) AS t", "SELECT a + 1 AS b, b + 1 AS c FROM (SELECT 1 AS a) AS t", "PIVOT t"],
)  # fmt: skip
def test_what_nobody_knows_is_an_error_too(refused: Refused, query: str) -> None:
    assert refused(query)[0].startswith(("42", "0A"))
