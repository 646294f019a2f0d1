"""Runs whose process was killed: their notebooks assembled from the journals, their end written everywhere."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from workbench.errors import WorkbenchError, WorkFailed
from workbench.execution.records.model import Run, StageRun
from workbench.execution.records.store import list_open, save
from workbench.private import private_folder
from workbench.settings import Settings
from workbench.warehouse.access import infrastructure

_PATIENCE = 2.0


def recover(settings: Settings, *, patient: bool = True) -> list[Run]:
    """Bring the records of runs whose process is gone to their end; return those that are there now.

    Record, notebook, pages and ``ops.runs`` then say the same: how it ended if that was recorded, else ``lost``, and
    in which cell. Nothing happens to a run that is recorded everywhere. One process at a time does it; killed at it,
    the next goes on. What can't be done now, for want of the warehouse or of space, is left for the next time.

    Args:
        settings: where the records are.
        patient: whether to wait for a busy warehouse as long as a run would.
    """
    closed: list[Run] = []
    if not list_open(settings):
        return closed
    with contextlib.suppress(OSError), alone(settings):
        for run in list_open(settings):
            with contextlib.suppress(WorkbenchError):
                _close(run, settings, patient=patient)
                closed.append(run)
        if closed:
            from workbench.execution.reports.pages import write_index

            write_index(settings)
    return closed


@contextlib.contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Keep other processes from the records of past runs meanwhile.

    Raises:
        OSError: the folder of runs can't be written.
    """
    private_folder(settings.runs)
    with (settings.runs / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _close(run: Run, settings: Settings, *, patient: bool) -> None:
    if run.state == "lost" and run.finished_at is None:
        moments = [timestamp for stage in run.stages if (timestamp := _recover_stage(run, stage, settings))]
        run.finished_at = max(moments, default=run.started_at)
        # From here on its end is known, whatever comes.
        save(run, settings)
    if not run.is_part:
        _write_to_warehouse(run, settings, patient=patient)
        _end_parent(run, settings)
    _render(run, settings)
    run.recorded = True
    save(run, settings)


def _recover_stage(run: Run, stage: StageRun, settings: Settings) -> datetime | None:
    """Assemble the notebook of a stage that was running; return when it was last heard of."""
    if stage.state != "lost":
        return stage.finished_at
    stage.error, stage.reason = run.error, "died"
    path = settings.runs / run.run_id / f"{stage.name}.journal.jsonl"
    timestamp = None
    try:
        timestamp = _assemble(path, stage, run.error or "lost")
    except (OSError, ValueError, OverflowError) as problem:
        stage.error = f"{run.error}; its notebook can't be made from {path}: {problem}"
    stage.finished_at = timestamp or stage.started_at
    return stage.finished_at


def _assemble(path: Path, stage: StageRun, error: str) -> datetime | None:
    from nbformat.v4 import new_output

    from workbench.execution.notebook.journal import replay
    from workbench.execution.papermill.manager import write_notebook

    replayed = replay(path) if path.is_file() else None
    if replayed is None:
        return None
    if replayed.index is not None:
        cell = replayed.node.cells[replayed.index]
        cell.outputs.append(new_output("error", ename="Lost", evalue=error, traceback=[f"Lost: {error}"]))
        cell.metadata.setdefault("papermill", {}).update({"exception": True, "status": "failed"})
    replayed.node.metadata.setdefault("papermill", {})["exception"] = True
    replayed.node.metadata["workbench"] = {
        **replayed.node.metadata.get("workbench", {}),
        "state": "lost",
        "error": error,
    }
    write_notebook(replayed.node, stage.notebook or path.with_name(f"{stage.name}.ipynb"))
    return datetime.fromtimestamp(replayed.at, UTC)


@infrastructure()
def _write_to_warehouse(run: Run, settings: Settings, *, patient: bool) -> None:
    """Write a run's rows where there is a warehouse; without one there is nowhere to say it."""
    import duckdb

    from workbench.execution.records.ops_tables import write_run
    from workbench.warehouse import locate

    warehouse = locate(settings.warehouse, patience=None if patient else _PATIENCE)
    warehouse.require()
    try:
        write_run(warehouse, run, _lineage(run, settings))
    except duckdb.Error as problem:
        raise WorkFailed(f"run {run.run_id} can't be written to {warehouse.url}: {problem}") from None


def _lineage(run: Run, settings: Settings) -> list[tuple[str, str]]:
    """Return which tables a run made from which, by its record and the map beside its notebooks."""
    from workbench.execution.pipeline.lineage import lineage
    from workbench.execution.pipeline.pipeline import MAP, load_pipeline

    folder = run.stages[0].source.parent if run.stages else Path()
    if run.kind != "pipeline" or not (folder / MAP).is_file():
        return []
    with contextlib.suppress(WorkbenchError):
        return lineage(load_pipeline(folder, settings), run.stages)
    return []


def _end_parent(run: Run, settings: Settings) -> None:
    if run.mlflow_run_id:
        from workbench.execution.records.mlflow_parent import end_parent

        # Its server may be gone for good.
        with contextlib.suppress(WorkbenchError):
            end_parent(run, settings)


def _render(run: Run, settings: Settings) -> None:
    """Render the pages that are missing; one that can't be has no link."""
    from workbench.execution.notebook.reading import read_notebook
    from workbench.execution.reports.pages import run_page, stage_page, write_run_page, write_stage

    for stage in run.stages:
        if stage.started_at is None or stage.state == "skipped":
            continue
        page = stage_page(run, stage, settings)
        if stage.state != "lost" and page.is_file():
            stage.report = page
            continue
        stage.report = None
        if stage.notebook and stage.notebook.is_file():
            # The notebook may be torn, too.
            with contextlib.suppress(Exception):
                write_stage(run, stage, read_notebook(stage.notebook), settings)
                stage.report = page
    run.report = run_page(run, settings)
    write_run_page(run, settings)
