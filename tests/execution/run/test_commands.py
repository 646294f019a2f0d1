"""The commands around runs: what they print, and how they exit."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.execution.notebooks import notebook, pipeline
from workbench import cli
from workbench.execution.records.model import Run, StageRun
from workbench.execution.records.store import new_run, save
from workbench.settings import Settings
from workbench.warehouse import Warehouse


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Call the program; return exit status, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["workbench", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        captured = capsys.readouterr()
        return int(caught.value.code or 0), captured.out, captured.err

    return run


def recorded(settings: Settings, name: str = "shop") -> Run:
    run = new_run(name, settings)
    run.stages = [
        StageRun(name="take", source=Path("take.ipynb"), counts={"rows": 3}, tables={"raw.stores": 1200})
    ]
    run.begin()
    run.stages[0].begin()
    run.stages[0].end("failed", "KeyError: [bold]'XYZ'")
    run.end("failed", "take: KeyError: [bold]'XYZ'")
    save(run, settings)
    return run


def test_a_wrong_call_is_one_line_and_exit_2(call, tmp_path: Path) -> None:
    notebook(tmp_path / "shop" / "a.ipynb")
    notebook(tmp_path / "shop" / "b.ipynb", parameters="bins: int = 5  # bars")
    shop = pipeline(tmp_path / "shop", {"a": {}, "b": {}})
    (tmp_path / "empty").mkdir()
    for arguments, message in (
        (["run", "no_such_pipeline"], "unknown pipeline 'no_such_pipeline'"),
        (["run", shop, "--only", "c"], "unknown stage of shop 'c'"),
        (["run", shop, "--from", "c"], "unknown stage of shop 'c'"),
        (["run", shop, "-p", "limit"], "a parameter is given as NAME=VALUE"),
        (["run", shop, "-p", "limit=1", "-p", "limit=2"], "'limit' is given twice"),
        (["run", shop, "-p", "limit=ten"], "parameter 'limit' of stage a must be int: 'ten' given"),
        (["run", shop, "-p", "limits=1"], "unknown parameter 'limits' of pipeline shop; did you mean"),
        (["run", shop, "--only", "a", "-p", "bins=1"], "parameter 'bins' is one of b, which isn't among the stages"),
        (["notebook", tmp_path / "none.ipynb"], "no notebook"),
        (["runs", "show", "nothing"], "unknown run 'nothing'"),
        (["check", tmp_path / "shop" / "a"], "unknown pipeline"),
        (["check", tmp_path / "empty"], "no pipeline.yaml in"),
    ):  # fmt: skip
        status, out, err = call(*arguments)
        assert status == 2 and message in err and len(err.splitlines()) == 1 and out == ""


def test_where_there_is_no_pipeline_it_is_said_how_to_name_the_project(
    call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_PROJECT", str(tmp_path))
    for command in (
        "run shop",
        "check",
        "schedule",
        "schedule run --once",
        "demo",
        "backfill shop --start 2024-01-01 --end 2024-01-02",
    ):
        status, _, err = call(*command.split())
        assert (
            status == 2 and f"no pipeline in {tmp_path}/pipeline_notebooks; say by WORKBENCH_PROJECT" in err
        )


def test_runs_are_listed_and_shown(call, settings: Settings) -> None:
    assert call("runs")[1].startswith("Nothing has run yet")
    run = recorded(settings)
    status, out, _ = call("runs")
    assert status == 0 and run.run_id in out and "failed" in out and "1,200" in out
    (row,) = json.loads(call("runs", "--json")[1])
    assert (row["run_id"], row["state"], row["rows"]) == (run.run_id, "failed", 1200)
    _, out, _ = call("runs", "show", run.run_id[:12])
    assert "error: take: KeyError: [bold]'XYZ'" in out and "take: rows 3" in out
    shown = json.loads(call("runs", "show", "latest", "--json")[1])
    assert shown["stages"][0]["counts"] == {"rows": 3} and "timings" in shown


def test_a_reports_path_is_printed_if_there_is_one(call, settings: Settings) -> None:
    run = recorded(settings)
    status, _, err = call("runs", "open", "latest")
    assert status == 2 and "has no report" in err
    run.report = settings.site / "page.html"
    run.report.parent.mkdir(parents=True)
    run.report.write_text("<p>")
    save(run, settings)
    assert call("runs", "open", "latest")[1].strip() == str(run.report)
    status, _, err = call("runs", "open", "latest", "--stage", "tak")
    assert status == 2 and "did you mean 'take'" in err


def test_check_lists_findings_and_exits_1_for_them(
    call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = notebook(tmp_path / "shop" / "a.ipynb", "def f(): pass")
    pipeline(tmp_path / "shop", {"a": {"reads": ["landing"]}})
    monkeypatch.setenv("WORKBENCH_PROJECT", str(tmp_path / "project"))
    project = tmp_path / "project" / "pipeline_notebooks"
    shutil.copytree(tmp_path / "shop", project / "mine")
    (project / "mine" / "pipeline.yaml").write_text(
        (project / "mine" / "pipeline.yaml").read_text().replace("shop", "mine")
    )
    # A pipeline is named as for `run`: by its name, its folder or its map.
    for name, place in (
        ("mine", project / "mine" / "a.ipynb"), (tmp_path, path), (path.parent, path), (path.with_name("pipeline.yaml"), path),
    ):  # fmt: skip
        status, out, _ = call("check", name)
        assert status == 1 and f"{place}, cell 4: f is defined here" in out
    assert json.loads(call("check", tmp_path / "shop", "--json")[1])[0]["cell"] == 4
    notebook(path)
    status, out, _ = call("check", tmp_path / "shop")
    assert status == 0 and out.strip() == "1 notebook of 1 pipeline checked, 0 findings"


def test_a_notebook_is_run_and_its_record_printed(call, tmp_path: Path) -> None:
    path = notebook(tmp_path / "a.ipynb", "print('loud')", last="record(counts={'n': limit})")
    status, out, err = call("notebook", path, "-p", "limit=4", "--json")
    told = json.loads(out)
    assert status == 0 and told["state"] == "succeeded" and told["stages"][0]["counts"] == {"n": 4}
    assert "a succeeded in" in err
    status, out, _ = call("notebook", notebook(path, "1 / 0"))
    assert status == 1 and "a failed" in out and "ZeroDivisionError: division by zero" in out


def test_a_run_says_why_each_stage_ran_or_did_not(call, tmp_path: Path) -> None:
    last = "record(counts={'n': limit}, metrics={'wide': 154440.03, 'far': float('inf')})"
    notebook(tmp_path / "shop" / "a.ipynb", last=last)
    shop = pipeline(tmp_path / "shop", {"a": {}})
    assert call("run", shop, "-p", "limit=3")[0] == 0
    assert "a: n 3, wide 154440.03, far none\n" in call("runs", "show", "latest")[1]
    status, _, err = call("run", shop, "-p", "limit=3")
    assert status == 0 and "a skipped, unchanged since run " in err
    assert "a skipped: unchanged since run " in call("runs", "show", "latest")[1]
    assert "a running, forced" in call("run", shop, "-p", "limit=3", "--force")[2]
    assert "a ran: forced" in call("runs", "show", "latest")[1]


def test_two_runs_are_compared_side_by_side(call, tmp_path: Path) -> None:
    notebook(tmp_path / "shop" / "a.ipynb", last="record(counts={'n': limit})")
    shop = pipeline(tmp_path / "shop", {"a": {}})
    runs = [json.loads(call("run", shop, "-p", f"limit={n}", "--json")[1])["run_id"] for n in (4, 6)]
    status, out, _ = call("runs", "compare", *runs, "--json")
    assert status == 0
    told = json.loads(out)
    facts = {(fact["stage"], fact["what"]): fact["values"] for fact in told["facts"]}
    assert told["runs"] == runs
    assert facts["", "parameter limit"] == [4, 6] and facts["a", "n"] == [4, 6]
    assert facts["a", "state"] == ["succeeded", "succeeded"]
    assert "+50%" in call("runs", "compare", *runs)[1]
    assert call("runs", "compare", runs[0], "nothing")[0] == 2


def test_a_failed_run_is_gone_on_with_under_its_own_values(call, tmp_path: Path) -> None:
    notebook(tmp_path / "shop" / "a.ipynb")
    notebook(tmp_path / "shop" / "b.ipynb", "from pathlib import Path\nassert Path('mended').exists()")
    shop = pipeline(tmp_path / "shop", {"a": {}, "b": {"after": ["a"]}})
    status, _, err = call("run", shop, "--resume", "latest")
    assert status == 2 and "shop has never run, so there is nothing to go on with" in err
    failed = json.loads(call("run", shop, "-p", "limit=8", "--json")[1])
    assert failed["state"] == "failed"
    (tmp_path / "shop" / "mended").touch()
    resumed = json.loads(call("run", shop, "--resume", "latest", "--json")[1])
    assert [stage["state"] for stage in resumed["stages"]] == ["skipped", "succeeded"]
    assert resumed["parameters"] == {"limit": 8} and resumed["resumed"] == failed["run_id"]
    status, _, err = call("run", shop, "--resume", resumed["run_id"])
    assert status == 2 and "succeeded; go on with a failed one" in err


def test_a_cold_run_starts_a_kernel_afresh(call, tmp_path: Path) -> None:
    path = notebook(tmp_path / "a.ipynb", "print('here')")
    for options, kind in (([], "fork"), (["--cold"], "kernel")):
        status, text, _ = call("notebook", path, "--json", *options)
        assert status == 0 and json.loads(text)["stages"][0]["process_kind"] == kind


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["run", "notebook"])
def test_one_that_is_stopped_while_it_waits_for_the_warehouse_has_not_failed(
    warehouse: Warehouse, tmp_path: Path, settings: Settings, command: str, number: signal.Signals
) -> None:
    path = notebook(tmp_path / "shop" / "a.ipynb")
    asked = path if command == "notebook" else pipeline(path.parent, {"a": {}})
    with warehouse.connection():
        process = subprocess.Popen(
            [sys.executable, "-m", "workbench.cli", command, str(asked)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while not any(
            file.path.endswith(".duckdb.turn") for file in psutil.Process(process.pid).open_files()
        ):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        told = process.communicate(timeout=300)
    assert (process.returncode, *told) == (130, "", "")
    assert not list(settings.runs.glob("*/run.json"))
