"""Where records of runs are kept: a JSON file beside each run's notebooks, current while it runs."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import secrets
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import psutil

from workbench.errors import UsageError, WorkFailed, unknown
from workbench.execution.records.model import Run, now
from workbench.files import write_text
from workbench.settings import Settings

RECORD = "run.json"
UNREADABLE = "?"
_LOOKED_AT = 200
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6,40}")
_going_on: set[str] = set()
_KEPT = 128


def new_run(pipeline: str, settings: Settings, **facts: Any) -> Run:
    """Return a record of this process for a run that is about to start, with a fresh identity."""
    return Run(
        run_id=facts.pop("run_id", None) or fresh_id(),
        pipeline=pipeline,
        pid=os.getpid(),
        pid_created=psutil.Process().create_time(),
        host=platform.node(),
        code_version=code_version(settings.root),
        recorded=False,
        **facts,
    )


def fresh_id() -> str:
    """Return an identity that no run has; later ones sort after it."""
    timestamp = now()
    # In order of time within the second, too: what is newest is told by its name.
    return f"{timestamp:%Y%m%dT%H%M%SZ}-{timestamp.microsecond * 4096 // 1_000_000:03x}{secrets.token_hex(2)[:3]}"


def begun_at(run_id: str) -> datetime:
    """Return the second in which the identity of a run, or of a stage's in it, was given out."""
    return datetime.strptime(run_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def unused_id(run_id: str, settings: Settings) -> str:
    """Return an identity that a caller chose for a run.

    Raises:
        UsageError: it isn't of the form of one, or there is such a run.
    """
    if not _RUN_ID.fullmatch(run_id):
        raise UsageError(f"a run's id has the form 20260131T020000Z-0123ab, not {run_id!r}")
    if (settings.runs / run_id).exists():
        raise UsageError(f"there is a run {run_id} already")
    return run_id


@contextlib.contextmanager
def going_on(run: Run) -> Iterator[None]:
    """Have a run of this process taken for alive meanwhile."""
    _going_on.add(run.run_id)
    try:
        yield
    finally:
        _going_on.discard(run.run_id)


@cache
def code_version(folder: Path) -> str | None:
    """Return the git commit of a folder, with ``-dirty`` if files differ from it; None if there is none."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def save(run: Run, settings: Settings) -> Path:
    """Write the record of a run; return its file.

    Raises:
        WorkFailed: it can't be written.
    """
    path = settings.runs / run.run_id / RECORD
    try:
        write_text(path, run.model_dump_json(indent=2) + "\n")
    except OSError as error:
        raise WorkFailed(f"can't write the record of a run, {path}: {error.strerror or error}") from None
    return path


def run_ids(settings: Settings) -> list[str]:
    """Return the names of the folders of runs, newest first; one that is just made may have no record yet."""
    try:
        with os.scandir(settings.runs) as entries:
            return sorted((each.name for each in entries if not each.name.startswith(".")), reverse=True)
    except FileNotFoundError:
        return []


def read_run(run_id: str, settings: Settings) -> Run:
    """Return the record of a run by its id, by the beginning of it, or of the newest by ``latest``.

    A run whose process is gone without a word is ``lost``, and so is the stage it was in.

    Raises:
        UsageError: there is no such run, several begin so, or its record can't be read.
    """
    if run_id == "latest":
        newest = next((run for run in iterate_runs(settings) if run.pipeline != UNREADABLE), None)
        if newest is None:
            raise unknown("run", run_id, [])
        return newest
    known = run_ids(settings)
    found = [run_id] if run_id in known else [name for name in known if run_id and name.startswith(run_id)]
    if len(found) > 1:
        raise UsageError(f"{len(found)} runs begin with {run_id!r}: {', '.join(sorted(found)[:5])}")
    if not found:
        raise unknown("run", run_id, known[:10])
    path = settings.runs / found[0] / RECORD
    try:
        return _read(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"can't read {path}: {_reason(error)}") from None


def find_unfinished(run_id: str, pipeline: str, settings: Settings) -> Run:
    """Return the record of a run that can be gone on with; ``latest`` is the newest of the pipeline.

    Raises:
        UsageError: there is no such run, it is another pipeline's, it succeeded, or it is still running.
    """
    if run_id == "latest":
        mine = (run for run in iterate_runs(settings) if run.pipeline == pipeline and run.kind == "pipeline")
        found = next(mine, None)
        if found is None:
            raise UsageError(f"{pipeline} has never run, so there is nothing to go on with")
    else:
        found = read_run(run_id, settings)
    if found.pipeline != pipeline or found.kind != "pipeline":
        raise UsageError(f"run {found.run_id} is of {found.kind} {found.pipeline}, not of {pipeline}")
    if found.state in ("succeeded", "running"):
        raise UsageError(
            f"run {found.run_id} {found.state.replace('running', 'is running')}; go on with a failed one"
        )
    return found


def list_runs(settings: Settings, limit: int | None = None) -> list[Run]:
    """Return the records of runs, newest first; see :func:`iterate_runs`."""
    return list(islice(iterate_runs(settings), limit))


def iterate_runs(settings: Settings) -> Iterator[Run]:
    """Yield the records of runs, newest first.

    One that can't be read is that of a lost run of the pipeline ``UNREADABLE``; its error says why.
    """
    for name in run_ids(settings):
        path = settings.runs / name / RECORD
        try:
            yield _read(path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, ValueError) as error:
            timestamp = _moment(path)
            yield Run(
                run_id=name, pipeline=UNREADABLE, state="lost", started_at=timestamp, finished_at=timestamp,
                error=f"can't read {path}: {_reason(error)}",
            )  # fmt: skip


def list_open(settings: Settings) -> list[Run]:
    """Return the records, of runs whose process is gone, that still say ``running`` or aren't written everywhere."""
    found = []
    for name in run_ids(settings)[:_LOOKED_AT]:
        path = settings.runs / name / RECORD
        with contextlib.suppress(OSError, ValueError):
            content = path.read_bytes()
            if b'"state": "running"' not in content and b'"recorded": false' not in content:
                continue
            run = _read(path)
            if not run.recorded and run.host == platform.node() and not _alive(run):
                found.append(run)
    return found


def _read(path: Path) -> Run:
    run = _parse(path, *_version(path))
    run = run.model_copy(deep=run.state == "running" or not run.recorded)
    if run.state == "running" and run.host == platform.node() and not _alive(run):
        # It may have ended, and said so, since the record was read; from now on it says nothing any more.
        run = Run.model_validate_json(path.read_bytes())
        if run.state == "running":
            run.state, run.error, run.recorded = "lost", f"process {run.pid} ended without a word", False
            for stage in run.stages:
                stage.state = {"running": "lost", "waiting": "not_run"}.get(stage.state, stage.state)  # type: ignore[assignment]
    return run


def _version(path: Path) -> tuple[int, int, int]:
    facts = path.stat()
    return facts.st_mtime_ns, facts.st_size, facts.st_ino


@lru_cache(_KEPT)
def _parse(path: Path, *version: int) -> Run:
    """Return what a record's file says; of hundreds of records few change from one look to the next."""
    return Run.model_validate_json(path.read_bytes())


def _alive(run: Run) -> bool:
    if run.pid == os.getpid():
        return run.run_id in _going_on
    try:
        process = psutil.Process(run.pid)
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - run.pid_created) < 2
    except (psutil.Error, ValueError, OverflowError):
        return False


def _moment(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except (OSError, ValueError, OverflowError):
        return None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or " ".join(str(error).split("\n")[:2]) or type(error).__name__
