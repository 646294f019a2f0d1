"""Where records of runs are kept: a JSON file beside each run's notebooks, current while it runs."""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import psutil
from pydantic import ValidationError

from workbench.errors import UsageError, unknown
from workbench.execution.run_record import Run, StageRun, State, now
from workbench.settings import Settings

RECORD = "run.json"
_LOOKED_AT = 200


def new_run(pipeline: str, settings: Settings, **facts: Any) -> Run:
    """Return a record of this process for a run that is about to start, with a fresh identity."""
    moment = now()
    # In order of time within the second, too: what is newest is told by its name.
    fresh = f"{moment:%Y%m%dT%H%M%SZ}-{moment.microsecond * 4096 // 1_000_000:03x}{secrets.token_hex(2)[:3]}"
    return Run(
        run_id=facts.pop("run_id", fresh),
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
    name = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    # Few calls: after each, a thread waits for its turn as long as another renders pages.
    try:
        handle = os.open(name, flags, 0o644)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(name, flags, 0o644)
    try:
        try:
            view = memoryview(text.encode())
            while view:
                view = view[os.write(handle, view) :]
        finally:
            os.close(handle)
        name.replace(path)
    except BaseException:
        name.unlink(missing_ok=True)
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


def find_unfinished(run_id: str, pipeline: str, settings: Settings) -> Run:
    """Return the record of a run that can be gone on with; ``latest`` is the newest of the pipeline.

    Raises:
        UsageError: there is no such run, it is another pipeline's, it succeeded, or it is still running.
    """
    if run_id == "latest":
        mine = [run for run in list_runs(settings) if run.pipeline == pipeline and run.kind == "pipeline"]
        if not mine:
            raise UsageError(f"{pipeline} has never run, so there is nothing to go on with")
        found = mine[0]
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
    """Return the records of runs, newest first; records that can't be read are left out."""
    names = sorted((path.parent.name for path in settings.runs.glob(f"*/{RECORD}")), reverse=True)
    runs = []
    for name in names[:limit]:
        try:
            runs.append(read_run(name, settings))
        except UsageError:
            continue
    return runs


def list_lost(settings: Settings) -> list[Run]:
    """Return the records that still say ``running`` of runs whose process is gone."""
    found = []
    for path in sorted(settings.runs.glob(f"*/{RECORD}"), reverse=True)[:_LOOKED_AT]:
        with contextlib.suppress(OSError, ValidationError):
            content = path.read_bytes()
            if (
                b'"running"' in content
                and (run := _with_lost(Run.model_validate_json(content))).state == "lost"
            ):
                found.append(run)
    return found


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


__all__ = [
    "RECORD", "Run", "StageRun", "State",
    "code_version", "find_unfinished", "list_lost", "list_runs", "new_run", "now", "read_run", "save", "write_text",
]  # fmt: skip
