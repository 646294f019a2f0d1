"""Which stages run side by side, and which wait for each other."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.execution.notebooks import notebook, pipeline
from workbench.execution import Run, run_pipeline
from workbench.execution.records.store import read_run
from workbench.execution.run.admission import Claim, Order, admits, slots
from workbench.settings import Settings

# Each waits until the other has come: it can only end if both run at the same time.
MEET = """\
import os, time
from pathlib import Path
Path(f"here-{os.environ['WORKBENCH_STAGE']}").touch()
deadline = time.monotonic() + 300
while len(list(Path().glob("here-*"))) < 2:
    assert time.monotonic() < deadline
    time.sleep(0.02)
"""


def overlap(run: Run) -> bool:
    """Return whether two stages of a run ran at the same time."""
    spans = sorted((stage.started_at, stage.finished_at) for stage in run.stages)
    return any(later[0] < earlier[1] for earlier, later in pairwise(spans))


def test_a_stage_is_ready_once_those_before_it_are_done() -> None:
    order = Order(["a", "b", "c"], {"b": {"a"}, "c": {"a", "b", "elsewhere"}})
    assert order.ready() == ["a"] and order.ready() == []
    order.done("a")
    assert order.ready() == ["b"] and order.waiting == ["c"]
    order.done("b")
    assert order.ready() == ["c"] and order.waiting == []


def test_what_is_ready_runs_in_the_order_of_the_map(tmp_path: Path, settings: Settings) -> None:
    # Stages that write take turns, and the second time "shelves" is left out: "count" is then ready after "look" is.
    folder = tmp_path / "shop"
    write = (
        'connect().execute("INSERT INTO raw.stores (store_id, updated_at, _batch_id, _row_number, _ingested_at) '
        "VALUES ('1', now(), 'b', 1, now())\")"
    )
    imports = "from workbench.execution import record\nfrom workbench.warehouse import connect"
    for name in ("take", "shelves", "count", "look"):
        notebook(folder / f"{name}.ipynb", *([write] if name == "take" else []), imports=imports)
    settings.landing.mkdir(parents=True)
    pipeline(
        folder,
        {
            "take": {"skip": "never", "writes": ["raw.stores"]},
            "shelves": {"after": ["take"], "reads": ["landing"]},
            "count": {"after": ["shelves"], "reads": ["raw.stores"], "writes": ["ops.alerts"]},
            "look": {"after": ["take"], "reads": ["raw.stores"], "writes": ["ops.alerts"]},
        },
    )
    for _ in range(2):
        run = run_pipeline(folder)
        assert run.state == "succeeded", run.error
    ran = sorted(
        (stage.started_at, stage.name)
        for stage in run.stages
        if stage.state == "succeeded" and stage.started_at
    )
    assert [name for _, name in ran] == ["take", "count", "look"] and not overlap(run)


def test_a_writer_has_the_warehouse_to_itself() -> None:
    reader, writer = Claim("r", touches=True), Claim("w", touches=True, writes=True)
    free = Claim("f")
    assert admits(reader, [reader, free], 4) and admits(free, [writer], 4) and admits(writer, [free], 4)
    assert not admits(writer, [reader], 4) and not admits(reader, [writer], 4)
    assert not admits(free, [reader, reader], 2)


def test_one_stage_of_a_pool_and_a_few_of_a_list_run_at_once() -> None:
    first, second = Claim("a", pool="api"), Claim("b", pool="api")
    assert not admits(first, [second], 4) and admits(first, [Claim("b")], 4)
    day = Claim("days", limit=2)
    assert admits(day, [day], 4) and not admits(day, [day, day], 4)


def test_the_setting_says_how_many_run_at_once() -> None:
    assert slots(3) == 3 and slots(0) >= 1


def test_stages_that_are_free_run_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_PARALLEL", "2")
    folder = tmp_path / "shop"
    for name in ("a", "b"):
        notebook(folder / f"{name}.ipynb", MEET)
    notebook(folder / "c.ipynb")
    pipeline(
        folder, {"a": {"reads": ["raw.stores"]}, "b": {"reads": ["raw.stores"]}, "c": {"after": ["a", "b"]}}
    )
    run = run_pipeline(folder)
    assert run.state == "succeeded", run.error
    a, b, c = run.stages
    assert c.started_at >= max(a.finished_at, b.finished_at) and overlap(run)


@pytest.mark.parametrize("stage", [{"pool": "api"}, {"writes": ["ops.alerts"]}])
def test_stages_that_share_something_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: dict[str, object]
) -> None:
    monkeypatch.setenv("WORKBENCH_PARALLEL", "2")
    folder = tmp_path / "shop"
    for name in ("a", "b"):
        notebook(folder / f"{name}.ipynb")
    pipeline(folder, {"a": stage, "b": stage})
    run = run_pipeline(folder)
    assert run.state == "succeeded" and not overlap(run)


UNTIL_ONE_FAILED = """import time
from workbench.settings import get_settings
kept = get_settings().runs / os.environ["WORKBENCH_RUN_ID"] / "run.json"
deadline = time.monotonic() + 300
while '"state": "failed"' not in kept.read_text() and time.monotonic() < deadline:
    time.sleep(0.02)"""


def test_a_failure_lets_what_runs_finish_and_starts_nothing_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_PARALLEL", "2")
    folder = tmp_path / "shop"
    notebook(folder / "a.ipynb", MEET, "1 / 0")
    notebook(folder / "b.ipynb", MEET, UNTIL_ONE_FAILED)
    notebook(folder / "c.ipynb")
    notebook(folder / "d.ipynb")
    pipeline(folder, {"a": {}, "b": {}, "c": {"after": ["a"]}, "d": {"after": ["b"]}})
    run = run_pipeline(folder)
    assert [stage.state for stage in run.stages] == ["failed", "succeeded", "not_run", "not_run"]
    assert (run.state, run.error) == ("failed", "a: ZeroDivisionError: division by zero")


def test_a_signal_stops_all_that_run_and_both_are_saved(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_PARALLEL", "2")
    folder = tmp_path / "shop"
    sleep = "import time\nPath(f\"asleep-{os.environ['WORKBENCH_STAGE']}\").touch()\ntime.sleep(600)"
    for name in ("a", "b"):
        notebook(folder / f"{name}.ipynb", MEET, sleep)
    notebook(folder / "c.ipynb")
    pipeline(folder, {"a": {}, "b": {}, "c": {"after": ["a"]}})
    command = [sys.executable, "-m", "workbench.cli", "run", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 300
    while len(list(folder.glob("asleep-*"))) < 2:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=300)
    assert process.returncode == 130
    run = read_run("latest", settings)
    assert (run.state, run.error) == ("stopped", "stopped by SIGTERM")
    assert [stage.state for stage in run.stages] == ["stopped", "stopped", "not_run"]
    for stage in run.stages[:2]:
        assert stage.error == "stopped by SIGTERM" and stage.reason == "stopped"
        assert stage.notebook is not None and stage.notebook.is_file() and stage.report is not None
