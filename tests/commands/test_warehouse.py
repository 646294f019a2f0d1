"""``workbench init``, ``load``, ``query`` and ``lab``, called as a person calls them."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from workbench import cli
from workbench.etl.ingest import ingest
from workbench.schema import TABLES
from workbench.sources.files import land
from workbench.warehouse import Warehouse, connect

HEADER = "transaction_id,line_number,transaction_timestamp,product_id,store_id,quantity,unit_price,currency"
LINES = [
    "T1,1,2024-01-01T10:00:00Z,P1,S1,2,2.50,USD",
    "T2,1,2024-01-01T10:00:00Z,P1,S1,0,2.50,USD",
    "T3,1,2024-01-01T10:00:00Z,P1,S1,many,2.50,EUR",
]


class Answer(NamedTuple):
    status: int
    out: str
    err: str


Call = Callable[..., Answer]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    def run(*arguments: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["workbench", *arguments])
        try:
            cli.main()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0
        return Answer(status, *capsys.readouterr())

    return run


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    file = tmp_path / "sales.csv"
    file.write_text("\n".join([HEADER, *LINES]) + "\n")
    return file


@pytest.fixture
def batch(warehouse: Warehouse, sales: Path) -> str:
    """The id of an ingested batch with one good row and two bad ones."""
    land(str(sales), "transactions")
    (taken,) = ingest(warehouse).batches
    return taken.batch_id


def refused(answer: Answer, *words: str) -> None:
    """The call was wrong: exit 2 and one line that says so, nothing printed as an answer."""
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith("workbench: ")
    assert answer.err.count("\n") == 1, answer.err
    assert all(word in answer.err for word in words), answer.err


def test_a_dry_run_of_init_prints_ddl_and_makes_nothing(call: Call, home: Path) -> None:
    answer = call("init", "--dry-run")
    assert answer.status == 0
    assert answer.out.upper().count("CREATE TABLE") == sum(not table.view for table in TABLES.values())
    assert not home.exists()


def test_init_makes_every_declared_table_and_can_be_repeated(call: Call) -> None:
    assert call("init").out.startswith("made: ")
    assert set(connect().counts()) == set(TABLES)
    again = call("init")
    assert (again.status, again.out.split(":")[0]) == (0, "ready")


def test_maintain_says_what_it_did(call: Call, warehouse: Warehouse) -> None:
    told = call("maintain").out.splitlines()
    assert told == ["done: CHECKPOINT", "done: 0 old runs deleted; kept: 1000 newest"]


def test_a_file_loaded_twice_lands_once(call: Call, sales: Path, home: Path) -> None:
    first = call("load", str(sales), "--dataset", "transactions")
    again = call("load", str(sales), "--dataset", "transactions")
    assert first.out.startswith("landed: transactions")
    assert again.out.startswith("already landed: transactions")
    assert len(list((home / "landing").rglob("*.csv"))) == 1


def test_load_answers_programs(call: Call, sales: Path) -> None:
    (landed,) = json.loads(call("load", str(sales), "--dataset", "transactions", "--json").out)
    assert (landed["dataset"], landed["is_new"]) == ("transactions", True)
    assert Path(landed["path"]).read_bytes() == sales.read_bytes()


def test_load_refuses_what_it_cannot_place(call: Call, sales: Path, tmp_path: Path) -> None:
    refused(call("load", str(tmp_path / "nothing.csv"), "--dataset", "transactions"), "nothing.csv")
    refused(call("load", str(sales), "--dataset", "transaction"), "'transactions'")
    refused(call("load", str(sales)), "--dataset")


def test_load_takes_what_a_shell_makes_of_a_glob(call: Call, sales: Path, tmp_path: Path, home: Path) -> None:
    folder = tmp_path / "transactions"
    folder.mkdir()
    for name in ("one.csv", "two.csv"):
        (folder / name).write_text(sales.read_text().replace("T1", name))
    (folder / "one.csv.map.yaml").write_text("dataset: transactions\ndelimiter: ','\n")
    (folder / "_three.csv").write_text("half of it")
    names = sorted(map(str, folder.iterdir()))
    landed = call("load", *names)
    assert (landed.status, landed.out.count("landed: transactions")) == (0, 2)
    tried = json.loads(call("load", *names, "--dry-run", "--json").out)
    assert len(tried) == 2
    refused(call("load", str(folder / "_three.csv"), str(folder / "one.csv.map.yaml")), "nothing to load")
    gone = call("load", str(tmp_path / "gone.csv"), str(sales), "--dataset", "transactions")
    assert gone.status == 2 and "gone.csv" in gone.err
    assert gone.out.startswith("landed: transactions")
    assert len(list((home / "landing").rglob("*.csv"))) == 3


def test_query_prints_json_csv_and_a_table(call: Call, batch: str) -> None:
    sql = "SELECT transaction_id, quantity FROM raw.transactions"
    (row,) = json.loads(call("query", sql, "--format", "json").out)
    assert row["transaction_id"] == "T1"
    (line,) = csv.DictReader(io.StringIO(call("query", sql, "--format", "csv").out))
    assert line["transaction_id"] == "T1"
    table = call("query", sql)
    assert table.out.split()[:3] == ["transaction_id", "quantity", "T1"]
    assert table.err == "1 row\n"


@pytest.mark.parametrize(
    "sql",
    [
        "WITH a AS (SELECT 1 AS x) SELECT x FROM a;",
        "VALUES (1), (2)",
        "FROM retail_sales",
        "DESCRIBE retail_sales",
        "SHOW TABLES",
        "SUMMARIZE retail_sales",
        "EXPLAIN SELECT * FROM retail_sales",
        "EXPLAIN ANALYZE SELECT 1",
        "PIVOT (SELECT 1 AS a, 2 AS b) ON a USING sum(b)",
    ],
)
def test_a_statement_that_reads_is_run(call: Call, warehouse: Warehouse, sql: str) -> None:
    answer = call("query", sql, "--format", "json")
    assert (answer.status, answer.err) == (0, "")
    assert isinstance(json.loads(answer.out), list)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM raw.transactions",
        "SELECT 1; DROP TABLE raw.transactions",
        "EXPLAIN ANALYZE DELETE FROM raw.transactions",
        "/* only looking */ explain analyze DELETE FROM raw.transactions",
        "WITH gone AS (DELETE FROM raw.transactions RETURNING *) SELECT * FROM gone",
        "CREATE TABLE main.copy AS SELECT 1",
        "COPY raw.transactions TO 'out.csv'",
        "ATTACH 'other.duckdb'",
        "INSTALL httpfs",
        "PRAGMA enable_profiling",
        "SET threads = 1",
        "CALL checkpoint()",
        "SELECT * FROM checkpoint()",
        "SELECT * FROM enable_logging(storage = 'file', storage_path = 'logs')",
        "",
        "SELECT 'unfinished",
    ],
)
def test_a_statement_that_does_more_is_refused(
    call: Call, batch: str, sql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    refused(call("query", sql))
    assert connect().counts("raw.transactions") == {"raw.transactions": 1}
    assert {path.name for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM 'secret.csv'",
        'SELECT * FROM "secret.csv"',
        "SELECT * FROM read_csv('secret.csv')",
        "SELECT 'secret.csv'.read_text()",
        "SELECT (SELECT max(word) FROM 'secret.csv')",
        "SUMMARIZE 'secret.csv'",
        "EXPLAIN ANALYZE SELECT * FROM 'secret.csv'",
        "SELECT * FROM query_table('secret.csv')",
        "SELECT * FROM query('FROM ''secret.csv''')",
        "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('FROM ''secret.csv'''))",
    ],
)
def test_a_query_reads_no_file(
    call: Call, warehouse: Warehouse, sql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret.csv").write_text("word\nhush\n")
    monkeypatch.chdir(tmp_path)
    answer = call("query", sql, "--format", "json")
    refused(answer)
    assert "hush" not in answer.err


def test_the_engine_refuses_a_file_that_the_parse_overlooks(
    call: Call, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret.csv").write_text("word\nhush\n")
    monkeypatch.chdir(tmp_path)
    # A view's own text is not in the statement, so only the engine's settings can hold it.
    warehouse.execute("CREATE VIEW marts.peek AS SELECT * FROM read_csv('secret.csv')")
    assert warehouse.query("SELECT word FROM marts.peek").num_rows == 1
    refused(call("query", "SELECT * FROM marts.peek"), "secret.csv")


@pytest.mark.parametrize("name", ["sql", "warehouse", "connection"])
def test_a_query_sees_no_variable_of_the_program(call: Call, warehouse: Warehouse, name: str) -> None:
    refused(call("query", f"SELECT * FROM {name}"), f"Table with name {name} does not exist")


def test_an_unknown_column_is_one_line(call: Call, warehouse: Warehouse) -> None:
    refused(call("query", "SELECT nothing FROM retail_sales"), '"nothing"')


def test_write_is_asked_for_by_name(call: Call, batch: str) -> None:
    answer = call("query", "--write", "DELETE FROM raw.transactions")
    assert (answer.status, answer.out) == (0, "done\n")
    assert connect().counts("raw.transactions") == {"raw.transactions": 0}
    refused(call("query", "--write", "DELETE FROM raw.nothing"), "nothing")


def test_query_without_a_warehouse_says_how_to_make_one(call: Call) -> None:
    refused(call("query", "SELECT 1"), "workbench init")


def test_lab_hands_the_kernel_the_home_and_the_package(
    call: Call, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(
        os, "execve", lambda _, arguments, environment: started.append((arguments, environment))
    )
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", f"/own{os.pathsep}/another")
    assert call("lab").status == 0
    ((arguments, environment),) = started
    assert arguments[:3] == [sys.executable, "-m", "jupyterlab"]
    root = Path(environment["PYTHONPATH"].split(os.pathsep)[0])
    assert (root / "workbench/cli.py").is_file()
    assert (root / arguments[-1].split("/lab/tree/")[1]).is_file()
    assert environment["WORKBENCH_HOME"] == str(home)
    *own, ours = environment["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert own == ["/own", "/another"] and (Path(ours) / "labconfig").is_dir()


def test_lab_says_what_to_install(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jupyterlab", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    refused(call("lab"), "--require-hashes", "lab.txt")
