"""Runs whose process was killed: their notebooks assembled from the journals, their records closed."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.execution.run_record import Run, StageRun
from workbench.execution.runs import list_lost, save
from workbench.settings import Settings


def recover(settings: Settings) -> list[Run]:
    """Close the records of runs whose process is gone, and keep their notebooks as far as they got.

    Record, notebook, page and ``ops.runs`` then say the same: ``lost``, and in which cell. Nothing happens to a
    run that is closed already.
    """
    lost = list_lost(settings)
    for run in lost:
        moments = [moment for stage in run.stages if (moment := _recover_stage(run, stage, settings))]
        run.finished_at = max(moments, default=run.started_at)
        _render(run, settings)
        save(run, settings)
        from workbench.execution.ledger import write_run
        from workbench.warehouse import connect

        # Without a warehouse there is nowhere else to say it.
        with contextlib.suppress(WorkbenchError):
            write_run(connect(settings.warehouse), run, [])
    return lost


def _recover_stage(run: Run, stage: StageRun, settings: Settings) -> datetime | None:
    """Assemble the notebook of a stage that was running; return when it was last heard of."""
    if stage.state != "lost":
        return stage.finished_at
    stage.error, stage.reason = run.error, "died"
    path = settings.runs / run.run_id / f"{stage.name}.journal.jsonl"
    moment = _assemble(path, stage, run.error or "lost") if path.is_file() else None
    stage.finished_at = moment or stage.started_at
    return stage.finished_at


def _assemble(path: Path, stage: StageRun, error: str) -> datetime | None:
    from nbformat.v4 import new_output

    from workbench.execution.journal import replay
    from workbench.execution.manager import write_notebook

    told = replay(path)
    if told is None:
        return None
    if told.index is not None:
        cell = told.node.cells[told.index]
        cell.outputs.append(new_output("error", ename="Lost", evalue=error, traceback=[f"Lost: {error}"]))
        cell.metadata["papermill"] |= {"exception": True, "status": "failed"}
    told.node.metadata["papermill"]["exception"] = True
    told.node.metadata["workbench"] = {
        **told.node.metadata.get("workbench", {}),
        "state": "lost",
        "error": error,
    }
    write_notebook(told.node, stage.output or path.with_name(f"{stage.name}.ipynb"))
    return datetime.fromtimestamp(told.at, UTC)


def _render(run: Run, settings: Settings) -> None:
    from workbench.execution.notebook import read_notebook
    from workbench.execution.reports import run_page, stage_page, write_run_page, write_stage

    for stage in run.stages:
        if stage.state == "lost" and stage.output and stage.output.is_file():
            stage.report = stage_page(run, stage, settings)
            write_stage(run, stage, read_notebook(stage.output), settings)
    run.report = run_page(run, settings)
    write_run_page(run, settings)
