"""The record of a run: a JSON file beside its notebooks, kept current while it runs."""

from __future__ import annotations

import os
import platform
import secrets
import subprocess
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import psutil
from pydantic import BaseModel, ValidationError, computed_field

from workbench.errors import UsageError, unknown
from workbench.settings import Settings

State = Literal["waiting", "running", "succeeded", "failed", "stopped", "not_run", "lost"]
RECORD = "run.json"


class _Timed(BaseModel):
    state: State = "waiting"
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: str | None = None
    report: Path | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def seconds(self) -> float | None:
        """Wall time; up to now while it runs."""
        if self.started_at is None or (self.finished_at is None and self.state != "running"):
            return None
        return round(((self.finished_at or now()) - self.started_at).total_seconds(), 3)

    def begin(self) -> None:
        """Note that it runs from now on."""
        self.state, self.started_at = "running", now()

    def end(self, state: State, error: str | None = None) -> None:
        """Note how it ended, now."""
        self.state, self.error, self.finished_at = state, error, now()


class StageRun(_Timed):
    """One notebook of a run: how it went, what it was called with and what it handed back.

    ``source`` is the notebook as it was found, ``output`` the executed one. ``timings`` are seconds of own
    work by kind; ``tables`` maps each table written to its rows.
    """

    name: str
    source: Path
    output: Path | None = None
    attempts: int = 0
    parameters: dict[str, Any] = {}
    counts: dict[str, int | None] = {}
    tables: dict[str, int] = {}
    metrics: dict[str, float | None] = {}
    timings: dict[str, float] = {}

    @property
    def rows(self) -> int | None:
        """Rows in the tables it says it wrote."""
        return sum(self.tables.values()) if self.tables else None


class Run(_Timed):
    """One run of a pipeline, or of a single notebook."""

    run_id: str
    pipeline: str
    kind: Literal["pipeline", "notebook"] = "pipeline"
    stages: list[StageRun] = []
    parameters: dict[str, Any] = {}
    pid: int = 0
    pid_created: float = 0.0
    host: str = ""
    executor: str = "local"
    code_version: str | None = None

    @property
    def rows(self) -> int | None:
        """Rows in the tables its stages say they wrote."""
        known = [stage.rows for stage in self.stages if stage.rows is not None]
        return sum(known) if known else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def timings(self) -> dict[str, float]:
        """Seconds of own work by kind, over all stages."""
        total: dict[str, float] = {}
        for stage in self.stages:
            for kind, value in stage.timings.items():
                total[kind] = round(total.get(kind, 0.0) + value, 4)
        return total


def now() -> datetime:
    """Return the present moment, UTC."""
    return datetime.now(UTC)


def new_run(pipeline: str, settings: Settings, **facts: Any) -> Run:
    """Return a record of this process for a run that is about to start, with a fresh identity."""
    moment = now()
    return Run(
        run_id=f"{moment:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
        pipeline=pipeline,
        pid=os.getpid(),
        pid_created=psutil.Process().create_time(),
        host=platform.node(),
        code_version=code_version(settings.root),
        **facts,
    )


@cache
def code_version(folder: Path) -> str | None:
    """Return the git commit of a folder, with ``-dirty`` if files differ from it; None if there is none."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def write_text(path: Path, text: str) -> None:
    """Write a file at once: a reader sees the old one or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def save(run: Run, settings: Settings) -> Path:
    """Write the record of a run; return its file."""
    path = settings.runs / run.run_id / RECORD
    write_text(path, run.model_dump_json(indent=2) + "\n")
    return path


def read_run(run_id: str, settings: Settings) -> Run:
    """Return the record of a run by its id, by the beginning of it, or of the newest by ``latest``.

    A run whose process is gone without a word is ``lost``, and so is the stage it was in.

    Raises:
        UsageError: there is no such run, several begin so, or its record can't be read.
    """
    known = sorted(path.parent.name for path in settings.runs.glob(f"*/{RECORD}"))
    if run_id == "latest" and known:
        found = known[-1:]
    else:
        found = (
            [run_id] if run_id in known else [name for name in known if run_id and name.startswith(run_id)]
        )
    if len(found) > 1:
        raise UsageError(f"{len(found)} runs begin with {run_id!r}: {', '.join(found[:5])}")
    if not found:
        raise unknown("run", run_id, known[-10:])
    path = settings.runs / found[0] / RECORD
    try:
        return _with_lost(Run.model_validate_json(path.read_bytes()))
    except (OSError, ValidationError) as error:
        raise UsageError(f"can't read {path}: {str(error).splitlines()[0]}") from None


def list_runs(settings: Settings, limit: int | None = None) -> list[Run]:
    """Return the records of runs, newest first; records that can't be read are left out."""
    names = sorted((path.parent.name for path in settings.runs.glob(f"*/{RECORD}")), reverse=True)
    runs = []
    for name in names[:limit]:
        try:
            runs.append(read_run(name, settings))
        except UsageError:
            continue
    return runs


def _with_lost(run: Run) -> Run:
    if run.state == "running" and run.host == platform.node() and not _alive(run):
        run.state, run.error = "lost", f"process {run.pid} ended without a word"
        for stage in run.stages:
            stage.state = {"running": "lost", "waiting": "not_run"}.get(stage.state, stage.state)  # type: ignore[assignment]
    return run


def _alive(run: Run) -> bool:
    try:
        process = psutil.Process(run.pid)
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - run.pid_created) < 2
    except psutil.Error:
        return False
