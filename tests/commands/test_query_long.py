"""Answers of any length: printed as they come, in little memory, for readers that are slow or go away."""

from __future__ import annotations

import csv
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from tests.answers import read
from tests.commands.test_warehouse import Call, call
from workbench.errors import UsageError
from workbench.warehouse import Warehouse, connect

__all__ = ["call"]
ROOT = Path(__file__).resolve().parents[2]
FORMATS = ["csv", "json", "table"]
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}


def start(*words: str, stdout: int = subprocess.PIPE, limit: int | None = None) -> subprocess.Popen[bytes]:
    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    return subprocess.Popen(
        [sys.executable, "-m", "workbench.cli", *words], stdout=stdout, stderr=subprocess.PIPE,
        env=os.environ | ENVIRONMENT, preexec_fn=limited,
    )  # fmt: skip


def told(process: subprocess.Popen[bytes]) -> str:
    assert process.stderr is not None
    return process.stderr.read().decode()


def first_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    return process.stdout.readline()


# A child's highest use as its parent is told of it begins with what the parent had.
_MEASURED = """
import atexit, sys
from pathlib import Path
from workbench.cli import main
atexit.register(lambda: print(Path("/proc/self/status").read_text(), file=sys.stderr))
main()
"""


@pytest.mark.parametrize(("format", "rows"), [("csv", 500_000), ("json", 500_000), ("table", 150_000)])
def test_an_answer_is_never_in_memory_as_a_whole(
    warehouse: Warehouse, tmp_path: Path, format: str, rows: int
) -> None:
    file = tmp_path / "answer"
    sql = f"SELECT range AS n, repeat('x', 1000) AS a FROM range({rows})"
    with file.open("wb") as written:
        done = subprocess.run(
            [sys.executable, "-c", _MEASURED, "query", sql, "--format", format], stdout=written,
            stderr=subprocess.PIPE, text=True, env=os.environ | ENVIRONMENT,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert file.stat().st_size > 1000 * rows
    (highest,) = (line.split()[1] for line in done.stderr.splitlines() if line.startswith("VmHWM:"))
    # In kilobytes; the libraries alone take some 150,000.
    assert int(highest) < 400_000
    with file.open("rb") as found:
        lines = sum(block.count(b"\n") for block in iter(lambda: found.read(2**20), b""))
    assert lines == (4 * rows + 2 if format == "json" else rows + 1)


@pytest.mark.parametrize("format", FORMATS)
def test_the_first_rows_come_at_once_and_ctrl_c_ends_it_whoever_reads(
    warehouse: Warehouse, format: str
) -> None:
    process = start("query", "SELECT range AS n FROM range(100000000000)", "--format", format)
    assert first_line(process).strip() in (b"n", b"[")
    # Till the pipe is full, and the program waits for a reader that does nothing.
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert "Traceback" not in told(process)


@pytest.mark.parametrize("format", FORMATS)
def test_a_reader_that_goes_away_ends_it_quietly(warehouse: Warehouse, format: str) -> None:
    process = start("query", "SELECT range AS n FROM range(100000000000)", "--format", format)
    first_line(process)
    assert process.stdout is not None
    process.stdout.close()
    assert (process.wait(60), told(process)) == (0, "")


@pytest.mark.parametrize(
    ("words", "status", "error"),
    [
        (["schema"], 0, ""),
        (["schema", "dim_time"], 0, ""),
        (["schema", "--json"], 0, ""),
        (["schema", "--ddl"], 0, ""),
        (["--help"], 0, ""),
        (["--version"], 0, ""),
        (["runs"], 0, ""),
        (["query", "SELECT 1 AS one", "--format", "csv"], 0, ""),
        (["query", "SELECT 1 AS one", "--format", "json"], 0, ""),
        (["query", "SELECT range AS n FROM range(100000)", "--format", "csv"], 0, ""),
        (["schema", "dim_tme"], 2, "did you mean"),
        (["query", "SELECT x"], 2, "Binder Error"),
    ],
)
def test_whether_its_output_is_read_changes_no_exit_status(
    warehouse: Warehouse, words: list[str], status: int, error: str
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = start(*words, stdout=writing)
    os.close(writing)
    found = told(process)
    assert process.wait(60) == status
    assert error in found and found.count("\n") == bool(error)


def test_work_is_done_though_nobody_reads_of_it(warehouse: Warehouse, sales: Path, home: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench.cli", "load", str(sales), "--dataset", "transactions"],
        stdout=writing, stderr=writing, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    os.close(writing)
    assert process.wait(120) == 0
    assert len(list((home / "landing").rglob("*.csv"))) == 1


def test_who_writes_waits_for_no_slow_reader(warehouse: Warehouse) -> None:
    rows = 2_000_000
    warehouse.execute(
        f"CREATE TABLE staging.many AS SELECT n, repeat('x', 100) AS a FROM range({rows}) AS numbers(n)"
    )
    process = start("query", "SELECT * FROM staging.many ORDER BY n", "--format", "csv")
    assert first_line(process) == b"n,a\n"
    # It waits for thirty seconds at most.
    connect().execute("DELETE FROM staging.many")
    assert process.poll() is None and process.stdout is not None
    found = [int(line.partition(b",")[0]) for line in process.stdout]
    assert process.wait(60) == 0
    assert found == list(range(rows))


@pytest.mark.parametrize("format", FORMATS)
def test_a_statement_that_fails_after_some_rows_fails(call: Call, warehouse: Warehouse, format: str) -> None:
    # Farther on than the engine works ahead, each of its threads some hundred thousand rows.
    failing = "CAST(CASE WHEN n = 1500000 THEN 'x' ELSE '1' END AS INTEGER)"
    answer = call("query", f"SELECT {failing} AS a FROM range(1600000) AS numbers(n)", "--format", format)
    assert answer.status == 2
    assert answer.err == "workbench: Conversion Error: Could not convert string 'x' to INT32\n"
    assert answer.out.count("\n") > 10_000


def test_a_table_is_aligned_and_grows_wider_where_it_must(call: Call, warehouse: Warehouse) -> None:
    sql = "SELECT CASE WHEN n < 40000 THEN 'a' ELSE 'far too long' END AS word, n FROM range(50000) AS numbers(n)"
    answer = call("query", sql)
    assert (answer.status, answer.err) == (0, "50,000 rows\n")
    lines = answer.out.splitlines()
    assert lines[:2] == ["word  n", "a     0"] and lines[30_000] == "a     29999"
    assert lines[-1] == "far too long  49999" and len(lines) == 50_001
    starts = [line.index(line.split()[-1]) for line in lines]
    assert starts == sorted(starts)


def test_fields_are_quoted_by_one_rule_in_all_pieces(call: Call, warehouse: Warehouse) -> None:
    texts = "(SELECT unnest(['', 'x', 'é🎉', 'x ']) AS more)"
    sql = f"SELECT chr(n::INTEGER) || more AS a, more || chr(n::INTEGER) AS b FROM range(1, 12400) AS t(n), {texts} AS u"
    rows = f"{sql} WHERE n NOT BETWEEN 55296 AND 57343"
    lines = call("query", rows, "--format", "csv").out.split("\n", 1)[1]
    found = read(warehouse, rows).to_pylist()
    assert len(found) == 4 * 12_399

    def field(text: str) -> str:
        plain = text and text == text.strip() and not any(each in text for each in ',"\r\n')
        return text if plain else '"' + text.replace('"', '""') + '"'

    assert lines == "".join(f"{field(row['a'])},{field(row['b'])}\n" for row in found)
    assert json.loads(call("query", rows, "--format", "json").out) == found


def test_want_of_memory_is_one_sentence(warehouse: Warehouse) -> None:
    process = start(
        "query", "SELECT repeat('x', 1000000000) AS a FROM range(2)", "--format", "csv", limit=4_000_000_000
    )
    out, error = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, b"")
    assert error.startswith(b"workbench: out of memory: ") and error.count(b"\n") == 1


GREEDY = """
from workbench.cli import app, main
app.command("greedy")(lambda: bytearray(2**62))
main()
"""


def test_want_of_memory_is_one_sentence_wherever_it_is() -> None:
    done = subprocess.run([sys.executable, "-c", GREEDY, "greedy"], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"workbench: out of memory: ") and done.stderr.count(b"\n") == 1


SERIES = "SELECT n, 'row ' || n AS a, CAST(n AS DECIMAL(18, 2)) AS d FROM generate_series(1, {}) AS t(n) ORDER BY n"


def test_redshift_hands_rows_on_as_they_come(redshift_warehouse: Warehouse) -> None:
    pieces: list[pa.Table] = []
    redshift_warehouse.read(SERIES.format(25_000), pieces.append)
    assert len(pieces) > 2 and max(each.num_rows for each in pieces) < 20_000
    assert pa.concat_tables(pieces).equals(redshift_warehouse.query(SERIES.format(25_000), unload=False))
    redshift_warehouse.read(SERIES.format(0), pieces.append)
    assert (pieces[-1].num_rows, pieces[-1].column_names) == (0, ["n", "a", "d"])


@pytest.mark.parametrize("error", [KeyboardInterrupt, BrokenPipeError, IndexError])
def test_redshift_is_left_at_once_by_who_has_seen_enough(
    redshift_warehouse: Warehouse, error: type[BaseException]
) -> None:
    def take(piece: pa.Table) -> None:
        raise error("enough")

    begun = time.monotonic()
    with pytest.raises(error, match="enough"):
        redshift_warehouse.read(SERIES.format(1_000_000), take)
    assert time.monotonic() - begun < 60
    assert redshift_warehouse.query("SELECT 1 AS one").num_rows == 1


def test_redshift_fails_in_the_midst_of_rows_as_before_them(
    call: Call, redshift_warehouse: Warehouse
) -> None:
    sql = "SELECT 1 / (20000 - n) AS a FROM generate_series(1, 30000) AS t(n)"
    pieces: list[pa.Table] = []
    with pytest.raises(UsageError, match="division by zero"):
        redshift_warehouse.read(sql, pieces.append)
    assert pieces
    answer = call("query", sql, "--format", "csv")
    assert answer.status == 2 and "division by zero" in answer.err


@pytest.mark.parametrize("format", FORMATS)
def test_redshift_prints_all_rows(call: Call, redshift_warehouse: Warehouse, format: str) -> None:
    answer = call("query", SERIES.format(25_000), "--format", format)
    assert answer.status == 0, answer.err
    read: dict[str, Callable[[], int]] = {
        "csv": lambda: sum(1 for _ in csv.reader(answer.out.splitlines())) - 1,
        "json": lambda: len(json.loads(answer.out)),
        "table": lambda: answer.out.count("\n") - 1,
    }
    assert read[format]() == 25_000
