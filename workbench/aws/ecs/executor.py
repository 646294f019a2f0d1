"""Stages of a run as tasks on ECS: started, followed, and their notebooks and records brought home."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from workbench.aws.ecs.fargate import Prices
from workbench.aws.ecs.run_task import TaskResult, TaskSpec, run_task, stage_command
from workbench.aws.ecs.stage_task import require_settings, stage_task
from workbench.aws.shared_runs import PARTS, SharedRuns
from workbench.errors import WorkbenchError
from workbench.execution.notebook.notebook import Access, Outcome, Prepared, find_record
from workbench.execution.notebook.reading import read_notebook
from workbench.execution.parameters.literals import to_json_value
from workbench.execution.records.mlflow_parent import PARENT
from workbench.execution.records.model import Run, StageRun
from workbench.execution.records.store import RECORD
from workbench.execution.run.remote import RunContext
from workbench.terminal import tell

# Names the run whose stage a task executes.
STAGE_OF = "WORKBENCH_STAGE_OF"
_REASONS: dict[str, Any] = {"out_of_memory": "memory", "stopped": "stopped", "failed": "error"}


class EcsExecutor:
    """Executes stages of one run as tasks on ECS Fargate; methods may be called from any thread.

    A task runs the command line of a laptop. It leaves its notebook and record below ``WORKBENCH_RUNS_URI``,
    from where they are taken over.

    Args:
        place: the run.

    Raises:
        UsageError: a setting is missing.
    """

    def __init__(self, context: RunContext) -> None:
        self._context, self._settings = context, context.settings
        require_settings(self._settings)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._tried: Counter[str] = Counter()
        self._cost: dict[str, Decimal] = {}

    def stop(self) -> None:
        """Stop the tasks."""
        self._stop.set()

    def execute(self, prepared: Prepared, output: Path) -> Outcome:
        """Execute a notebook as a task; keep it, as far as it got, at ``output``."""
        with self._lock:
            self._tried[prepared.name] += 1
        handed = f"{PARTS}/{self._context.run.run_id}/{prepared.name}/{self._tried[prepared.name]}"
        shared = SharedRuns(f"{self._settings.runs_uri.rstrip('/')}/{handed}")
        with output.with_suffix(".log").open("a", encoding="utf-8") as log:
            lines = _Lines(prepared, log)
            result = run_task(
                self._spec(prepared, shared),
                on_line=lines.line,
                stop=self._stop,
                poll=self._settings.ecs_poll,
                prices=Prices(self._settings.fargate_price_cpu, self._settings.fargate_price_memory),
            )
        with self._lock:
            self._cost[prepared.name] = self._cost.get(prepared.name, Decimal(0)) + result.cost
            cost = float(self._cost[prepared.name])
        return self._outcome(prepared, output, shared, result, lines.problem, cost)

    def _spec(self, prepared: Prepared, shared: SharedRuns) -> TaskSpec:
        settings, name = self._settings, prepared.name.partition("[")[0]
        stage = self._context.pipeline.stages[name]
        chosen = {*self._context.run.overrides, *stage.sources, *stage.over}
        values = {each: to_json_value(value) for each, value in prepared.values.items() if each in chosen}
        run_id = self._context.run.run_id
        environment = {
            STAGE_OF: run_id,
            "WORKBENCH_RUNS_URI": shared.uri,
            "WORKBENCH_MLFLOW_RUNS": "false",
        }
        if parent := self._context.extra.get(PARENT):
            environment[PARENT] = parent
        return stage_task(
            settings,
            self._context.pipeline.name,
            name,
            stage.size,
            stage_command(self._context.pipeline.name, name, values),
            run_id,
            environment,
        )

    def _outcome(
        self,
        prepared: Prepared,
        output: Path,
        shared: SharedRuns,
        result: TaskResult,
        message: str,
        cost: float,
    ) -> Outcome:
        """Take over what a task left, and say how it ended."""
        record, node, trouble = None, None, ""
        try:
            record = self._take_over(prepared, output, shared)
            node = read_notebook(output) if output.is_file() else None
        except WorkbenchError as problem:
            trouble = str(problem)
        reason: Any = _REASONS.get(result.outcome, "died")
        error: str | None = result.reason + (f": {message}" if message else "")
        if record is not None and record.state == "succeeded" and result.ok:
            error, reason = None, "done"
        elif result.ok:
            error, reason = trouble or f"the task left no record at {shared.uri}", "died"
        elif record is not None and record.error and result.outcome == "failed":
            error, reason = record.error, record.reason or "error"
        return Outcome(
            node,
            prepared.redactor.text(error) if error else None,
            find_record(node) if node else {},
            reason=reason,
            usage=_usage(record),
            cells=tuple(record.cell_seconds) if record else (),
            process_kind="ecs",
            why=result.task_arn,
            cost=cost,
            access=_access(record),
        )

    def _take_over(self, prepared: Prepared, output: Path, shared: SharedRuns) -> StageRun | None:
        """Bring a stage's notebook home; return its record, or None if it left none."""
        run_id = self._context.run.run_id
        content = shared.read(f"runs/{run_id}/{RECORD}")
        if content is None:
            return None
        (record,) = Run.model_validate_json(content).stages
        if record.notebook and (notebook := shared.read(f"runs/{run_id}/{record.notebook.name}")) is not None:
            output.write_bytes(notebook)
        # What is left there does no harm.
        with contextlib.suppress(WorkbenchError):
            shared.remove()
        return record


class _Lines:
    """Shows a task's lines as they come, keeps them in a file, and remembers the one that says what is wrong."""

    def __init__(self, prepared: Prepared, log: Any) -> None:
        self._name, self._redactor, self._log = prepared.name, prepared.redactor, log
        self.problem = ""

    def line(self, line: str) -> None:
        """Show a line."""
        line = self._redactor.text(line)
        if line.startswith("workbench: "):
            self.problem = line.removeprefix("workbench: ")
        tell(f"  {self._name} | {line}")
        print(line, file=self._log, flush=True)


def _usage(record: StageRun | None) -> dict[str, float]:
    if record is None:
        return {}
    found = {"peak_memory": record.peak_memory, "cpu_seconds": record.cpu_seconds}
    return {name: value for name, value in found.items() if value is not None}


def _access(record: StageRun | None) -> Access | None:
    if record is None or record.reads is None or record.writes is None:
        return None
    return Access(record.reads, record.writes, record.unknown, record.unchanged)


def executors() -> dict[str, Any]:
    """Return what makes the executors of AWS, by their names in a map."""
    return {"ecs": EcsExecutor}
