"""``workbench query`` prints what the engine has, exactly, in each format and on both engines."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.test_warehouse import Call, call, refused
from workbench.warehouse import Warehouse

__all__ = ["call"]
ROOT = Path(__file__).resolve().parents[2]

# name: what is asked for, and its text in CSV; in JSON the same text unless a third says otherwise.
EITHER = {
    "big": ("CAST(9007199254740993 AS BIGINT)", "9007199254740993", 9007199254740993),
    "least": ("CAST(-9223372036854775807 AS BIGINT)", "-9223372036854775807", -9223372036854775807),
    "digits": ("CAST('1234567890123456789012345678.0123456789' AS DECIMAL(38, 10))", "1234567890123456789012345678.0123456789"),
    "bc": ("DATE '2024-01-01' - 750000", None),
    "far": ("CAST('12345-01-02' AS DATE)", "12345-01-02"),
    "last": ("CAST('9999-12-31' AS DATE)", "9999-12-31"),
    "old": ("CAST('1017-03-04' AS DATE)", "1017-03-04"),
    "at": ("CAST('12345-01-02 03:04:05.678901' AS TIMESTAMP)", "12345-01-02 03:04:05.678901"),
    "zoned": ("CAST('2024-01-02 03:04:05+02' AS TIMESTAMP WITH TIME ZONE)", "2024-01-02 01:04:05+00"),
    "hour": ("CAST('03:04:05.5' AS TIME)", "03:04:05.5"),
    "nan": ("CAST('NaN' AS DOUBLE PRECISION)", "nan", "NaN"),
    "endless": ("CAST('-Infinity' AS DOUBLE PRECISION)", "-inf", "-Infinity"),
    "third": ("CAST(1 AS DOUBLE PRECISION) / 3", "0.3333333333333333", 1 / 3),
    "yes": ("1 = 1", "true", True),
    "wide": ("'数据 🎉 ü'", "数据 🎉 ü"),
    "quoted": ("'a,\"b\"'", 'a,"b"'),
    "blank": ("' '", " "),
    "empty": ("''", ""),
}  # fmt: skip
DUCKDB = {
    "huge": ("170141183460469231731687303715884105727::HUGEINT", "170141183460469231731687303715884105727", 2**127 - 1),
    "unsigned": ("18446744073709551615::UBIGINT", "18446744073709551615", 2**64 - 1),
    "eternal": ("TIMESTAMP 'infinity'", "infinity"),
    "never": ("DATE '-infinity'", "-infinity"),
    "nanos": ("TIMESTAMP_NS '2024-01-02 03:04:05.123456789'", "2024-01-02 03:04:05.123456789"),
    "zone": ("'03:04:05+05:30'::TIMETZ", "03:04:05+05:30"),
    "while": ("INTERVAL '1 month 2 days'", "1 month 2 days"),
    "bytes": ("'\\xAA'::BLOB", "\\xAA"),
    "id": ("'00000000-0000-0000-0000-00000000000a'::UUID", "00000000-0000-0000-0000-00000000000a"),
    "bits": ("'0101'::BIT", "0101"),
    "word": ("'b'::ENUM('a', 'b')", "b"),
    "list": ("[1, NULL]", "[1, null]", [1, None]),
    "lists": ("[[DATE '12345-01-02'], NULL]", '[["12345-01-02"], null]', [["12345-01-02"], None]),
    "struct": (
        "{'a': 1.50, 'it''s \"b\"': {'c': 'nan'::DOUBLE}}", '{"a": "1.50", "it\'s \\"b\\"": {"c": "NaN"}}',
        {"a": "1.50", 'it\'s "b"': {"c": "NaN"}},
    ),
    "map": ("MAP {'k': [1]}", '{"k": [1]}', {"k": [1]}),
    "array": ("[1, 2]::INTEGER[2]", "[1, 2]", [1, 2]),
    "json": ("'{\"a\": 1}'::JSON", '{"a": 1}'),
    "union": ("union_value(n := 2)", "2"),
}  # fmt: skip


@pytest.mark.parametrize("format", ["csv", "json", "table"])
def test_every_type_is_printed_as_it_is(call: Call, either: Warehouse, format: str) -> None:
    wanted = EITHER | (DUCKDB if either.dialect == "duckdb" else {})
    columns = ", ".join(f'{each[0]} AS "{name}"' for name, each in wanted.items())
    nothing = ", ".join(["NULL"] * len(wanted))
    answer = call("query", f"SELECT {columns} UNION ALL SELECT {nothing} ORDER BY 1", "--format", format)
    assert answer.status == 0, answer.err
    if format == "table":
        assert all(each[1].strip() in answer.out for each in wanted.values() if each[1] and len(each[1]) < 20)
        return
    if format == "csv":
        row, none = list(csv.DictReader(io.StringIO(answer.out)))
        assert answer.out.splitlines()[-1] == "," * (len(wanted) - 1)
        assert ',""' in answer.out
    else:
        row, none = json.loads(answer.out)
        assert set(none.values()) == {None}
    assert row["bc"] in ("0031-07-31 (BC)", "0030-07-28 (BC)") or row["bc"].endswith("(BC)")
    for name, (_, text, *value) in wanted.items():
        if text is not None:
            assert row[name] == (value[0] if value and format == "json" else text), name


def test_columns_of_one_name_keep_their_values(call: Call, either: Warehouse) -> None:
    sql = 'SELECT 1 AS a, 2 AS a, NULL AS b, 3 AS a, 4 AS "a_2"'
    assert call("query", sql, "--format", "csv").out == "a,a,b,a,a_2\n1,2,,3,4\n"
    table = call("query", sql).out.split("\n")
    assert (table[0].split(), table[1].split()) == (["a", "a", "b", "a", "a_2"], ["1", "2", "3", "4"])
    (row,) = json.loads(call("query", sql, "--format", "json").out)
    assert row == {"a": 1, "a_3": 2, "b": None, "a_4": 3, "a_2": 4}


def test_no_rows_are_a_heading_and_one_column_of_nothing_is_a_row(call: Call, either: Warehouse) -> None:
    none = "SELECT batch_id, uri FROM ops.batches"
    assert call("query", none, "--format", "csv").out == "batch_id,uri\n"
    assert json.loads(call("query", none, "--format", "json").out) == []
    assert call("query", none).err == "0 rows\n"
    one = call("query", "SELECT NULL AS a UNION ALL SELECT NULL", "--format", "csv").out
    assert list(csv.DictReader(io.StringIO(one))) == [{"a": ""}] * 2


def test_what_steers_a_terminal_is_shown(call: Call, warehouse: Warehouse) -> None:
    evil = "chr(27) || ']0;owned' || chr(7) || chr(155) || '31m' || chr(10) || chr(8238) || 'x :smile: [bold]y[/bold]'"
    sql = f'SELECT {evil} AS a, 1 AS "\x1b[2J"'
    table = call("query", sql)
    assert "\\x1b]0;owned\\x07\\x9b31m\\n\\u202ex :smile: [bold]y[/bold]" in table.out
    assert table.out.count("\n") == 2
    assert json.loads(call("query", sql, "--format", "json").out)[0]["a"].startswith(
        "\x1b]0;owned\x07\x9b31m\n\u202e"
    )
    piped = call("query", sql, "--format", "csv").out
    assert piped.startswith('a,\x1b[2J\n"\x1b]0;owned')
    for each in (
        table.out,
        call("query", sql, "--format", "json").out,
        call("query", "SELECT 'a' AS '\x1b[2J'").err,
    ):
        assert "\x1b" not in each and "\x9b" not in each


def test_a_cell_is_cut_in_a_table_and_nowhere_else(call: Call, warehouse: Warehouse) -> None:
    sql = "SELECT repeat('x', 5000) AS a"
    assert "3,000 more characters" in "".join(call("query", sql).out.split("\n")).replace("  ", " ")
    assert len(json.loads(call("query", sql, "--format", "json").out)[0]["a"]) == 5000
    assert len(call("query", sql, "--format", "csv").out) == 5003


def run(home: Path, *arguments: str, **options: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "workbench.cli", "query", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "WORKBENCH_HOME": str(home)}, stderr=subprocess.PIPE, **options,  # type: ignore[call-overload]
    )  # fmt: skip


@pytest.mark.parametrize("format", ["csv", "json", "table"])
def test_a_reader_that_has_seen_enough_is_no_error(warehouse: Warehouse, home: Path, format: str) -> None:
    process = run(home, "SELECT range AS n FROM range(20000)", "--format", format, stdout=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    assert b"Traceback" not in (error := process.stderr.read()) and b"Exception" not in error
    process.wait(300)


def test_csv_on_a_terminal_shows_what_it_hands_on_raw(warehouse: Warehouse, home: Path) -> None:
    parent, child = pty.openpty()
    process = run(home, "SELECT chr(27) || '[2J' AS a", "--format", "csv", stdout=child)
    os.close(child)
    process.wait(300)
    assert os.read(parent, 1000).split() == [b"a", b"\\x1b[2J"]
    os.close(parent)


@pytest.mark.parametrize("options", [[], ["--write"]])
def test_a_statement_that_is_no_text_is_refused(call: Call, warehouse: Warehouse, options: list[str]) -> None:
    refused(call("query", *options, "SELECT '\udcff' AS x"), "no text in UTF-8")


def test_what_a_code_page_lacks_is_written_out(warehouse: Warehouse) -> None:
    program = [sys.executable, "-c", "from workbench.cli import main; main()"]
    asked = subprocess.run(
        [*program, "query", "SELECT '\u00fc\u65e5' AS x"],
        env={**os.environ, "PYTHONIOENCODING": "cp1252"}, capture_output=True, check=False,
    )  # fmt: skip
    assert (asked.returncode, asked.stdout) == (0, b"x\n\xfc\\u65e5\n")


def test_it_says_of_which_moment_an_answer_is(call: Call, warehouse: Warehouse) -> None:
    asked = ("query", "SELECT * FROM dim_time")
    assert call(*asked).err == "0 rows\n"
    add = "INSERT INTO core.dim_time VALUES (1, 0, 0, 'x')"
    assert call("query", "--write", add).out == "done\n"
    assert re.fullmatch(r"1 row, as of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n", call(*asked).err)
    warehouse.execute(add)
    assert call(*asked).err.endswith("; the warehouse was written since\n")
    assert call("query", "SELECT * FROM ops.runs").err == "0 rows\n"
    assert call("maintain").status == 0
    assert call(*asked).err.startswith("2 rows, as of ")
