"""Schedules are acted on: by the clock in their time zones, after others, once, and whatever dies in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.execution.notebooks import notebook, pipeline
from workbench.errors import UsageError
from workbench.execution import Run, RunOptions, run_pipeline
from workbench.execution.pipeline.pipeline import Pipeline
from workbench.execution.records.store import list_runs
from workbench.execution.scheduling.scheduler import Dispatcher, alone, working
from workbench.settings import Settings, get_settings
from workbench.warehouse import connect

ROOT = Path(__file__).resolve().parents[3]
START = datetime(2026, 3, 1, 1, 59, 30, tzinfo=UTC)


class HandClock:
    """A clock that stands still but for waits; after ``until`` the wait ends the scheduler."""

    def __init__(self, at: datetime, until: datetime) -> None:
        self.at, self.until = at, until

    def now(self) -> datetime:
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        if self.at > self.until:
            raise KeyboardInterrupt


class Project:
    """A project, the lines that its scheduler said, and what it ran."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder, self.settings = folder, settings
        self.lines: list[str] = []

    def add(self, name: str, *cells: str, writes: tuple[str, ...] = (), **schedule: object) -> None:
        notebook(self.folder / name / "only.ipynb", *cells)
        facts = {"schedule": schedule} if schedule else {}
        pipeline(self.folder / name, {"only": {"writes": [*writes], "skip": "never"}}, **facts)

    def work(self, start: datetime, until: datetime | None = None, *, once: bool = False) -> list[str]:
        """Let a new scheduler work from one moment to another; return what it ran, as PIPELINE REQUEST."""
        before = {run.run_id for run in list_runs(self.settings)}
        clock = HandClock(start, until or start)
        try:
            Dispatcher(self.settings, self.run, self.lines.append, clock).work(once=once)
        except KeyboardInterrupt:
            assert not once
        runs = [run for run in reversed(list_runs(self.settings)) if run.run_id not in before]
        return [f"{run.pipeline} {run.request}" for run in runs]

    def run(self, found: Pipeline, request: str) -> Run:
        return run_pipeline(found, options=RunOptions(request=request, settings=self.settings))


