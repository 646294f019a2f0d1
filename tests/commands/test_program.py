"""The program as a whole: its version, its completion, the tables it declares, what it lacks, notebooks mended."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from tests.commands.test_warehouse import Call, call
from tests.execution.notebooks import notebook, pipeline
from workbench.cli import app
from workbench.errors import UsageError, WorkFailed
from workbench.execution import run_pipeline
from workbench.libraries.extras import advice, command, provide
from workbench.schema import TABLES
from workbench.settings import Settings
from workbench.warehouse import connect

__all__ = ["call"]
ROOT = Path(__file__).resolve().parents[2]


def test_it_tells_its_version(call: Call) -> None:
    answer = call("--version")
    assert answer.status == 0 and answer.out.startswith("workbench 0.") and "Python 3." in answer.out


@pytest.mark.parametrize(
    "words",
    [
        ["generate", "--rows", "10", "--out", ""],
        ["detect", "--table", "retail_sales", "--date-column", "transaction_date", "--measure", ""],
        ["detect", "--table", "retail_sales", "--date-column", "transaction_date", "--by", ""],
        ["detect", "--table", "retail_sales", "--date-column", ""],
        ["batches", "list", "--dataset", ""],
        ["alerts", "list", "--owner", ""],
        ["load", "a.csv", "--map", ""],
        ["load", ""],
        ["run", "retail_etl", "--only", ""],
        ["run", "retail_etl", "--run-id", ""],
        ["schema", ""],
        ["sources", "check", ""],
        ["queue", "dead", "replay", ""],
        ["quarantine", "close", "--reason", "", "--because", "tests"],
    ],
)
def test_what_is_given_as_an_empty_text_is_refused(call: Call, home: Path, words: list[str]) -> None:
    answer = call(*words)
    name = next((each for each in words if each.startswith("--") and words[words.index(each) + 1] == ""), "")
    assert (answer.status, answer.out) == (2, "")
    assert f"{name} is empty; " in answer.err


@pytest.mark.parametrize(
    "words",
    [
        ["runs", "-n"],
        ["alerts", "list", "-n"],
        ["batches", "list", "-n"],
        ["products", "review", "-n"],
        ["quarantine", "show", "abc", "--limit"],
        ["where", "transaction_id=T1", "-n"],
        ["queue", "dead", "list", "--limit"],
        ["quarantine", "close", "--because", "tests", "--row"],
        ["generate", "--out", "nowhere", "--rows"],
        ["alerts", "what-if", "--threshold", "2", "--days"],
    ],
)
def test_a_number_beyond_what_can_be_counted_is_a_wrong_call(
    call: Call, home: Path, words: list[str]
) -> None:
    answer = call(*words, "99999999999999999999")
    assert (
        (answer.status, answer.out) == (2, "") and "Traceback" not in answer.err and words[-1] in answer.err
    )
    assert not home.exists() and not Path("nowhere").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["where", "transaction_id=\udce9"],
        ["batches", "show", "\udce9"],
        ["batches", "withdraw", "abc", "--reason", "\udce9"],
        ["alerts", "show", "\udce9"],
        ["alerts", "close", "abc", "--because", "caf\udce9"],
        ["quarantine", "--reason", "\udce9"],
        ["products", "decide", "P1", "--category", "\udce9"],
        ["schema", "\udce9"],
        ["runs", "show", "\udce9"],
        ["models", "promote", "\udce9"],
    ],
)
def test_bytes_that_are_no_text_are_a_wrong_call(call: Call, home: Path, words: list[str]) -> None:
    answer = call(*words)
    assert (answer.status, answer.out) == (2, "") and "bytes that are no text in UTF-8" in answer.err
    assert not home.exists()


@pytest.mark.parametrize(
    "words", [["quarantine", "--since", "gestern"], ["query", "--format", "xml", "SELECT 1"]]
)
def test_what_typer_refuses_is_told_in_plain_words(words: list[str], home: Path) -> None:
    program = [sys.executable, "-c", "from workbench.cli import main; main()"]
    done = subprocess.run([*program, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and f"'{words[2]}'" in done.stderr and "Value error" not in done.stderr


def test_streams_that_come_closed_are_written_to_nowhere(home: Path, tmp_path: Path) -> None:
    shop = pipeline(tmp_path / "shop", {"a": {}})
    notebook(shop / "a.ipynb", "import os\nos.write(1, b'spoilt')\nos.write(2, b'spoilt')")
    program = shlex.join([sys.executable, "-c", "from workbench.cli import main; main()"])
    for closed in ("<&- >&- 2>&-", ">&-", "2>&-"):
        done = subprocess.run(
            ["sh", "-c", f"{program} run {shop} {closed}"], timeout=600, check=False, capture_output=True
        )
        assert done.returncode == 0, done
    runs = subprocess.run(["sh", "-c", f"{program} runs --json"], capture_output=True, check=True)
    assert [run["state"] for run in json.loads(runs.stdout)] == ["succeeded"] * 3
    assert connect(read_only=True).counts("ops.runs")["ops.runs"] > 0


def test_a_legacy_locale_finds_paths_beyond_ascii(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "Läden 🏪.csv"
    file.write_text("store_id,store_name\n1,Café\n")
    environment = {
        **os.environ, "WORKBENCH_HOME": str(tmp_path / "hö"),
        "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0",
    }  # fmt: skip
    program = [sys.executable, "-c", "from workbench.cli import main; main()"]
    for words, told in (
        (["init"], "hö/warehouse.duckdb"),
        (["load", str(file), "--dataset", "stores"], "stores/Läden 🏪-"),
        (["query", "SELECT 'ö' AS o"], "o\nö"),
    ):
        done = subprocess.run([*program, *words], env=environment, capture_output=True, check=False)
        assert (done.returncode, done.stderr.count(b"Traceback")) == (0, 0), done
        assert told in done.stdout.decode()


def test_a_home_that_is_no_utf_8_is_told_of(home: Path, tmp_path: Path) -> None:
    environment = {**os.environb, b"WORKBENCH_HOME": bytes(tmp_path) + b"/h\xf6"}
    program = [sys.executable, "-c", "from workbench.cli import main; main()", "init"]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "DuckDB takes a path in UTF-8 alone" in done.stderr


@pytest.mark.parametrize("words", [["schedule", "run"], ["worker"], ["demo"]])
def test_help_fills_its_lines(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 80)
    text = CliRunner().invoke(app, [*words, "--help"]).output.split("╭")[0]
    lines = [line.strip() for line in text.splitlines()]
    assert sum(map(bool, lines)) > 3
    for line, following in pairwise(lines):
        if line and following:
            assert len(line) + 1 + len(following.split()[0]) > 78, f"{line!r} ends early"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("workbench sch", {"schema", "schedule"}),
        ("workbench run ret", {"retail_etl"}),
        ("workbench schema retail", {"retail_sales"}),
        ("workbench up l", {"lab"}),
    ],
)
def test_a_shell_completes_commands_and_names(words: str, expected: set[str]) -> None:
    environment = {
        **os.environ, "_WORKBENCH_COMPLETE": "complete_bash", "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    program = "import sys; sys.argv[0] = 'workbench'; from workbench.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert set(done.stdout.split()) == expected, done.stderr


def test_a_dataset_is_described_with_types_and_rules_and_no_warehouse(call: Call, home: Path) -> None:
    told = call("schema", "transactions").out
    assert told.startswith("raw.transactions: ")
    assert "required; not zero" in told and "DECIMAL(18,4)" in told
    brand = next(line for line in call("schema", "products").out.splitlines() if line.startswith("brand "))
    assert "at most 256 bytes" in brand
    assert "bytes" not in call("schema", "marts.sales_daily").out
    assert all(name in told for name in TABLES["raw.transactions"].column_names)
    everything = call("schema").out
    assert all(name in everything for name in TABLES)
    assert call("schema", "--ddl").out.count("CREATE TABLE") == sum(
        not table.view for table in TABLES.values()
    )
    assert call("schema", "sales_daily", "--ddl").out.count("CREATE TABLE") == 1
    assert (
        call("schema", "retail_sales", "--ddl").out.count("CREATE OR REPLACE VIEW marts.retail_sales AS") == 1
    )
    (facts,) = json.loads(call("schema", "ops.batches", "--json").out)
    assert facts["table"] == "ops.batches" and {"name", "type", "rules", "comment"} == set(
        facts["columns"][0]
    )
    assert "raw.stores" in call("schema", "raw.*").out and "dim_customer" in call("schema", "dim_*").out
    wrong = call("schema", "retail_sale")
    assert wrong.status == 2 and "did you mean 'marts.retail_sales'" in wrong.err
    assert not home.exists()


def test_on_redshift_the_types_are_its_own(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_WAREHOUSE_URL", "redshift://me@nowhere:5439/db")
    assert "VARCHAR(64)" in call("schema", "transactions").out
    assert "DISTSTYLE" in call("schema", "transactions", "--ddl").out


def test_what_a_dry_run_no_longer_prints_is_said(call: Call) -> None:
    call("init")
    assert call("init", "--dry-run").out == "-- nothing to do; the tables: workbench schema --ddl\n"


def test_what_is_missing_is_offered_and_else_its_command_told(settings: Settings) -> None:
    asked: list[str] = []

    def no(question: str) -> bool:
        asked.append(question)
        return False

    provide("JSON", ["json"], ["lab"], settings, no)
    assert asked == []
    for ask in (no, None):
        with pytest.raises(UsageError) as caught:
            provide("JupyterLab", ["json", "jupyterlab_not_there"], ["lab"], settings, ask)
        text = str(caught.value)
        assert text.startswith("JupyterLab needs jupyterlab_not_there, which this environment lacks; install")
        assert text.endswith(f"--require-hashes -r {ROOT / 'requirements' / 'lab.txt'}")
    assert asked == ["JupyterLab needs jupyterlab_not_there, which this environment lacks. Install it now?"]
    assert shlex.join(command(["local", "redshift"], settings)) in advice("redshift", "local")
    elsewhere = settings.model_copy(update={"project": Path("/nowhere")})
    assert command(["lab"], elsewhere)[-1].startswith("jupyterlab")
    assert any(part.startswith("moto[server]") for part in command(["local"], elsewhere))
    (settings.home / "requirements").mkdir(parents=True)
    (settings.home / "requirements" / "lab.txt").write_text("no_such_package_of_ours==0 --hash=sha256:0\n")
    broken = settings.model_copy(update={"project": settings.home})
    with pytest.raises(WorkFailed, match="couldn't be installed"):
        provide("It", ["not_there_either"], ["lab"], broken, lambda question: True)


def test_check_mends_what_it_finds_and_says_so(call: Call, tmp_path: Path) -> None:
    path = notebook(tmp_path / "shop" / "take.ipynb")
    pipeline(tmp_path / "shop", {"take": {"reads": ["landing"]}})
    node = nbformat.read(path, as_version=4)
    node.cells[1].execution_count = 3
    nbformat.write(node, path)
    found = call("check", str(tmp_path / "shop"))
    assert found.status == 1 and found.out.endswith("laid out, by: workbench check --fix\n")
    mended = call("check", str(tmp_path / "shop"), "--fix")
    assert mended.status == 0 and mended.err == f"mended {path}: execution counts of 1 cell\n"
    assert call("check", str(tmp_path / "shop"), "--fix").err == ""


def test_a_run_names_its_report_and_its_page(call: Call, tmp_path: Path, settings: Settings) -> None:
    notebook(tmp_path / "shop" / "report.ipynb")
    pipeline(tmp_path / "shop", {"report": {"reads": ["landing"], "writes": ["report"]}})
    told = call("run", str(tmp_path / "shop")).out.splitlines()[-2:]
    page = settings.site / next(settings.runs.iterdir()).name
    assert told == [f"report: {page / 'report.html'}", f"run: {page / 'index.html'}"]
    assert (page / "report.html").is_file() and call("runs", "show", "latest").out.splitlines()[-2:] == told
    notebook(tmp_path / "shop" / "take.ipynb")
    pipeline(tmp_path / "shop", {"take": {"reads": ["landing"]}})
    run = run_pipeline(tmp_path / "shop")
    shown = call("runs", "show", run.run_id).out
    assert "\nrun: " in shown and "report: " not in shown
