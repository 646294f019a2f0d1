"""The run in the warehouse: rows of ``ops.runs`` and ``ops.lineage``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workbench.execution.runs import Run, StageRun, now
from workbench.schema import table

if TYPE_CHECKING:
    import pyarrow

    from workbench.warehouse import Warehouse


def write_run(warehouse: Warehouse, run: Run, lineage: Sequence[tuple[str, str]]) -> None:
    """Append a finished run, its stages, and which tables it made from which."""
    warehouse.append("ops.runs", _rows("ops.runs", [_of_run(run), *(_of_stage(run, s) for s in run.stages)]))
    if lineage:
        moment = _naive(now())
        rows = [
            {"run_id": run.run_id, "source": source, "target": target, "recorded_at": moment}
            for source, target in lineage
        ]
        warehouse.append("ops.lineage", _rows("ops.lineage", rows))


def _naive(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment else None


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
        "notebook": str(stage.output) if stage.output else None,
        "report": str(stage.report) if stage.report else None,
    }


def _rows(name: str, rows: list[dict[str, Any]]) -> pyarrow.Table:
    import pyarrow

    kinds = {"bigint": pyarrow.int64(), "double": pyarrow.float64(), "timestamp": pyarrow.timestamp("us")}
    schema = pyarrow.schema(
        [(column.name, kinds.get(column.kind, pyarrow.string())) for column in table(name).columns]
    )
    return pyarrow.Table.from_pylist(rows, schema=schema)
