"""The scheduler: starts what is due, one run at a time, until it is stopped."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, TextIO

from workbench.errors import UsageError, WorkbenchError
from workbench.execution.pipeline.pipeline import Pipeline
from workbench.execution.pipeline.schedule import next_time
from workbench.execution.records.model import Run
from workbench.execution.scheduling.timetable import Due, Timetable, shown
from workbench.private import private_folder
from workbench.settings import Settings

# Maps, tables and landing are looked at so often, in seconds.
LOOK = 30.0
_PUT_OFF = 60.0
_LONGEST = 3600.0
RunDue = Callable[[Pipeline, str], Run]


class Clock(Protocol):
    """What tells the time and waits."""

    def now(self) -> datetime:
        """Return the present moment, UTC."""

    def wait(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the present moment, UTC."""
        return datetime.now(UTC)

    def wait(self, seconds: float) -> None:
        """Wait; a signal whose handler raises ends it."""
        time.sleep(seconds)


class Dispatcher:
    """Acts on the schedules of all pipelines of the project.

    Runs go one after another, that of the pipeline whose turn is longest ago first. One that failed is over: the next
    one is the next time. One that couldn't begin, or was stopped, is still due.

    Args:
        settings: where the home and the project are.
        run: runs a pipeline for a request and returns the record of the run.
        log: takes a line for each thing that happens.
        clock: what tells the time.
    """

    def __init__(
        self,
        settings: Settings,
        run: RunDue,
        log: Callable[[str], None],
        clock: Clock | None = None,
    ) -> None:
        self._run, self._clock = run, clock or SystemClock()
        self._log = lambda text: log(f"{self._clock.now():%Y-%m-%d %H:%M:%S}Z {text}")
        self.timetable = Timetable(settings, self._log)
        self._settings = settings
        self._turns: dict[str, int] = {}
        self._put_off: dict[str, tuple[datetime, float]] = {}
        self.failed = 0
        self.runs = 0

    def work(self, *, once: bool = False) -> None:
        """Run what is due, again and again; with ``once`` until nothing is due any more.

        Raises:
            UsageError: another scheduler works in this home.
            Stopped: a signal ended it; ``run`` is there if one was under way.
        """
        with alone(self._settings):
            last_line = ""
            while True:
                if (due := self._next()) is not None:
                    self._start(due)
                    continue
                if once:
                    return
                text, seconds = self._ahead()
                if text != last_line:
                    self._log(last_line := text)
                self._clock.wait(seconds)

    def _next(self) -> Due | None:
        now = self._clock.now()
        found = [
            due
            for due in self.timetable.due(now)
            if (put_off := self._put_off.get(due.pipeline.name)) is None or put_off[0] <= now
        ]
        return min(found, key=lambda due: self._turns.get(due.pipeline.name, 0), default=None)

    def _start(self, due: Due) -> None:
        name = due.pipeline.name
        self.runs += 1
        self._turns[name] = self.runs
        self._log(f"{name}: {due.why}")
        try:
            run = self._run(due.pipeline, due.request)
        except WorkbenchError as problem:
            _, seconds = self._put_off.get(name, (None, _PUT_OFF / 2))
            seconds = min(2 * seconds, _LONGEST)
            self._put_off[name] = (self._clock.now() + timedelta(seconds=seconds), seconds)
            self.failed += 1
            self._log(f"{name} couldn't begin, it is tried again in {seconds:.0f} s: {problem}")
            return
        self._put_off.pop(name, None)
        self.timetable.done(due)
        self.failed += run.state != "succeeded"
        error = f": {run.error}" if run.error else ""
        self._log(f"{name} {run.state} in {run.seconds or 0:.1f} s, run {run.run_id}{error}")

    def _ahead(self) -> tuple[str, float]:
        """Return what comes next, and how many seconds to wait until the next look."""
        now = self._clock.now()
        coming = [
            (timestamp, pipeline.name, pipeline.schedule)
            for pipeline in self.timetable.pipelines()
            if pipeline.schedule and (timestamp := next_time(pipeline.schedule, now)) is not None
        ]
        if not coming:
            return "waiting for what pipelines follow", LOOK
        timestamp, name, schedule = min(coming, key=lambda each: each[:2])
        wait = min(LOOK, max(0.05, (timestamp - now).total_seconds()))
        return f"next by the clock: {name} at {shown(timestamp, schedule)}", wait


@contextlib.contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Be the only scheduler of a home meanwhile.

    Raises:
        UsageError: there is one already.
    """
    private_folder(settings.home)
    with _lock(settings).open("a+") as file:
        if not _taken(file):
            file.seek(0)
            raise UsageError(
                f"a scheduler works here already, process {file.read().strip() or 'unknown'}"
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def working(settings: Settings) -> bool:
    """Whether a scheduler works in this home; to be asked by another process than that."""
    if not _lock(settings).is_file():
        return False
    # Read only, as the whole home may be.
    with _lock(settings).open() as file:
        return not _taken(file, fcntl.LOCK_SH)


def _lock(settings: Settings) -> Path:
    return settings.home / "schedule.lock"


def _taken(file: TextIO, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        # Of this process alone: a notebook's process that outlives it doesn't hold it.
        fcntl.lockf(file, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
