"""Runs with real kernels: exit, record, notebook and page always agree."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from tests.execution.notebooks import notebook, pipeline
from workbench.errors import UsageError
from workbench.execution import Run, RunOptions, run_notebook, run_pipeline
from workbench.execution.housekeeping.recovery import recover
from workbench.execution.records.store import read_run
from workbench.settings import Settings
from workbench.warehouse import connect

TAKE = """\
import os
from pathlib import Path
connect().execute("INSERT INTO ops.lineage VALUES ('x', 'a', 'b', now())")
print(os.environ["WORKBENCH_RUN_ID"], os.environ["WORKBENCH_STAGE"], token.reveal())
Path("take.pid").write_text(str(os.getpid()))
Path("beside.txt").write_text(f"{as_of!r} {limit!r} {share!r} {where!r}")
plt.plot([1, 2])
"""
PARAMETERS = """\
as_of: datetime.date | None = None  # last day
limit: int = 5  # rows to take
share: Decimal = Decimal("0.5")  # of all
where: Path | None = None  # a file
token: Secret = Secret("env:SHOP_TOKEN")  # of the shop
"""
IMPORTS = """\
import datetime
from decimal import Decimal
from pathlib import Path
import matplotlib.pyplot as plt
from workbench.execution import Secret, record, timed
from workbench.warehouse import connect
"""


def cells(run: Run, stage: int = 0) -> list[Any]:
    output = run.stages[stage].notebook
    assert output is not None
    node = nbformat.read(output, as_version=4)
    nbformat.validate(node)
    return list(node.cells)


def test_a_pipeline_runs_in_order_and_leaves_a_record(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "hunter2")
    folder = tmp_path / "shop"
    notebook(
        folder / "take.ipynb", TAKE, parameters=PARAMETERS, imports=IMPORTS,
        last="with timed('sql'):\n    pass\n"
        "record(counts={'taken': limit}, tables=['ops.lineage'], metrics={'m': 0.5})",
    )  # fmt: skip
    notebook(folder / "show.ipynb", "limit * 2", last="record(tables=['ops.lineage'])")
    pipeline(
        folder,
        {
            "show": {"reads": ["raw.stores"]},
            "take": {
                "reads": ["landing"],
                "writes": ["raw.stores"],
                "parameters": {"where": "a.csv", "limit": 3},
            },
        },
    )
    run = run_pipeline(folder, {"as_of": "2017-01-31", "limit": "7"})

    assert run.state == "succeeded" and [stage.name for stage in run.stages] == ["take", "show"]
    take, show = run.stages
    assert (folder / "beside.txt").read_text() == (
        f"datetime.date(2017, 1, 31) 7 Decimal('0.5') {folder / 'a.csv'!r}"
    )
    assert take.counts == {"taken": 7} and take.metrics == {"m": 0.5}
    assert take.tables == {"raw.stores": 0, "ops.lineage": 1} and show.tables == {"ops.lineage": 1}
    assert "sql" in take.timings and run.timings.keys() == {"sql"}
    assert take.parameters == {"as_of": "2017-01-31", "limit": 7, "where": str(folder / "a.csv")}
    assert cells(run, 1)[-3].outputs[0].data["text/plain"] == "14"
    assert any("image/png" in output.get("data", {}) for output in cells(run)[5].outputs)

    assert read_run(run.run_id, settings) == run
    rows = connect().query(
        "SELECT run_id, parent_run_id, stage, state, rows_written FROM ops.runs ORDER BY run_id"
    )
    assert [tuple(row.values()) for row in rows.to_pylist()] == [
        (run.run_id, None, None, "succeeded", 2),
        (f"{run.run_id}.show", run.run_id, "show", "succeeded", 1),
        (f"{run.run_id}.take", run.run_id, "take", "succeeded", 1),
    ]
    lineage = connect().query("SELECT source, target FROM ops.lineage WHERE run_id = ?", [run.run_id])
    # By what it did, not by what its map says.
    assert lineage.to_pylist() == [{"source": "landing", "target": "ops.lineage"}]
    assert show.report is not None and "Try show" in show.report.read_text()

    left = [
        path.read_text()
        for path in settings.home.rglob("*")
        if path.suffix in (".ipynb", ".json", ".html", ".log")
    ]
    assert len(left) >= 6 and not any("hunter2" in text for text in left)
    assert f"{run.run_id} take [redacted]" in cells(run)[5].outputs[0].text
    assert gone(int((folder / "take.pid").read_text()), 60)


def test_a_failing_cell_ends_the_run_and_keeps_what_ran(tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / "shop"
    note = "import os\nfrom pathlib import Path\nPath('a.pid').write_text(str(os.getpid()))\n"
    notebook(folder / "a.ipynb", f"{note}done = 'so far'\ndone", "{}['XYZ']", "never = 1")
    notebook(folder / "b.ipynb")
    pipeline(folder, {"a": {"writes": ["raw.stores"]}, "b": {"after": ["a"]}})
    run = run_pipeline(folder)

    assert (run.state, run.error) == ("failed", "a: KeyError: 'XYZ'")
    assert [stage.state for stage in run.stages] == ["failed", "not_run"]
    ran = cells(run)
    assert ran[4].outputs[0].data["text/plain"] == "'so far'"
    assert [ran[i].metadata.papermill.status for i in (4, 6, 8)] == ["completed", "failed", "pending"]
    assert nbformat.read(run.stages[0].notebook, as_version=4).metadata.papermill.exception is True
    report = run.stages[0].report
    assert report is not None and "KeyError: &#39;XYZ&#39;" in report.read_text()
    assert run.stages[1].report is None and run.stages[1].notebook is None
    states = connect().query("SELECT state FROM ops.runs ORDER BY run_id").to_pylist()
    assert [row["state"] for row in states] == ["failed", "failed", "not_run"]
    assert connect().counts("ops.lineage") == {"ops.lineage": 0}
    assert gone(int((folder / "a.pid").read_text()), 60)


def test_a_kernel_that_dies_is_a_failure_everywhere(tmp_path: Path) -> None:
    path = notebook(tmp_path / "die.ipynb", "import os\nos._exit(0)", "never = 1")
    run = run_notebook(path)
    assert run.state == "failed" and run.error is not None and "the kernel died" in run.error
    node = nbformat.read(run.stages[0].notebook, as_version=4)
    assert node.metadata.papermill.exception is True
    assert [node.cells[i].metadata.papermill.status for i in (4, 6)] == ["failed", "pending"]
    assert node.cells[4].outputs[-1].ename == "DeadKernelError"


def test_a_stage_may_be_tried_again_and_has_a_deadline(tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / "shop"
    again = "from pathlib import Path\nif not Path('tried').exists():\n    Path('tried').touch()\n    1 / 0"
    notebook(folder / "a.ipynb", again, last="record(counts={'n': 1})")
    notebook(folder / "b.ipynb", "import subprocess\nsubprocess.run(['sleep', '987'])")
    pipeline(folder, {"a": {"retries": 1}, "b": {"timeout": 2}})
    started = time.monotonic()
    run = run_pipeline(folder)
    assert [(stage.state, stage.attempts) for stage in run.stages] == [("succeeded", 2), ("failed", 1)]
    assert run.stages[0].counts == {"n": 1} and run.error == "b: TimeoutError: the stage ran past its timeout"
    assert (settings.runs / run.run_id / "a.attempt-1.ipynb").is_file()
    assert time.monotonic() - started < 600
    assert not any(
        process.info["cmdline"] == ["sleep", "987"] for process in psutil.process_iter(["cmdline"])
    )


def test_the_limits_of_a_map_hold(tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / "shop"
    notebook(folder / "a.ipynb", "hold = [bytearray(1 << 24) for _ in range(10_000)]")
    notebook(folder / "b.ipynb", "import time\ntime.sleep(600)")
    pipeline(folder, {"a": {"size": {"memory": 500}}, "b": {"cell_timeout": "1s"}})
    run = run_pipeline(folder, options=RunOptions(only="a"))
    assert run.stages[0].reason == "memory" and "more than its 500" in (run.error or "")
    run = run_pipeline(folder, options=RunOptions(only="b"))
    assert run.stages[0].reason == "timeout" and "the cell ran past its timeout" in (run.error or "")


def test_what_is_wrong_with_the_call_is_found_before_anything_runs(
    tmp_path: Path, settings: Settings
) -> None:
    folder = tmp_path / "shop"
    notebook(folder / "a.ipynb", "x = 1")
    notebook(folder / "b.ipynb", parameters="day: datetime.date  # the day")
    pipeline(folder, {"a": {}, "b": {}})
    for given, message in (
        ({"dya": "2017-01-01"}, r"unknown parameter 'dya' of pipeline shop; did you mean 'day' \(dat"),
        ({"day": "monday"}, "parameter 'day' of stage b must be datetime.date"),
        ({}, "parameter 'day' of stage b .* needs a value"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=message):
            run_pipeline(folder, given)
    with pytest.raises(UsageError, match="no notebook"):
        run_notebook(tmp_path / "none.ipynb")
    assert not settings.runs.exists()


def start(path: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "workbench.cli", "notebook", str(path), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(path: Path, process: subprocess.Popen[str]) -> int:
    """Return the number of the kernel's process, once it has written it."""
    deadline = time.monotonic() + 300
    while not path.exists() or not path.read_text():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    return int(path.read_text())


def gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    with suppress(psutil.NoSuchProcess):
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
    return True


SLEEP = "import os, time\nfrom pathlib import Path\nprint('before')\nPath('pid').write_text(str(os.getpid()))\ntime.sleep(600)"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_says_so_and_leaves_nothing_behind(
    tmp_path: Path, settings: Settings, number: signal.Signals
) -> None:
    process = start(notebook(tmp_path / "long.ipynb", SLEEP), "--json")
    kernel = wait_for(tmp_path / "pid", process)
    process.send_signal(number)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 130, errors
    assert gone(kernel, 0)
    told = json.loads(output)
    run = read_run("latest", settings)
    assert (told["state"], run.state, run.stages[0].state) == ("stopped", "stopped", "stopped")
    assert run.error == f"stopped by {number.name}" and "Traceback" not in errors
    assert connect().query("SELECT DISTINCT state FROM ops.runs").to_pylist() == [{"state": "stopped"}]
    node = nbformat.read(run.stages[0].notebook, as_version=4)
    assert node.metadata.papermill.exception is True and node.cells[4].metadata.papermill.status == "failed"
    assert run.stages[0].report is not None and "stopped" in run.stages[0].report.read_text()


def test_a_runner_that_is_killed_is_shown_as_lost(tmp_path: Path, settings: Settings) -> None:
    process = start(notebook(tmp_path / "long.ipynb", SLEEP))
    kernel = wait_for(tmp_path / "pid", process)
    assert read_run("latest", settings).state == "running"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=300)
    assert gone(kernel, 60)
    run = read_run("latest", settings)
    assert (run.state, run.stages[0].state) == ("lost", "lost")
    assert run.seconds is None and run.error == f"process {process.pid} ended without a word"

    listed = subprocess.run(
        [sys.executable, "-m", "workbench.cli", "runs", "show", "latest"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert listed.returncode == 0 and "ended without a word" in listed.stdout, listed.stderr
    run = read_run("latest", settings)
    node = nbformat.read(run.stages[0].notebook, as_version=4)
    nbformat.validate(node)
    assert node.metadata.workbench.state == "lost" and node.metadata.papermill.exception is True
    assert node.cells[4].metadata.papermill.status == "failed"
    assert node.cells[4].outputs[0].text == "before\n" and node.cells[4].outputs[-1].ename == "Lost"
    assert run.stages[0].report is not None and "ended without a word" in run.stages[0].report.read_text()
    rows = connect().query("SELECT state, error FROM ops.runs ORDER BY stage NULLS FIRST").to_pylist()
    assert rows == [{"state": "lost", "error": run.error}] * 2
    assert recover(settings) == []


def test_parameters_that_papermill_cannot_parse_are_no_warning(
    tmp_path: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    span = "limit: int = 5\nspan: datetime.timedelta = datetime.timedelta(minutes=5)  # how long"
    path = notebook(
        tmp_path / "span.ipynb", "print(span)", parameters=span, imports="import datetime", last="pass"
    )
    assert run_notebook(path, {"limit": 6, "span": "2h"}).state == "succeeded"
    assert not caplog.records
