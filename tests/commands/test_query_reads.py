"""A query that may not write calls nothing that does, on either engine; and Ctrl-C ends what is asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType

import psutil
import pytest

from tests.answers import read
from tests.commands.test_warehouse import Call, call, refused
from workbench.warehouse import Warehouse

__all__ = ["call"]


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
    assert read(redshift_warehouse, "SELECT current_setting('transaction_read_only') AS a").to_pylist() == [
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
        return ("result_of", "waiting.py") in names and ("ask", "interruptible.py") in names

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
