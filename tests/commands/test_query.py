"""``workbench query`` prints what the engine has, exactly, in each format and on both engines."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType

import psutil
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


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT pg_terminate_backend(1)",
        'SELECT "pg_terminate_backend"(1)',
        "SELECT PG_CATALOG.PG_CANCEL_BACKEND(1)",
        "SELECT * FROM pg_terminate_backend(1)",
        "SELECT 1 WHERE (SELECT pg_reload_conf())",
        "SELECT count(*) FROM ops.runs HAVING pg_sleep(0) IS NULL",
        "SELECT set_config('search_path', 'x', false)",
        "SELECT nextval('s')",
        "SELECT setval('s', 1)",
        "SELECT lo_import('/etc/passwd')",
        "SELECT lo_create(0)",
        "SELECT pg_read_file('PG_VERSION')",
        "SELECT pg_ls_dir('.')",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_logical_emit_message(false, 'a', 'b')",
        "SELECT query_to_xml('SELECT pg_sleep(0)', true, true, '')",
        "SELECT dblink('x', 'SELECT 1')",
        "SELECT U&\"pg\\005fterminate_backend\"(1)",
        "SELECT u&\"px005fsleep\" UESCAPE 'x' (0)",
        "SELECT $$a$$, pg_terminate_backend(1)",
        "SELECT 'a\\' || pg_terminate_backend(1) || ''",
        "EXPLAIN ANALYZE DELETE FROM ops.runs",
        "EXPLAIN ANALYZE SELECT pg_terminate_backend(1)",
        "SELECT 1 AS a INTO other",
        "SELECT * FROM ops.runs FOR UPDATE",
        "COPY ops.runs FROM 's3://b/k' IAM_ROLE default",
        "UNLOAD ('SELECT 1') TO 's3://b/k' IAM_ROLE default",
        "CALL f()",
        "SELECT 1; SELECT pg_terminate_backend(1)",
        "WITH a AS (DELETE FROM ops.runs RETURNING run_id) SELECT * FROM a",
        "VACUUM",
        "SET search_path TO x",
        "LOCK ops.runs",
        "SELECT made()",
        "PREPARE p AS SELECT 1",
    ],
)  # fmt: skip
def test_redshift_calls_nothing_that_does_more_than_read(
    call: Call, redshift_warehouse: Warehouse, sql: str
) -> None:
    redshift_warehouse.execute(
        "CREATE OR REPLACE FUNCTION made() RETURNS int VOLATILE AS $$ SELECT 1 $$ LANGUAGE sql"
    )
    refused(call("query", sql))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT random(), pg_backend_pid(), timeofday(), version(), current_user, getdate(), sysdate",
        "SELECT date_trunc('day', getdate()), dateadd(day, 1, getdate()), datediff(day, getdate(), getdate())",
        "SELECT json_extract_path_text('{\"a\": 1}', 'a'), is_valid_json('[1]'), nvl(NULL, 1), decode(1, 1, 2)",
        "SELECT listagg(run_id, ',') WITHIN GROUP (ORDER BY run_id), median(1), percentile_cont(0.5) WITHIN GROUP (ORDER BY 1) FROM ops.runs",
        "SELECT regexp_substr('abc', 'b'), regexp_replace('a', 'a', 'b'), split_part('a,b', ',', 1), strtol('ff', 16), md5('a'), sha2('a', 256), initcap('a'), charindex('a', 'ba')",
        "SELECT convert_timezone('UTC', 'Europe/Berlin', getdate()), to_char(getdate(), 'YYYY'), last_day(getdate()), add_months(getdate(), 1)",
        "SELECT has_table_privilege('ops.runs', 'select'), current_schema(), count(*) OVER () FROM pg_namespace",
        "SELECT steady()",
        "EXPLAIN SELECT * FROM ops.runs",
    ],
)  # fmt: skip
def test_redshift_calls_what_only_reads(call: Call, redshift_warehouse: Warehouse, sql: str) -> None:
    redshift_warehouse.execute(
        "CREATE OR REPLACE FUNCTION steady() RETURNS int STABLE AS $$ SELECT 1 $$ LANGUAGE sql"
    )
    answer = call("query", sql, "--format", "json")
    assert answer.status == 0, answer.err


def test_a_query_cannot_write_on_redshift_even_where_rows_may_go_through_s3(
    redshift_warehouse: Warehouse,
) -> None:
    assert redshift_warehouse.staging is not None  # type: ignore[attr-defined]
    assert redshift_warehouse.read("SELECT current_setting('transaction_read_only') AS a").to_pylist() == [
        {"a": "on"}
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT nextval('s')", "SELECT setseed(0.5)", "SELECT write_log('x')", "SELECT getenv('HOME')",
        "SELECT * FROM glob('*')", "FROM test_all_types()", "FROM which_secret('a', 'b')", "SELECT sleep_ms(1)",
        "FROM seq_scan('x')", "FROM parquet_scan('x')", "SELECT * FROM range(3), read_text('x')",
        "FROM copy_database('a', 'b')", "FROM import_database('x')", "CALL pragma_version()",
    ],
)  # fmt: skip
def test_duckdb_calls_nothing_that_does_more_than_read(call: Call, warehouse: Warehouse, sql: str) -> None:
    warehouse.execute("CREATE SEQUENCE marts.s")
    refused(call("query", sql))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT random(), uuid(), now(), current_setting('TimeZone'), version(), list_transform([1], lambda x: x + 1)",
        "FROM range(3)", "SELECT unnest([1, 2])", "FROM json_each('{\"a\": 1}')", "FROM duckdb_tables()",
        "FROM pragma_table_info('retail_sales')", "FROM few(3)", "SELECT 'a'.upper(), twice(2)",
    ],
)  # fmt: skip
def test_duckdb_calls_what_only_reads(call: Call, warehouse: Warehouse, sql: str) -> None:
    warehouse.execute("CREATE MACRO marts.few(n) AS TABLE SELECT * FROM range(n)")
    warehouse.execute("CREATE MACRO marts.twice(n) AS 2 * n")
    answer = call("query", sql, "--format", "json")
    assert (answer.status, answer.err) == (0, "")


def test_ctrl_c_stops_a_statement_that_runs(call: Call, warehouse: Warehouse) -> None:
    main = threading.main_thread().ident or 0

    def waits() -> bool:
        """Whether the main thread waits for the answer, far from what a test before this one left to end."""
        frame: FrameType | None = sys._current_frames()[main]
        names = []
        while frame is not None:
            names.append((frame.f_code.co_name, Path(frame.f_code.co_filename).name))
            frame = frame.f_back
        return ("result", "_base.py") in names and ("ask", "interruptible.py") in names

    def press() -> None:
        while not waits():
            time.sleep(0.01)
        # To the process, as a terminal does: what a thread raises wakes no other.
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    answer = call("query", "SELECT count(*) FROM range(100000000000) AS a, range(1000) AS b")
    assert answer.status == 130 and "Traceback" not in answer.err
    with pytest.raises(KeyboardInterrupt), warehouse.connection():
        raise RuntimeError("Query interrupted")


LONG = "FROM range(100000000000) AS a(n), range(1000) AS b"


@pytest.mark.parametrize(
    "ask",
    [
        f"connect().execute({f'CREATE TABLE marts.own AS SELECT count(*) AS n {LONG}'!r})",
        f"connect().execute({f'INSERT INTO core.dim_time SELECT n, 0, 0, {chr(39)}x{chr(39)} {LONG}'!r})",
        f"connect(read_only=True).rows({f'SELECT count(*) {LONG}'!r})",
        f"connect(read_only=True).frame({f'SELECT count(*) {LONG}'!r})",
        f"connect(read_only=True).query({f'SELECT count(*) {LONG}'!r})",
    ],
    ids=["make", "write", "rows", "frame", "query"],
)
def test_ctrl_c_stops_what_a_program_asks_and_leaves_nothing(warehouse: Warehouse, ask: str) -> None:
    # The client looks for signals while it waits for some statements, and for others never: a process of its own is
    # asked, and killed where it doesn't heed them.
    program = f"from workbench.warehouse import connect\nprint('begun', flush=True)\n{ask}"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "begun\n"
        at_work = psutil.Process(process.pid).cpu_times
        begun = sum(at_work()[:2])
        # All that it does before takes less.
        while sum(at_work()[:2]) < begun + 1.5:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        try:
            _, told = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert told.endswith("KeyboardInterrupt\n"), told
    assert warehouse.counts("core.dim_time") == {"core.dim_time": 0}
    assert "marts.own" not in warehouse.catalogue()


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
