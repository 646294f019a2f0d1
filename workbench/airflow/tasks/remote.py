"""A stage as a task on ECS, one for each attempt, whatever becomes of Airflow's worker meanwhile."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from workbench.airflow.tasks.process import PREFIX, Ended
from workbench.aws.ecs.fargate import Prices
from workbench.aws.ecs.run_task import run_task, stage_command
from workbench.aws.ecs.stage_task import require_settings, stage_task
from workbench.aws.shared_runs import SharedRuns
from workbench.errors import WorkbenchError
from workbench.execution.pipeline.pipeline import Pipeline
from workbench.execution.records.model import Run
from workbench.execution.records.store import RECORD
from workbench.settings import Settings

_LAST_LINES = 10


def token_of(ti: Any, number: int) -> str:
    """Return what names one attempt of a task of Airflow among all there are."""
    parts = (ti.dag_id, ti.run_id, ti.task_id, str(ti.map_index), str(number))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def run_on_ecs(
    settings: Settings,
    pipeline: Pipeline,
    stage: str,
    values: Mapping[str, Any],
    run_id: str,
    token: str,
    log: Callable[[str], None],
    stop: threading.Event,
) -> Ended:
    """Run a stage as the task of a token, or follow that task if it is there; see its lines in the log."""
    require_settings(settings)
    command = stage_command(pipeline.name, stage, values, if_changed=True)
    command += ["--run-id", run_id]
    spec = stage_task(
        settings,
        pipeline.name,
        stage,
        pipeline.stages[stage].size,
        command,
        run_id,
        {"WORKBENCH_RUNS_URI": settings.runs_uri},
    )
    last: deque[str] = deque(maxlen=_LAST_LINES)

    def line(text: str) -> None:
        last.append(text)
        log(text)

    result = run_task(
        replace(spec, token=token),
        on_line=line,
        stop=stop,
        poll=settings.ecs_poll,
        prices=Prices(settings.fargate_price_cpu, settings.fargate_price_memory),
    )
    log(f"task {result.task_arn}: {result.outcome}, {result.seconds:.0f} s, {result.cost} US dollars")
    record = None
    with contextlib.suppress(WorkbenchError, ValueError):
        content = SharedRuns(settings.runs_uri).read(f"runs/{run_id}/{RECORD}")
        record = Run.model_validate_json(content) if content else None
    said = next((text.removeprefix(PREFIX) for text in reversed(last) if text.startswith(PREFIX)), "")
    error = ": ".join(filter(None, (result.reason, said or "\n".join(last))))
    return Ended(run_id, result.ok, error, record, usage_error=result.exit_code == 2)