@pytest.fixture
def seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Maps and tables are looked at hour by hour, so that a scheduler gets through days in a moment."""
    monkeypatch.setattr("workbench.execution.scheduling.scheduler.LOOK", 3600.0)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("WORKBENCH_PROJECT", str(tmp_path / "project"))
    return Project(tmp_path / "project" / "pipeline_notebooks", get_settings())


@pytest.mark.usefixtures("seldom")
def test_it_runs_when_its_time_has_come_and_not_before(project: Project) -> None:
    project.add("daily", cron="0 2 * * *")
    assert project.work(START, START) == []
    assert project.work(START, START + timedelta(days=2)) == [
        f"daily schedule 2026-03-0{day}T02:00Z" for day in (1, 2)
    ]
    assert any("next by the clock: daily at 2026-03-02 02:00 UTC" in line for line in project.lines)
    assert any("daily: due 2026-03-01 02:00 UTC" in line for line in project.lines)


def test_of_missed_times_one_is_made_up_for_or_all_or_none(project: Project) -> None:
    for policy in ("once", "all", "skip"):
        project.add(policy, cron="0 2 * * *", missed=policy)
    project.work(START)
    later = START + timedelta(days=3)
    assert sorted(project.work(later, once=True)) == [
        "all schedule 2026-03-01T02:00Z", "all schedule 2026-03-02T02:00Z", "all schedule 2026-03-03T02:00Z",
        "once schedule 2026-03-03T02:00Z",
    ]  # fmt: skip
    assert any("2 times before it missed" in line for line in project.lines)
    assert any("skip: 3 times missed, and its map says missed: skip" in line for line in project.lines)
    assert project.work(later, once=True) == []
    # A little late is not missed.
    assert len(project.work(later + timedelta(minutes=10), once=True)) == 3


def test_what_follows_a_table_runs_after_it_and_once(project: Project) -> None:
    project.add("first", writes=("marts.sales_daily",), cron="0 2 * * *")
    project.add("second", on=["marts.sales_daily"])
    project.add("third", on=["models.nobody"])
    connect(create=True)
    ran = project.work(START, START + timedelta(minutes=5))
    first = next(run for run in list_runs(project.settings) if run.pipeline == "first")
    assert ran == ["first schedule 2026-03-01T02:00Z", f"second after {first.run_id}.only"]
    assert project.work(START + timedelta(minutes=9), once=True) == []
    told = [line for line in project.lines if "third follows models.nobody, which no other pipeline" in line]
    assert len(told) == 2  # one a scheduler


def test_a_follower_that_fails_is_tried_once_for_each_cause(project: Project) -> None:
    project.add("first", writes=("marts.sales_daily",))
    project.add("second", "1 / 0", on=["marts.sales_daily"])
    run_pipeline("first", options=RunOptions(settings=project.settings))
    assert len(project.work(START, once=True)) == 1
    assert project.work(START, once=True) == []
    run_pipeline("first", options=RunOptions(settings=project.settings))
    assert len(project.work(START, once=True)) == 1


def test_what_lands_is_taken_in_once_it_is_complete(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.execution.scheduling.timetable._SETTLE", 60.0)
    project.add("intake", on=["landing"])
    assert project.work(START, once=True) == []
    project.settings.landing.mkdir(parents=True)
    file = project.settings.landing / "a.csv"
    file.write_text("1")
    assert project.work(START, once=True) == []
    os.utime(file, (time.time() - 61,) * 2)
    (ran,) = project.work(START, once=True)
    assert ran.startswith("intake landing ")
    assert project.work(START, once=True) == []
    # What somebody puts behind a link has landed as well, and so has a name of another code page.
    elsewhere = project.folder / "elsewhere"
    elsewhere.mkdir()
    (project.settings.landing / "theirs").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(project.settings.landing)
    for name in ("b.csv", os.fsdecode(b"caf\xe9.csv")):
        (elsewhere / name).write_text("1")
        os.utime(elsewhere / name, (time.time() - 61,) * 2)
        (ran,) = project.work(START, once=True)
        assert project.work(START, once=True) == []


def test_one_that_fails_cannot_begin_or_is_no_map_stops_no_other(project: Project) -> None:
    project.add("bad", "1 / 0", cron="0 2 * * *")
    project.add("good", cron="0 2 * * *")
    project.add("wants", "limit", cron="0 2 * * *")
    notebook(project.folder / "wants" / "only.ipynb", parameters="limit: int  # rows")
    project.add("wrong", cron="0 2 * * *")
    (project.folder / "wrong" / "pipeline.yaml").write_text("schedule: {cron: 61 2 * * *}\nstages: {}")
    project.work(START)
    later = START + timedelta(minutes=1)
    assert sorted(project.work(later, later + timedelta(minutes=2, seconds=30))) == [
        "bad schedule 2026-03-01T02:00Z", "good schedule 2026-03-01T02:00Z",
    ]  # fmt: skip
    assert sum("wrong" in line and "left out" in line for line in project.lines) == 2
    waits = [line.split("again in ")[1].split(":")[0] for line in project.lines if "couldn't begin" in line]
    assert waits == ["60 s", "120 s"]
    notebook(project.folder / "wants" / "only.ipynb")
    assert project.work(later, once=True) == ["wants schedule 2026-03-01T02:00Z"]


@pytest.mark.usefixtures("seldom")
def test_another_schedule_and_a_clock_that_was_ahead_count_from_now(project: Project) -> None:
    project.add("daily", cron="0 2 * * *")
    project.work(START)
    project.add("daily", cron="0 1 * * *")
    assert project.work(START + timedelta(minutes=5), once=True) == []
    assert "daily has another schedule; it counts from now on" in project.lines[-1]
    ahead = START + timedelta(days=400)
    assert len(project.work(ahead, once=True)) == 1
    assert project.work(START, START + timedelta(days=1)) == ["daily schedule 2026-03-02T01:00Z"]


def test_a_scheduler_that_was_killed_between_the_run_and_its_note_repeats_nothing(project: Project) -> None:
    project.add("daily", cron="0 2 * * *")
    project.work(START)
    state = project.settings.home / "schedule.json"
    before = state.read_text()
    later = START + timedelta(minutes=1)
    assert len(project.work(later, once=True)) == 1
    state.write_text(before)
    assert project.work(later, once=True) == []
    assert state.read_text() != before
    state.write_text("{torn")
    assert project.work(later, once=True) == []
    assert "counts from now on" in project.lines[-1] or "can't read" in "".join(project.lines)


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "workbench.cli", "schedule", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT,
    )  # fmt: skip


def test_killed_in_a_run_it_runs_again_and_once_and_two_never_work_at_once(
    project: Project, tmp_path: Path
) -> None:
    begun, go = tmp_path / "begun", tmp_path / "go"
    project.add(
        "daily", f"import pathlib, time; pathlib.Path({str(begun)!r}).touch()",
        f"while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.05)", cron="* * * * *",
    )  # fmt: skip
    project.work(datetime.now(UTC) - timedelta(minutes=3))
    first = start("run")
    deadline = time.monotonic() + 300
    while not begun.exists():
        assert time.monotonic() < deadline and first.poll() is None
        time.sleep(0.05)
    second = start("run", "--once")
    assert second.wait(300) == 2
    assert f"a scheduler works here already, process {first.pid}" in str(second.communicate()[0])
    assert working(project.settings)
    first.kill()
    first.communicate()
    begun.unlink()
    again = start("run")
    while not begun.exists():
        assert time.monotonic() < deadline and again.poll() is None
        time.sleep(0.05)
    again.send_signal(signal.SIGINT)
    told = again.communicate(timeout=300)[0]
    assert again.returncode == 130 and "scheduler stopped by SIGINT" in told
    go.touch()
    third = start("run", "--once")
    assert "daily succeeded" in third.communicate(timeout=300)[0] and third.returncode == 0
    states = [run.state for run in reversed(list_runs(project.settings))]
    assert states[:3] == ["lost", "stopped", "succeeded"]
    listed = start().communicate(timeout=300)[0]
    assert "no scheduler is at work" in listed and "daily" in listed and "succeeded" in listed


def test_it_ends_at_once_while_it_waits(project: Project) -> None:
    project.add("yearly", cron="0 0 1 1 *")
    waiting = start("run")
    assert waiting.stdout is not None and "next by the clock: yearly" in waiting.stdout.readline()
    begun = time.monotonic()
    waiting.send_signal(signal.SIGTERM)
    assert "stopped by SIGTERM" in waiting.communicate(timeout=60)[0]
    assert waiting.returncode == 0 and time.monotonic() - begun < 15


def test_only_one_may_be_there(settings: Settings) -> None:
    program = (
        "from workbench.execution.scheduling.scheduler import alone; from workbench.settings import get_settings\n"
        "with alone(get_settings()): print('in', flush=True); input()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert other.stdout is not None and other.stdout.readline() == "in\n"
    with pytest.raises(UsageError, match=f"process {other.pid}"), alone(settings):
        pass
    other.communicate("\n")
    with alone(settings):
        pass
