"""What a person sees of a run: the live table on wide and narrow terminals, and plain lines."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from tests.execution.notebooks import notebook, pipeline
from workbench.execution import RunOptions, run_pipeline
from workbench.execution.records.model import Run, StageRun
from workbench.execution.records.store import list_runs, new_run, save
from workbench.execution.run.progress import STOPPING, Lines, Live, Silence, usual_seconds
from workbench.settings import Settings


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that stands still: what the stages took is shown."""
    monkeypatch.setattr("workbench.execution.records.model.time", SimpleNamespace(monotonic=lambda: 1000.0))


def made(settings: Settings) -> Run:
    """A run with a stage in each state."""
    run = new_run("shop", settings)
    for name in ("took", "same", "works", "broke", "waits", "left"):
        run.stages.append(StageRun(name=name, source=Path(f"{name}.ipynb")))
    took, same, works, broke, _, left = run.stages
    for stage in (took, works, broke):
        stage.begin()
    took.tables = {"raw.stores": 1200}
    took.end("succeeded")
    same.begin()
    same.why = "unchanged since run x"
    same.end("skipped")
    works.why = "landing changed"
    broke.end("failed", "KeyError: [bold]'XYZ'")
    left.state = "not_run"
    return run


def drawn(live: Live, width: int) -> list[str]:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(live.table())
    return console.export_text().splitlines()


@pytest.mark.usefixtures("standing")
def test_the_table_shows_state_cells_time_and_what_came_of_it(settings: Settings) -> None:
    live = Live({"works": 30.4, "waits": 12.0})
    run = made(settings)
    live._run = run
    live.cell(run.stages[2], 3, 10)
    took, same, works, broke, waits, left = drawn(live, 100)
    assert took.startswith("✓ took") and "0.0 s" in took and "1,200 rows" in took
    assert same.startswith("= same") and "unchanged since run x" in same
    assert works.startswith("▸ works") and "━━━╌╌╌╌╌╌╌ 3/10" in works
    assert "0 s of ~30 s" in works and "landing changed" in works
    assert broke.startswith("✗ broke") and "KeyError: [bold]'XYZ'" in broke
    assert waits.startswith("· waits") and "~12 s" in waits
    assert left.startswith("- left") and "not run" in left


def test_a_narrow_terminal_shows_all_of_it_over_several_lines(settings: Settings) -> None:
    live = Live()
    live._run = made(settings)
    lines = drawn(live, 30)
    assert all(len(line.rstrip()) <= 30 for line in lines)
    assert [line[0] for line in lines if line[0] in "✓=▸✗·-"] == ["✓", "=", "▸", "✗", "·", "-"]
    said = "".join(line.strip() for line in lines).replace(" ", "")
    assert "unchangedsincerunx" in said and "KeyError:[bold]'XYZ'" in said and "…" not in said
    live.stopping(live._run)
    assert "stopping" not in "".join(drawn(live, 30))
    live._run.begin()
    assert drawn(live, 60)[-1].strip() == STOPPING


def test_history_is_the_median_of_the_last_runs_that_succeeded(settings: Settings) -> None:
    from datetime import UTC, datetime, timedelta

    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number, seconds in enumerate((100, 1, 2, 3, 4, 50)):
        run = new_run("shop", settings, started_at=start)
        run.run_id = f"20260101T00000{number}Z-abcdef"
        end = start + timedelta(seconds=seconds)
        run.stages = [
            StageRun(name="a", source=Path("a"), state="succeeded", started_at=start, finished_at=end),
            StageRun(name="b", source=Path("b"), state="failed", started_at=start, finished_at=end),
        ]
        save(run, settings)
    assert usual_seconds("shop", settings) == {"a": 3} and usual_seconds("other", settings) == {}


def test_what_a_notebook_raised_steers_no_terminal(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    run = made(settings)
    broke = run.stages[3]
    broke.error = "ValueError: \x1b]0;mine\x07\x1b[2J"
    lines, live = Lines(), Live()
    lines.update(run, broke)
    lines.warn(run, "\x1b[2J.csv was refused")
    live._run = run
    told = capsys.readouterr().err + "".join(drawn(live, 100))
    assert "\x1b" not in told and told.count("ValueError: \\x1b]0;mine\\x07\\x1b[2J") == 2


@pytest.mark.usefixtures("standing")
def test_elsewhere_each_step_is_a_plain_line(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    run = made(settings)
    lines = Lines()
    lines.begin(run)
    for stage in run.stages:
        lines.update(run, stage)
    told = capsys.readouterr().err.splitlines()
    assert told == [
        f"run {run.run_id} of shop",
        "  took succeeded in 0.0 s",
        "  same skipped, unchanged since run x",
        "  works running, landing changed",
        "  broke failed in 0.0 s: KeyError: [bold]'XYZ'",
        "  left not_run",
    ]


@pytest.mark.parametrize("gone", ["reader", "space"])
def test_a_run_goes_on_when_nobody_can_be_told_of_it(settings: Settings, tmp_path: Path, gone: str) -> None:
    shop = pipeline(tmp_path / "shop", {"a": {}, "b": {"after": ["a"]}})
    for name in ("a", "b"):
        notebook(shop / f"{name}.ipynb")
    if gone == "reader":
        reads, told = os.pipe()
        os.close(reads)
    else:
        told = os.open("/dev/full", os.O_WRONLY)
    try:
        done = subprocess.run(
            [sys.executable, "-c", "from workbench.cli import main; main()", "run", str(shop), "--json"],
            stdout=subprocess.PIPE, stderr=told, timeout=300, check=False,
        )  # fmt: skip
    finally:
        os.close(told)
    assert done.returncode == 0
    assert Run.model_validate_json(done.stdout).state == "succeeded"


def test_a_stage_whose_start_cant_be_written_down_is_waited_for_by_nobody(
    settings: Settings, tmp_path: Path
) -> None:
    class Full(Silence):
        def update(self, run: Run, stage: StageRun) -> None:
            if stage.state == "running":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    shop = pipeline(tmp_path / "shop", {"a": {}})
    notebook(shop / "a.ipynb")
    ended = threading.Event()

    def go() -> None:
        with pytest.raises(OSError, match="No space left"):
            run_pipeline(str(shop), options=RunOptions(settings=settings, progress=Full()))
        ended.set()

    threading.Thread(target=go, daemon=True).start()
    assert ended.wait(300)
    (run,) = list_runs(settings)
    assert run.state == "failed"
