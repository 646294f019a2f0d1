"""Chunks are runs: in order or at once, each once, gone on with after whatever ended them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from tests.execution.notebooks import notebook, pipeline
from workbench import cli
from workbench.execution import RunOptions, run_pipeline
from workbench.execution.records.store import list_runs
from workbench.settings import Settings
from workbench.warehouse import Warehouse, connect

PARAMETERS = """\
since: datetime.date | None = None  # first day
until: datetime.date | None = None  # last day
factor: int = 1  # of the score
"""
IMPORTS = """\
import datetime
from pathlib import Path
from time import monotonic, sleep
from workbench.execution import record
"""
SCORE = """\
with Path("scores.txt").open("a") as file:
    file.write(f"{since} {until} {factor}\\n")
assert not Path(f"broken-{since}").exists(), "told to"
"""
Call = Callable[..., tuple[int, str, str]]
Backfill = Callable[..., dict[str, Any]]
PARTITIONED: dict[str, object] = {"first_day": "since", "last_day": "until"}
FOUR = ("--start", "2024-01-01", "--end", "2024-01-04", "--chunk", "1d")
DAYS = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]


def shop(folder: Path, score: str = SCORE, **facts: object) -> Path:
    """A pipeline: extract, then score by days, then page; and a stage apart."""
    for name in ("extract", "page", "apart"):
        notebook(folder / f"{name}.ipynb", f"Path('{name}.txt').open('a').write('x')", imports=IMPORTS)
    notebook(
        folder / "score.ipynb",
        score,
        parameters=PARAMETERS,
        imports=IMPORTS,
        last="record(counts={'rows': 3})",
    )
    return pipeline(
        folder,
        {
            "extract": {"writes": ["taken"]},
            "score": {"reads": ["taken"], "writes": ["scores"], "partitioned": PARTITIONED, **facts},
            "page": {"reads": ["scores"], "writes": ["page"]},
            "apart": {},
        },
    )


def begin(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "workbench.cli", "backfill", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Call the program in this process; return exit status, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["workbench", "backfill", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            cli.main()
        captured = capsys.readouterr()
        return int(caught.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture
def backfill(call: Call) -> Backfill:
    """Call the program; return what it prints, once it has ended as it should."""

    def run(*arguments: object, status: int = 0) -> dict[str, Any]:
        ended, out, err = call(*arguments, "--json")
        assert ended == status, err
        found: dict[str, Any] = json.loads(out)
        return found

    return run


def states(result: dict[str, Any]) -> list[str]:
    return [chunk["state"] for chunk in result["chunks"]]


def scored(folder: Path) -> list[str]:
    path = folder / "scores.txt"
    return path.read_text().splitlines() if path.exists() else []


def test_each_stage_has_its_place_and_each_chunk_is_a_run(
    tmp_path: Path, warehouse: Warehouse, settings: Settings, backfill: Backfill
) -> None:
    folder = shop(tmp_path / "shop")
    result = backfill(folder, *FOUR)
    assert states(result) == ["succeeded"] * 4 and scored(folder) == [f"{day} {day} 1" for day in DAYS]
    assert {chunk["rows"] for chunk in result["chunks"]} == {3}
    stages = [[stage.name for stage in run.stages] for run in reversed(list_runs(settings))]
    assert stages == [["extract"], *[["score"]] * 4, ["page"]]
    parameters = warehouse.query(
        "SELECT parameters FROM ops.runs WHERE stage = 'score' ORDER BY started_at"
    ).to_pylist()
    assert [json.loads(row["parameters"]) for row in parameters] == [
        {"since": day, "until": day} for day in DAYS
    ]
    # Again: what is done isn't done twice, and what comes before has run once.
    assert states(backfill(folder, *FOUR)) == ["done before"] * 4
    wider = ("--start", "2023-12-31", *FOUR[2:])
    assert states(backfill(folder, *wider)) == ["succeeded", *["done before"] * 4]
    assert [(folder / f"{name}.txt").read_text() for name in ("extract", "page")] == ["x", "xx"]
    assert not (folder / "apart.txt").exists()


def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    tmp_path: Path, warehouse: Warehouse, call: Call
) -> None:
    folder = shop(tmp_path / "shop")
    status, out, err = call(folder, *FOUR, "--dry-run")
    assert status == 0 and out.endswith("shop: 4 chunks, 4 to do\n")
    for line in (
        "over the days: score", "once, before them, as they never ran: extract", "once, after them: page",
        "not run: apart",
    ):  # fmt: skip
        assert line in err.splitlines()
    assert scored(folder) == [] and warehouse.counts("ops.runs") == {"ops.runs": 0}


def test_a_failed_chunk_stops_no_other_and_is_done_by_the_next_call(
    tmp_path: Path, warehouse: Warehouse, backfill: Backfill
) -> None:
    folder = shop(tmp_path / "shop")
    (folder / "broken-2024-01-02").touch()
    result = backfill(folder, *FOUR, status=1)
    assert states(result) == ["succeeded", "failed", "succeeded", "succeeded"]
    assert "told to" in result["chunks"][1]["why"] and not (folder / "page.txt").exists()
    assert states(backfill(folder, *FOUR, "--rerun", "--fail-fast", status=1)) == [
        "succeeded", "failed", "not run", "not run",
    ]  # fmt: skip
    (folder / "broken-2024-01-02").unlink()
    result = backfill(folder, *FOUR)
    assert states(result) == ["done before", "succeeded", "done before", "done before"]
    assert (folder / "page.txt").read_text() == "x"


def test_other_code_or_values_undo_what_was_done_and_say_so(
    tmp_path: Path, warehouse: Warehouse, backfill: Backfill
) -> None:
    folder = shop(tmp_path / "shop")
    backfill(folder, *FOUR)
    assert states(backfill(folder, *FOUR, "-p", "factor=2")) == ["succeeded"] * 4
    # The newest run of a day is the one that counts.
    result = backfill(folder, *FOUR, "--dry-run")
    assert states(result) == ["to do"] * 4
    assert {chunk["why"] for chunk in result["chunks"]} == {"parameter factor changed"}
    assert states(backfill(folder, *FOUR, "-p", "factor=2", "--dry-run")) == ["done before"] * 4
    shop(tmp_path / "shop", SCORE + "1 + 1\n")
    result = backfill(folder, *FOUR, "-p", "factor=2", "--dry-run")
    assert {chunk["why"] for chunk in result["chunks"]} == {"the notebook changed"}


def test_tables_that_have_changed_since_are_named_and_undo_nothing(
    tmp_path: Path, warehouse: Warehouse, backfill: Backfill
) -> None:
    feed = tmp_path / "feed"
    take = "connect().execute(\"INSERT INTO ops.lineage VALUES ('x', 'a', 'b', now())\")"
    notebook(feed / "take.ipynb", take, imports=f"{IMPORTS}from workbench.warehouse import connect")
    pipeline(feed, {"take": {"writes": ["ops.lineage"]}})
    # A module of this name is no table.
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "core.py").write_text("FACTOR = 1")
    folder = shop(tmp_path / "shop", f"import core\n{SCORE}", reads=["taken", "ops.lineage"])
    assert run_pipeline(feed).state == "succeeded"
    backfill(folder, *FOUR)
    assert run_pipeline(feed, options=RunOptions(force=True)).state == "succeeded"
    result = backfill(folder, *FOUR, "--dry-run")
    assert states(result) == ["done before"] * 4 and result["changed"] == ["ops.lineage"]
    (folder / "core.py").write_text("FACTOR = 2")
    result = backfill(folder, *FOUR, "--dry-run")
    assert {chunk["why"] for chunk in result["chunks"]} == {"core.py changed"}


WAITING = """\
Path(f"begun-{since}").touch()
until_then = monotonic() + 300
while len(list(Path().glob("begun-*"))) < 2:
    assert monotonic() < until_then, "alone"
    sleep(0.02)
