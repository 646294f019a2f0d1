"""The end of a run: its pages rendered, its state settled, its record written everywhere."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from workbench.errors import WorkbenchError
from workbench.execution.pipeline.lineage import lineage
from workbench.execution.pipeline.pipeline import Pipeline
from workbench.execution.records.mlflow_parent import end_parent
from workbench.execution.records.model import Run, StageRun, State
from workbench.execution.records.ops_tables import write_run
from workbench.execution.records.store import save
from workbench.execution.reports.pages import run_page, stage_page, write_index, write_run_page, write_stage
from workbench.execution.run.progress import Progress
from workbench.execution.run.readers import Readers
from workbench.governance.alerts.telling import send_waiting, tell_failure
from workbench.secrets.redact import Redactor
from workbench.settings import Settings
from workbench.warehouse import connect


class Pages:
    """Renders pages in a thread of its own, beside the work: while a notebook runs, not while the next is decided upon."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._thread = ThreadPoolExecutor(1)
        self._free = threading.Event()
        self._pages: list[Future[None]] = []
        self._is_listed = False

    def index(self) -> None:
        """Render the index of all runs, as the first stage begins; at the end it is rendered in any case."""
        if not self._is_listed:
            self._is_listed = True
            self._submit(write_index, self.settings)

    def render(self, run: Run, stage: StageRun, node: Any) -> None:
        """Render an executed notebook; ``stage.report`` says where."""
        stage.report = stage_page(run, stage, self.settings)
        self._submit(write_stage, run.model_copy(), stage.model_copy(), node, self.settings)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Begin pages while the caller waits for others."""
        self._free.set()
        try:
            yield
        finally:
            self._free.clear()

    def _submit(self, render: Callable[..., None], *values: Any) -> None:
        def begin() -> None:
            self._free.wait()
            render(*values)

        self._pages.append(self._thread.submit(begin))

    def close(self) -> list[str]:
        """Wait for all pages; return what went wrong."""
        self._free.set()
        self._thread.shutdown(wait=True)
        problems = [problem for page in self._pages if (problem := page.exception())]
        return [f"a page couldn't be rendered: {type(each).__name__}: {each}" for each in problems]


@contextmanager
def fast_thread_switching() -> Iterator[None]:
    """Let threads take turns quickly: records would wait for pages, five milliseconds at every write."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, 0.0005))
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def finish(
    run: Run,
    settings: Settings,
    progress: Progress,
    pipeline: Pipeline | None,
    pages: Pages,
    stopped: KeyboardInterrupt | None,
    problem: str | None,
    readers: Readers,
) -> None:
    """Record how a run ended, everywhere; its stages that are still waiting weren't run.

    ``problem`` is what ended it if neither a stage nor a signal did.
    """
    problem = Redactor(settings.secrets).text(problem) if problem else None
    for stage in run.stages:
        if stage.state == "running":
            stage.end("failed", problem or "the runner failed")
        elif stage.state == "waiting":
            # Why it would have run is of no use now.
            stage.state, stage.why = "not_run", "the run ended before its turn"
        else:
            continue
        progress.update(run, stage)
    failed = [stage for stage in run.stages if stage.state == "failed"]
    if stopped:
        run.end("stopped", f"stopped by {stopped}" if str(stopped) else "stopped")
    elif failed:
        run.end("failed", f"{failed[0].name}: {failed[0].error}")
    elif any(stage.state in ("stopped", "not_run") for stage in run.stages):
        run.end("failed", problem or "the runner failed")
    else:
        run.end("succeeded")
    try:
        written = _record(run, settings, pipeline, pages, readers)
        for warning in _send_alerts(run, settings, written):
            progress.warn(run, warning)
    finally:
        progress.end(run)


def abandon(run: Run, settings: Settings, progress: Progress, pages: Pages, problem: str | None) -> None:
    """Leave nothing behind of a run that couldn't begin, and tell of what kept it from that."""
    pages.close()
    with suppress(OSError):
        (settings.runs / run.run_id).rmdir()
    if problem and run.kind == "pipeline" and not run.is_part:
        for warning in tell_failure(settings, run.pipeline, "", problem, owner=run.owner):
            progress.warn(run, warning)


def _send_alerts(run: Run, settings: Settings, written: State | None) -> list[str]:
    """Send what there is to tell, a failure that the warehouse doesn't know of too; return what went wrong."""
    if run.is_part:
        return []
    if run.kind == "pipeline" and run.state == "failed" and written != "failed":
        failed = next((stage for stage in run.stages if stage.state == "failed"), None)
        what, error = (failed.name, failed.error) if failed else ("", run.error)
        return tell_failure(settings, run.pipeline, what, error or run.state, run.run_id, owner=run.owner)
    return list(send_waiting(settings).warnings)


def _record(
    run: Run, settings: Settings, pipeline: Pipeline | None, pages: Pages, readers: Readers
) -> State | None:
    """Write a run's end everywhere, in an order in which another process can go on with it.

    Returns:
        The state that ``ops.runs`` has of it; None if it has none.
    """
    written: State | None = None
    run.report = run_page(run, settings)
    # An address in what went wrong may hold a password.
    clean = Redactor(settings.secrets).text
    troubles = [clean(each) for each in (*pages.close(), *_end_in_mlflow(run, settings))]
    _note(run, troubles)
    # Its end is known from here on: who finds it unrecorded, this process gone, goes on with what follows.
    save(run, settings)
    troubles = [*troubles, *map(clean, readers.finish())]
    _note(run, troubles)
    if not run.is_part:
        written = run.state
        if problems := [*map(clean, _write_rows(run, settings, pipeline))]:
            troubles, written = [*troubles, *problems], None
        _note(run, troubles)
    try:
        write_run_page(run, settings)
    except OSError as error:
        troubles.append(f"the page of the run couldn't be written: {error.strerror or error}")
        _note(run, troubles)
    run.recorded = not troubles
    save(run, settings)
    with suppress(OSError):
        write_index(settings)
    return written


def _note(run: Run, troubles: list[str]) -> None:
    if troubles and run.state == "succeeded":
        run.state, run.error = "failed", troubles[0]


def _end_in_mlflow(run: Run, settings: Settings) -> Iterator[str]:
    if run.mlflow_run_id:
        try:
            end_parent(run, settings)
        except WorkbenchError as error:
            yield str(error)


def _write_rows(run: Run, settings: Settings, pipeline: Pipeline | None) -> Iterator[str]:
    """Write the run to the warehouse; yield what went wrong."""
    import duckdb

    try:
        write_run(connect(settings.warehouse), run, lineage(pipeline, run.stages) if pipeline else [])
    except (WorkbenchError, duckdb.Error, OSError) as error:
        yield f"the run couldn't be recorded in ops.runs: {' '.join(str(error).split())}"
