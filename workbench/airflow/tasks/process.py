"""A stage as a process beside Airflow, and how it ended."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from workbench.airflow import REPORTS
from workbench.aws.ecs.task import stage_command
from workbench.execution.records.model import Run
from workbench.execution.records.store import RECORD
from workbench.settings import Settings

_GRACE = 30
PREFIX = "workbench: "


@dataclass(frozen=True)
class Ended:
    """How the run of one stage ended; ``record`` is None if it never began, or its record is lost.

    ``usage_error`` says that the call was wrong, so that another would be too.
    """

    run_id: str
    ok: bool
    error: str
    record: Run | None
    usage_error: bool = False

    def links(self, settings: Settings) -> dict[str, str]:
        """Return where the stage's report is, and its run in MLflow, as far as they are anywhere."""
        stage = self.record.stages[0] if self.record and self.record.stages else None
        found = {}
        if stage and stage.report:
            report = Path(stage.report)
            found["report"] = f"{reports_url(settings)}/{quote(report.parent.name)}/{quote(report.name)}"
        if stage and stage.mlflow_run_ids and (link := _mlflow_link(settings, stage.mlflow_run_ids[0])):
            found["mlflow"] = link
        return found


def reports_url(settings: Settings) -> str:
    """Return where reports are served: as the settings say, else by Airflow's own server."""
    if settings.reports_url:
        return settings.reports_url.rstrip("/")
    from airflow.sdk import conf

    return f"{str(conf.get('api', 'base_url', fallback='')).rstrip('/')}{REPORTS}"


def run_here(
    settings: Settings,
    pipeline: str,
    stage: str,
    values: Mapping[str, Any],
    run_id: str,
    log: Callable[[str], None],
    stop: threading.Event,
) -> Ended:
    """Run a stage in a process of its own; it ends when this one does, or when ``stop`` is set."""
    program = shlex.split(settings.stage_program) or [sys.executable, "-m", "workbench.cli"]
    command = [*program, *stage_command(pipeline, stage, values, if_changed=True)[1:], "--run-id", run_id]
    log(shlex.join(command))
    last = ""
    # As a process of its own: what a notebook does to its process stays there, and Airflow's environment needs none of
    # the libraries that stages do.
    with tempfile.TemporaryFile() as answer:
        process = subprocess.Popen(
            [*command, "--json"],
            stdin=subprocess.DEVNULL,
            stdout=answer,
            stderr=subprocess.PIPE,
            env=_environment(),
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=partial(_end_with, os.getpid()),
        )
        threading.Thread(target=_watch, args=(process, stop, os.getppid()), daemon=True).start()
        try:
            for line in process.stderr or ():
                log(line.rstrip("\n"))
                last = line.strip() or last
            status = process.wait()
        except BaseException:
            # Nobody reads on: it is run anew, and not beside itself.
            _end(process)
            raise
        answer.seek(0)
        record = _record(answer.read()) or _kept(settings, run_id)
    error = last.removeprefix(PREFIX) if last.startswith(PREFIX) else ""
    error = error or (record.error if record else None) or f"the process ended with status {status}"
    return Ended(run_id, status == 0, error, record, usage_error=status == 2)


def _end_with(parent: int) -> None:
    from workbench.execution.kernels.fork.linux import set_death_signal

    set_death_signal(parent, signal.SIGTERM)


def _watch(process: subprocess.Popen[str], stop: threading.Event, worker: int) -> None:
    """End the process when it is to stop, or when the worker that reports on this one is gone."""
    while process.poll() is None:
        if stop.wait(0.5) or os.getppid() != worker:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _environment() -> dict[str, str]:
    """Return the environment without Airflow's own variables: a notebook has no business with its secrets."""
    theirs = ("AIRFLOW", "_AIRFLOW", "WORKBENCH_AIRFLOW_PASSWORD")
    return {name: value for name, value in os.environ.items() if not name.startswith(theirs)}


def _record(content: bytes) -> Run | None:
    try:
        return Run.model_validate_json(content)
    except ValueError:
        return None


def _kept(settings: Settings, run_id: str) -> Run | None:
    path = settings.runs / run_id / RECORD
    try:
        return Run.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None


def _mlflow_link(settings: Settings, run_id: str) -> str | None:
    """Return the page of a run in MLflow, if there is a server that shows it."""
    import urllib.request

    uri = settings.mlflow_tracking_uri.rstrip("/")
    if not uri.startswith(("http://", "https://")):
        return None
    page = f"{uri}/api/2.0/mlflow/runs/get?run_id={quote(run_id)}"
    try:
        with urllib.request.urlopen(page, timeout=5) as answer:  # noqa: S310  the scheme is checked
            experiment = json.load(answer)["run"]["info"]["experiment_id"]
    except (OSError, ValueError, KeyError):
        return None
    return f"{uri}/#/experiments/{experiment}/runs/{run_id}"
