"""Runs of pipelines and notebooks: checked, executed stage by stage, recorded and rendered."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.execution.executor import Executor
from workbench.execution.ledger import write_run
from workbench.execution.literals import plain
from workbench.execution.notebook import Prepared, prepare, read_notebook
from workbench.execution.parameters import unknown_parameter
from workbench.execution.pipeline import Pipeline, load_pipeline
from workbench.execution.progress import Progress, Silence
from workbench.execution.reports import run_page, stage_page, write_index, write_run_page, write_stage
from workbench.execution.runs import Run, StageRun, new_run, save
from workbench.execution.stopping import Stopped, deaf, stoppable
from workbench.settings import Settings, get_settings
from workbench.warehouse import connect


def run_pipeline(
    pipeline: str | Path | Pipeline,
    parameters: Mapping[str, Any] | None = None,
    *,
    start: str | None = None,
    only: str | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Run:
    """Run a pipeline's stages in order; the first that fails ends it.

    Args:
        pipeline: its name, a folder with a ``pipeline.yaml``, or the pipeline itself.
        parameters: values by name, over those of the map; each goes to every stage that declares it.
        start: the stage to begin with.
        only: the one stage to run.
        settings: read afresh if None.
        progress: who is told of every step; nobody if None.

    Returns:
        The finished record, in state ``succeeded`` or ``failed``. It is at
        ``settings.runs/<run_id>/run.json`` with the executed notebooks beside it, in ``ops.runs`` and
        ``ops.lineage``, and rendered under ``settings.site``.

    Raises:
        UsageError: the call is wrong; nothing has run.
        Stopped: SIGINT, SIGTERM or SIGHUP ended the run; it is recorded.
    """
    settings = settings or get_settings()
    if not isinstance(pipeline, Pipeline):
        pipeline = load_pipeline(pipeline, settings)
    chosen = pipeline.select(start=start, only=only)
    stages = []
    for name in chosen:
        stage = pipeline.stages[name]
        stages.append(
            prepare(
                pipeline.notebook(name),
                name,
                stage.parameters,
                retries=stage.retries,
                timeout=stage.timeout,
            )
        )
    bound = _distribute(stages, parameters or {}, pipeline.name)
    run = new_run(pipeline.name, settings)
    return _Runner(run, bound, settings, progress or Silence(), pipeline).go()


def run_notebook(
    path: str | Path,
    parameters: Mapping[str, Any] | None = None,
    *,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Run:
    """Run one notebook, recorded and rendered like a pipeline of one stage.

    Arguments, result and errors are those of :func:`run_pipeline`.
    """
    settings = settings or get_settings()
    path = Path(path).expanduser().absolute()
    prepared = prepare(path, path.stem).bind(parameters or {})
    run = new_run(path.stem, settings, kind="notebook")
    return _Runner(run, [prepared], settings, progress or Silence()).go()


def _distribute(stages: Sequence[Prepared], given: Mapping[str, Any], pipeline: str) -> list[Prepared]:
    declared = {name: parameter for stage in stages for name, parameter in stage.declared.items()}
    for name in given:
        if name not in declared:
            raise unknown_parameter(name, declared.values(), f"pipeline {pipeline}")
    return [
        stage.bind({name: value for name, value in given.items() if name in stage.declared})
        for stage in stages
    ]


class _Runner:
    """One run on its way; kernels are started one stage ahead, pages rendered beside the work."""

    def __init__(
        self,
        run: Run,
        stages: Sequence[Prepared],
        settings: Settings,
        progress: Progress,
        pipeline: Pipeline | None = None,
    ) -> None:
        self.run, self.stages, self.settings, self.progress = run, stages, settings, progress
        self.pipeline = pipeline
        self.folder = settings.runs / run.run_id
        self._executor = Executor(settings, run.run_id, self.folder)
        self._pages: list[Future[None]] = []
        for stage in stages:
            values = {name: plain(value) for name, value in stage.values.items()}
            run.parameters |= values
            run.stages.append(StageRun(name=stage.name, source=stage.path, parameters=values))

    def go(self) -> Run:
        """Run to the end, and leave nothing behind."""
        stopped: KeyboardInterrupt | None = None
        with ThreadPoolExecutor(1) as self._renderer:
            try:
                with stoppable():
                    self._begin()
                    for index in range(len(self.stages)):
                        if not self._stage(index):
                            break
            except KeyboardInterrupt as error:
                stopped = error
            finally:
                with deaf():
                    self._executor.close()
                    if self.run.started_at:
                        self._finish(stopped)
                    else:
                        with contextlib.suppress(OSError):
                            self.folder.rmdir()
        if stopped:
            ending = Stopped(str(stopped))
            ending.run = self.run
            raise ending
        return self.run

    def _begin(self) -> None:
        self._executor.ahead(self.stages[0])
        connect(self.settings.warehouse, create=True)
        self.run.begin()
        save(self.run, self.settings)
        self._pages.append(self._renderer.submit(write_index, self.settings))
        self.progress.begin(self.run)

    def _stage(self, index: int) -> bool:
        """Run a stage, again if it may; return whether it succeeded."""
        prepared, stage = self.stages[index], self.run.stages[index]
        stage.output = self.folder / f"{prepared.name}.ipynb"
        stage.begin()
        save(self.run, self.settings)
        self.progress.update(self.run, stage)
        while True:
            stage.attempts += 1
            self._executor.ahead(prepared)
            for following in self.stages[index + 1 : index + 2]:
                self._executor.ahead(following)
            outcome = self._executor.execute(
                prepared, stage.output, lambda done, total: self.progress.cell(stage, done, total)
            )
            if outcome.error is None or stage.attempts > prepared.retries:
                break
            stage.output.replace(self.folder / f"{prepared.name}.attempt-{stage.attempts}.ipynb")
        for part, values in outcome.record.items():
            setattr(stage, part, values)
        stage.end("failed" if outcome.error else "succeeded", outcome.error)
        self._render(stage, outcome.node)
        save(self.run, self.settings)
        self.progress.update(self.run, stage)
        return outcome.error is None

    def _render(self, stage: StageRun, node: Any) -> None:
        stage.report = stage_page(self.run, stage, self.settings)
        run, copy = self.run.model_copy(), stage.model_copy()
        self._pages.append(self._renderer.submit(write_stage, run, copy, node, self.settings))

    def _finish(self, stopped: KeyboardInterrupt | None) -> None:
        """Record how it ended, everywhere."""
        run = self.run
        for stage in run.stages:
            if stage.state == "running":
                self._close(stage, stopped)
            elif stage.state == "waiting":
                stage.state = "not_run"
            else:
                continue
            self.progress.update(run, stage)
        failed = [stage for stage in run.stages if stage.state == "failed"]
        if stopped:
            run.end("stopped", f"stopped by {stopped}" if str(stopped) else "stopped")
        elif failed:
            run.end("failed", f"{failed[0].name}: {failed[0].error}")
        else:
            run.end("succeeded")
        run.report = run_page(run, self.settings)
        for problem in self._settle():
            if run.state == "succeeded":
                run.end("failed", problem)
        save(run, self.settings)
        write_run_page(run, self.settings)
        write_index(self.settings)
        self.progress.end(run)

    def _close(self, stage: StageRun, stopped: KeyboardInterrupt | None) -> None:
        if stopped is None:
            stage.end("failed", "the runner failed")
        else:
            stage.end("stopped", f"stopped by {stopped}" if str(stopped) else "stopped")
        if stage.output and stage.output.is_file():
            self._render(stage, read_notebook(stage.output))

    def _settle(self) -> Iterator[str]:
        """Wait for the pages and write to the warehouse; yield what went wrong."""
        for page in self._pages:
            if problem := page.exception():
                yield f"a page couldn't be rendered: {type(problem).__name__}: {problem}"
        done = tuple(stage.name for stage in self.run.stages if stage.state == "succeeded")
        lineage = self.pipeline.lineage(done) if self.pipeline else []
        try:
            write_run(connect(self.settings.warehouse), self.run, lineage)
        except WorkbenchError as error:
            yield f"the run couldn't be recorded in ops.runs: {error}"
