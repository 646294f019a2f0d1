"""What is due: the schedules of the project's pipelines against what was done, kept in ``home/schedule.json``."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from workbench.errors import WorkbenchError
from workbench.execution.pipeline.graph import LANDING
from workbench.execution.pipeline.pipeline import Pipeline, find_pipelines, load_pipeline
from workbench.execution.pipeline.schedule import COUNTED, due_times, latest_time
from workbench.execution.pipeline.stage import Schedule
from workbench.execution.records.store import list_runs
from workbench.execution.run.skipping.left_files import listing
from workbench.execution.scheduling.following import Following
from workbench.files import files_below, write_text
from workbench.settings import Settings
from workbench.warehouse import connect

# A time that is longer ago than this was missed.
LATE = timedelta(hours=1)
_RECENT = 200
_SETTLE = 1.0


class Entry(BaseModel):
    """How far the scheduler is with one pipeline: times up to ``since`` are done, and so are ``requests``."""

    schedule: str
    since: datetime
    requests: dict[str, str] = {}


@dataclass(frozen=True)
class Due:
    """A run to start: ``request`` is its identity, ``why`` what a person reads, ``since`` when it fell due."""

    pipeline: Pipeline
    request: str
    why: str
    since: datetime


class Timetable:
    """Knows what is due and what was done; both survive a kill at any moment.

    A request is done once a run that bears it has ended, well or not; a run that was stopped or killed isn't an end.
    The file is written after that, so what a crash leaves behind is found in the records of runs.

    Args:
        settings: where the home and the project are.
        log: takes a line for what is wrong or was left out, each thing once.
    """

    def __init__(self, settings: Settings, log: Callable[[str], None]) -> None:
        self.settings, self._log = settings, log
        self._logged: set[str] = set()
        self._path = settings.home / "schedule.json"
        self._entries = self._read()

    def pipelines(self) -> list[Pipeline]:
        """Return the project's pipelines; one whose map is wrong is told of and left out."""
        found = []
        for name in find_pipelines(self.settings):
            try:
                found.append(load_pipeline(name, self.settings))
            except WorkbenchError as problem:
                self.tell(f"left out: {problem}")
        return found

    def tell(self, text: str) -> None:
        """Say something, but only once."""
        if text not in self._logged:
            self._logged.add(text)
            self._log(text)

    def missed(self, pipeline: Pipeline, now: datetime) -> int | None:
        """Return how many times have gone by without a run; None if no scheduler ever saw this schedule.

        It counts up to ``COUNTED``.
        """
        schedule, entry = pipeline.schedule, self._entries.get(pipeline.name)
        if schedule is None or entry is None or entry.schedule != _text(schedule):
            return None
        return len(due_times(schedule, entry.since, now))

    def due(self, now: datetime) -> list[Due]:
        """Return what is to be run now, at most one thing a pipeline, in the order in which it fell due."""
        pipelines = self.pipelines()
        following = Following(pipelines)
        for name, lost in following.unwritten.items():
            self.tell(f"{name} follows {', '.join(lost)}, which no other pipeline writes")
        found = []
        for pipeline in pipelines:
            if pipeline.schedule is None:
                continue
            entry = self._entry(pipeline, pipeline.schedule, now)
            due = (
                self._by_clock(pipeline, pipeline.schedule, entry, now)
                or self._landed(pipeline, pipeline.schedule, entry, now)
                or self._follows(pipeline, entry, following, now)
            )
            found += [due] if due else []
        return sorted(found, key=lambda due: due.since)

    def done(self, due: Due) -> None:
        """Note that a request is done, whatever came of it."""
        entry = self._entries[due.pipeline.name]
        kind, _, what = due.request.partition(" ")
        if kind == "schedule":
            entry.since = max(entry.since, due.since)
        else:
            entry.requests[kind] = what
        self._write()

    def _entry(self, pipeline: Pipeline, schedule: Schedule, now: datetime) -> Entry:
        """Return how far a pipeline is; one that is new, or has another schedule, counts from now on."""
        text, entry = _text(schedule), self._entries.get(pipeline.name)
        if entry is None:
            entry = self._entries[pipeline.name] = Entry(schedule=text, since=now)
            self._write()
        elif entry.schedule != text or entry.since > now + LATE:
            reason = "has another schedule" if entry.schedule != text else "was done ahead of this clock"
            self._log(f"{pipeline.name} {reason}; it counts from now on")
            entry.schedule, entry.since = text, now
            self._write()
        return entry

    def _by_clock(self, pipeline: Pipeline, schedule: Schedule, entry: Entry, now: datetime) -> Due | None:
        while (timestamp := latest_time(schedule, entry.since, now)) is not None:
            if schedule.missed == "all":
                timestamp = due_times(schedule, entry.since, now, limit=1)[0]
            others = len(due_times(schedule, entry.since, now)) - 1
            more = ""
            if others:
                more = (
                    f", {_times(others)} more to go"
                    if schedule.missed == "all"
                    else f", {_times(others)} before it missed"
                )
            due = Due(
                pipeline,
                f"schedule {timestamp:%Y-%m-%dT%H:%M}Z",
                f"due {shown(timestamp, schedule)}{more}",
                timestamp,
            )
            if self._has_run(due):
                self.done(due)
            elif schedule.missed == "skip" and now - timestamp > LATE:
                self._log(f"{pipeline.name}: {_times(others + 1)} missed, and its map says missed: skip")
                self.done(due)
            else:
                return due
        return None

    def _landed(self, pipeline: Pipeline, schedule: Schedule, entry: Entry, now: datetime) -> Due | None:
        """Return a run for what has landed, once nothing in there changes any more."""
        if LANDING not in schedule.on:
            return None
        place = self.settings.landing_place
        if place.startswith("s3://"):
            self.tell(
                f"{pipeline.name} follows landing; what lands in {place} is taken in by: workbench worker"
            )
            return None
        folder = self.settings.landing
        files = [path for path in files_below(folder) if not path.name.startswith(".")]
        youngest = max((_changed(path) for path in files), default=0.0)
        if not files or 0 <= time.time() - youngest < _SETTLE:
            return None
        due = Due(pipeline, f"{LANDING} {listing(folder)}", f"files landed in {folder}", now)
        return None if self._was_done(entry, due) else due

    def _follows(self, pipeline: Pipeline, entry: Entry, following: Following, now: datetime) -> Due | None:
        if pipeline.name not in following.writers:
            return None
        try:
            cause = following.cause(connect(self.settings.warehouse, create=True), pipeline.name)
        except WorkbenchError as problem:
            self._log(f"can't see for now what {pipeline.name} follows: {problem}")
            return None
        if cause is None:
            return None
        due = Due(pipeline, f"after {cause}", f"due after {cause}", now)
        return None if self._was_done(entry, due) else due

    def _was_done(self, entry: Entry, due: Due) -> bool:
        kind, _, what = due.request.partition(" ")
        if entry.requests.get(kind) == what:
            return True
        if self._has_run(due):
            self.done(due)
            return True
        return False

    def _has_run(self, due: Due) -> bool:
        """Whether the records know of an end of it: the last scheduler was killed before it noted that."""
        return any(
            run.pipeline == due.pipeline.name
            and run.request == due.request
            and run.state in ("succeeded", "failed")
            for run in list_runs(self.settings, _RECENT)
        )

    def _read(self) -> dict[str, Entry]:
        try:
            content = json.loads(self._path.read_text())
            return {name: Entry.model_validate(entry) for name, entry in content.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError, ValidationError) as problem:
            self._log(f"can't read {self._path}, so every pipeline counts from now on: {problem}")
            return {}

    def _write(self) -> None:
        content = {name: entry.model_dump(mode="json") for name, entry in sorted(self._entries.items())}
        write_text(self._path, json.dumps(content, indent=2) + "\n", durable=True)


def shown(timestamp: datetime, schedule: Schedule) -> str:
    """Return a moment as a person reads it, in the schedule's time zone."""
    return f"{timestamp.astimezone(ZoneInfo(schedule.timezone)):%Y-%m-%d %H:%M} {schedule.timezone}"


def _text(schedule: Schedule) -> str:
    return f"{schedule.cron or ''} {schedule.timezone}".strip()


def _times(count: int) -> str:
    return "1 time" if count == 1 else f"{COUNTED} times or more" if count >= COUNTED else f"{count} times"


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
