"""The run in the warehouse: rows of ``ops.runs`` and ``ops.lineage``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workbench.execution.records.model import Run, StageRun, Version, now
from workbench.governance.alerts.run_failures import record_ends
from workbench.warehouse.bookkeeping import bookkeeping

if TYPE_CHECKING:
    from workbench.warehouse import Session, Warehouse


def write_run(warehouse: Warehouse, run: Run, lineage: Sequence[tuple[str, str]]) -> None:
    """Write a finished run, its stages, and which tables it made from which; in place of what is there of it.

    In the same transaction an alert is raised for each stage that failed, and closed for each that didn't.
    """
    stages = [_of_stage(run, stage) for stage in run.stages]
    timestamp = _naive(now())
    ended = (run.finished_at or now()).astimezone(UTC).replace(tzinfo=None)
    moves = [
        {"run_id": run.run_id, "source": source, "target": target, "recorded_at": timestamp}
        for source, target in lineage
    ]
    rows = {"ops.runs": [_of_run(run), *stages], "ops.lineage": moves}
    with ExitStack() as stack:
        staged = [stack.enter_context(warehouse.prepare(name, each)) for name, each in rows.items() if each]

        def work(session: Session) -> None:
            if session.execute("SELECT 1 FROM ops.runs WHERE run_id = ?", [run.run_id]).fetchone():
                session.execute(
                    "DELETE FROM ops.runs WHERE run_id = ? OR parent_run_id = ?", [run.run_id, run.run_id]
                )
                session.execute("DELETE FROM ops.lineage WHERE run_id = ?", [run.run_id])
            for staged_rows in staged:
                staged_rows.load(session)
            record_ends(session, run.pipeline, _ends(run), run.run_id, ended, run.owner or None)

        with bookkeeping():
            warehouse.run(work, repeatable=True)


def _ends(run: Run) -> dict[str, str | None]:
    """Return the errors of what failed, and None for what came to a good end, by stage; the run itself is ``""``.

    Who runs a single notebook looks at it.
    """
    if run.kind != "pipeline":
        return {}
    ends: dict[str, str | None] = {}
    for stage in run.stages:
        if stage.state in ("failed", "lost"):
            ends[stage.name] = stage.error or stage.state
        elif stage.state in ("succeeded", "skipped"):
            ends[stage.name] = None
    if run.state == "succeeded":
        ends[""] = None
    elif run.state in ("failed", "lost") and not any(ends.values()):
        ends[""] = run.error or run.state
    return ends


# What only a stage's row has; a run's mlflow_run_ids is the one of its parent run.
_OF_STAGES = (
    "why", "reason", "attempts", "key_parts", "inputs", "outputs", "results", "cell_seconds", "peak_memory",
    "cpu_seconds", "cost", "process_kind",
)  # fmt: skip


def _naive(timestamp: datetime | None) -> datetime | None:
    return timestamp.astimezone(UTC).replace(tzinfo=None) if timestamp else None


def _of_run(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "parent_run_id": None,
        "pipeline": run.pipeline,
        "stage": None,
        "state": run.state,
        "started_at": _naive(run.started_at),
        "finished_at": _naive(run.finished_at),
        "seconds": run.seconds,
        "rows_written": run.rows,
        "parameters": json.dumps(run.parameters),
        "counts": None,
        "tables": None,
        "metrics": None,
        "error": run.error,
        "notebook": None,
        "report": str(run.report) if run.report else None,
        "code_version": run.code_version,
        "executor": run.executor,
        "host": run.host,
        "version": run.version,
        "timings": json.dumps(run.timings),
        "mlflow_run_ids": json.dumps([run.mlflow_run_id] if run.mlflow_run_id else []),
        **dict.fromkeys(_OF_STAGES),
    }


def _of_stage(run: Run, stage: StageRun) -> dict[str, Any]:
    return _of_run(run) | {
        "run_id": f"{run.run_id}.{stage.name}",
        "parent_run_id": run.run_id,
        "stage": stage.name,
        "state": stage.state,
        "started_at": _naive(stage.started_at),
        "finished_at": _naive(stage.finished_at),
        "seconds": stage.seconds,
        "rows_written": stage.rows,
        "parameters": json.dumps(stage.parameters),
        "counts": json.dumps(stage.counts),
        "tables": json.dumps(stage.tables),
        "metrics": json.dumps(stage.metrics),
        "error": stage.error,
        "notebook": str(stage.notebook) if stage.notebook else None,
        "report": str(stage.report) if stage.report else None,
        "version": run.version,
        "why": stage.why,
        "reason": stage.reason,
        "attempts": stage.attempts,
        "key_parts": json.dumps(stage.key_parts),
        "inputs": _versions(stage.inputs),
        "outputs": _versions(stage.outputs),
        "results": json.dumps(stage.results),
        "timings": json.dumps(stage.timings),
        "cell_seconds": json.dumps(stage.cell_seconds),
        "peak_memory": stage.peak_memory,
        "cpu_seconds": stage.cpu_seconds,
        "process_kind": stage.process_kind,
        "executor": "ecs" if stage.process_kind == "ecs" else run.executor,
        "mlflow_run_ids": json.dumps(stage.mlflow_run_ids),
        "cost": stage.cost,
    }


def _versions(found: dict[str, Version]) -> str:
    return json.dumps(
        {
            name: version.model_dump(exclude={"files"} if version.files is None else None)
            for name, version in found.items()
        }
    )