"""


def test_chunks_go_side_by_side_where_the_map_allows_it(
    tmp_path: Path, call: Call, backfill: Backfill
) -> None:
    """Each waits for the other to have begun."""
    two = ("--start", "2024-01-01", "--end", "2024-01-02", "--chunk", "1d", "--jobs", "3")
    folder = shop(tmp_path / "shop", WAITING)
    assert states(backfill(folder, *two)) == ["succeeded"] * 2
    folder = shop(tmp_path / "one", limit=1)
    process = begin(folder, *two)
    assert (
        "1 at once, not 3: the stages or the warehouse allow no more" in process.communicate(timeout=600)[1]
    )
    assert scored(folder) == ["2024-01-01 2024-01-01 1", "2024-01-02 2024-01-02 1"]


HANGING = """\
with Path("scores.txt").open("a") as file:
    file.write(f"{since}\\n")
if Path("hang").exists() and since.day > 1:
    Path(f"hangs-{since}").touch()
    print("at work", flush=True)
    sleep(3000)
"""


@pytest.mark.parametrize(
    ("number", "jobs"),
    [
        (signal.SIGKILL, 2),
        pytest.param(signal.SIGINT, 2, marks=pytest.mark.soak),
        pytest.param(signal.SIGTERM, 1, marks=pytest.mark.soak),
    ],
)
def test_stopped_or_killed_it_goes_on_with_what_is_left(
    tmp_path: Path, warehouse: Warehouse, number: signal.Signals, jobs: int
) -> None:
    folder = shop(tmp_path / "shop", HANGING)
    (folder / "hang").touch()
    process = begin(folder, *FOUR, "--jobs", jobs, "--json")
    assert process.stderr is not None
    while len(list(folder.glob("hangs-*"))) < jobs:
        assert process.poll() is None, process.stderr.read()
        sleep(0.02)
    os.kill(process.pid, number)
    out, _ = process.communicate(timeout=600)
    (folder / "hang").unlink()
    if number != signal.SIGKILL:
        assert process.returncode == 130
        result = json.loads(out)
        assert result["stopped"] == number.name
        assert states(result)[: jobs + 1] == ["succeeded", *["stopped"] * jobs]
        assert set(states(result)[jobs + 1 :]) == {"not run"}
    # By a process of its own, as the first: other tests change what this one knows of packages.
    again = begin(folder, *FOUR, "--json")
    out, err = again.communicate(timeout=600)
    assert again.returncode == 0, err
    assert states(json.loads(out)) == ["done before", *["succeeded"] * 3]
    assert scored(folder)[-3:] == DAYS[1:] and scored(folder).count(DAYS[0]) == 1
    open_runs = (
        "SELECT count(*) AS n FROM ops.runs WHERE state NOT IN ('succeeded', 'stopped', 'lost', 'not_run')"
    )
    assert connect().query(open_runs).to_pylist() == [{"n": 0}]


def test_a_stage_that_fails_before_the_days_leaves_them(
    tmp_path: Path, warehouse: Warehouse, backfill: Backfill
) -> None:
    folder = shop(tmp_path / "shop")
    notebook(folder / "extract.ipynb", "assert False, 'no source'")
    result = backfill(folder, *FOUR, status=1)
    assert states(result) == ["not run"] * 4 and "no source" in result["error"]
    assert scored(folder) == []


def test_a_wrong_call_is_one_line_and_exit_2(tmp_path: Path, call: Call) -> None:
    folder = shop(tmp_path / "shop")
    whole = pipeline(tmp_path / "whole", {"page": {}})
    notebook(whole / "page.ipynb")
    for arguments, message in (
        (("no_such", *FOUR), "unknown pipeline 'no_such'"),
        ((whole, *FOUR), "no stage of whole is partitioned, so there are no days to go over; run it whole with"),
        ((folder, "--start", "2024-01-02", "--end", "2024-01-01"), "ends before it begins"),
        ((folder, "--start", "2024-01-02", "--end", "2224-01-01"), "hasn't come yet"),
        ((folder, "--start", "today", "--end", "2024-01-01"), "--start is a day such as"),
        ((folder, *FOUR, "-p", "since=2024-01-01"), "parameter 'since' is given by the range of days"),
        ((folder, *FOUR, "-p", "factors=2"), "unknown parameter 'factors' of pipeline shop; did you mean 'factor'"),
        ((folder, *FOUR, "-p", "factor=x"), "parameter 'factor' of stage score must be int"),
    ):  # fmt: skip
        status, out, err = call(*arguments)
        assert (status, out, len(err.splitlines())) == (2, "", 1) and message in err
