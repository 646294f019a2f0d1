"""A backfill on its way: the stages before the days, chunk after chunk, the stages after them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from workbench.errors import UsageError, WorkbenchError
from workbench.execution.backfill.chunks import Chunk
from workbench.execution.backfill.done import RunHistory
from workbench.execution.backfill.outcomes import BackfillResult, ChunkOutcome
from workbench.execution.backfill.progress import ChunkLines, Watcher
from workbench.execution.housekeeping.recovery import recover
from workbench.execution.pipeline.graph import expand, in_warehouse
from workbench.execution.pipeline.partitions import partition_problems, roles
from workbench.execution.pipeline.pipeline import MAP, Pipeline
from workbench.execution.records.model import Run
from workbench.execution.run.options import RunOptions
from workbench.execution.run.planning import plan
from workbench.execution.run.runner import run_pipeline
from workbench.execution.run.signals import Stopped, StopSwitch, ignore_signals, raise_on_signals
from workbench.settings import Settings, get_settings
from workbench.waiting import result_of
from workbench.warehouse import connect


@dataclass(frozen=True, kw_only=True)
class BackfillOptions:
    """What is asked of a backfill; as it stands, chunk after chunk, and only what isn't done."""

    jobs: int = 1
    """Chunks at once, where the stages and the warehouse allow it."""
    rerun: bool = False
    """Do chunks again that are done."""
    fail_fast: bool = False
    """Begin no other chunk once one has failed."""
    run: Callable[[], RunOptions] = RunOptions
    """Makes what else is asked of each run."""
    settings: Settings | None = None
    """Read afresh if None."""
    watcher: Watcher | None = None
    """Who is told of every step; lines on stderr if None."""


class Backfill:
    """A range of days of one pipeline, worked out anew.

    Each chunk is a run of the stages that are partitioned, with its first and last day as values of their parameters.
    Stages that those wait for run once, before, if they never have; what they made is taken as it is otherwise. Stages
    that wait for them run once, when all chunks are done, as `run_pipeline` would run them.

    Args:
        pipeline: its map.
        chunks: in order of time.
        parameters: values by name, over those of the map, for each stage that declares them.
        options: what else is asked.

    Raises:
        UsageError: no stage is partitioned, or a value or a map is wrong. Nothing has run.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        chunks: Sequence[Chunk],
        parameters: Mapping[str, Any] | None = None,
        options: BackfillOptions | None = None,
    ) -> None:
        self.pipeline, self.options = pipeline, options or BackfillOptions()
        self.settings = self.options.settings or get_settings()
        self.roles = roles(pipeline)
        self._outcomes = [ChunkOutcome(chunk) for chunk in chunks]
        self._watcher = self.options.watcher or ChunkLines()
        self._switch = StopSwitch()
        self._lock = threading.Lock()
        self._one_writer = self.settings.warehouse.startswith("duckdb:")
        self._parameters = dict(parameters or {})
        self._declared = self._check()

    @property
    def at_once(self) -> int:
        """How many chunks go at once: no more than are asked for and every stage allows."""
        stages = [self.pipeline.stages[name] for name in self.roles.over_days]
        writes = any(map(in_warehouse, expand([name for stage in stages for name in stage.writes])))
        if (self._one_writer and writes) or any(stage.pool for stage in stages):
            return 1
        return min([self.options.jobs, *(stage.limit for stage in stages if stage.limit)])

    def plan(self) -> BackfillResult:
        """Return what there is to do, and why; nothing runs."""
        recover(self.settings)
        found = self._history().standing(self._planned, [each.chunk for each in self._outcomes])
        changed: dict[str, None] = {}
        for outcome in self._outcomes:
            standing = found[outcome.chunk]
            outcome.state, outcome.why, outcome.run_id = "to do", standing.why, standing.run_id
            if standing.run_id and not self.options.rerun:
                outcome.state = "done before"
                changed |= dict.fromkeys(standing.changed)
        return BackfillResult(self._outcomes, changed=tuple(changed))

    def first(self) -> tuple[str, ...]:
        """Return the stages that run before the chunks: others wait for them, and they never have."""
        return self._history().never_ran(self.roles.before)

    def go(self) -> BackfillResult:
        """Run to the end; a failure or a signal is in the result, and each run has its record."""
        connect(self.settings.warehouse, create=True)
        # Runs are out of the main thread, so that a signal finds all of them by the switch.
        with ThreadPoolExecutor(1) as conductor:
            work = conductor.submit(self._work)
            try:
                with raise_on_signals():
                    return result_of(work)
            except KeyboardInterrupt as signal:
                with ignore_signals():
                    self._watcher.say("stopping; chunks that are done are kept")
                    self._switch.stop(str(signal) or "SIGINT")
                    return replace(result_of(work), stopped=str(signal) or "SIGINT")

    def _work(self) -> BackfillResult:
        result = BackfillResult(self._outcomes)
        if first := self.first():
            self._watcher.say(f"{_names(first)} first, once: never run before")
            if (error := self._run_once(first)) is not None:
                self._leave()
                return replace(result, error=error)
        result = self.plan()
        self._run_chunks([each for each in self._outcomes if each.state == "to do"])
        self._leave()
        after = self.roles.after
        if after and result.is_complete and not self._switch.is_set:
            self._watcher.say(f"{_names(after)} once, as all days are done")
            result = replace(result, error=self._run_once(after) or "")
        return result

    def _run_chunks(self, chunks: Sequence[ChunkOutcome]) -> None:
        self._watcher.begin(len(chunks))
        try:
            with ThreadPoolExecutor(self.at_once) as workers:
                for work in [workers.submit(self._run_chunk, each) for each in chunks]:
                    work.result()
        finally:
            self._watcher.end()

    def _run_chunk(self, outcome: ChunkOutcome) -> None:
        failed = any(each.state == "failed" for each in self._outcomes)
        if self._switch.is_set or (failed and self.options.fail_fast):
            return
        try:
            outcome.take(self._run(self.roles.over_days, self._values(outcome.chunk), force=True))
        except Stopped as stop:
            outcome.take(stop.run)
        except Exception as error:
            # Whatever it is, it is of this chunk; the others go on.
            outcome.state = "failed"
            outcome.why = (
                str(error) if isinstance(error, WorkbenchError) else f"{type(error).__name__}: {error}"
            )
        with self._lock:
            self._watcher.ended(outcome)

    def _run_once(self, stages: Sequence[str]) -> str | None:
        """Run stages that aren't partitioned; return what went wrong."""
        try:
            run = self._run(stages, {})
        except Stopped as stop:
            run = stop.run
        except WorkbenchError as error:
            return str(error)
        return None if run.state == "succeeded" else f"run {run.run_id}: {run.error or run.state}"

    def _run(self, stages: Collection[str], days: dict[str, Any], *, force: bool = False) -> Run:
        others = [name for name in self.pipeline.order if name not in stages]
        options = replace(
            self.options.run(),
            without=others,
            force=force,
            followed=force,
            switch=self._switch,
            settings=self.settings,
        )
        return run_pipeline(self.pipeline, self._of(stages, self._declared) | days, options)

    def _leave(self) -> None:
        """Note that what is still to do wasn't run."""
        for outcome in self._outcomes:
            if outcome.state == "to do":
                outcome.state = "not run"

    def _history(self) -> RunHistory:
        return RunHistory(self.pipeline, self.roles, connect(self.settings.warehouse), self.settings)

    def _values(self, chunk: Chunk) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in self.roles.over_days:
            if partitioned := self.pipeline.stages[name].partitioned:
                found |= {partitioned.first_day: chunk.first, partitioned.last_day: chunk.last}
        return found

    def _check(self) -> Mapping[str, Collection[str]]:
        """Check maps, notebooks and values; return the names of the parameters of each stage."""
        days = self._values(self._outcomes[0].chunk)
        if given := next((name for name in self._parameters if name in days), None):
            raise UsageError(f"parameter {given!r} is given by the range of days")
        executor = self.options.run().executor
        every = plan(
            self.pipeline,
            self.pipeline.order,
            self._parameters,
            one_writer=self._one_writer,
            executor=executor,
        )
        for planned in every:
            where = f"stage {planned.name}"
            for problem in partition_problems(planned.stage, planned.prepared.declared, where):
                raise UsageError(f"{self.pipeline.folder / MAP}: {where}: {problem}")
        declared = {planned.name: planned.prepared.declared for planned in every}
        over_days = self.roles.over_days
        values = self._of(over_days, declared) | days
        self._planned = plan(self.pipeline, over_days, values, one_writer=self._one_writer, executor=executor)
        return declared

    def _of(self, stages: Collection[str], declared: Mapping[str, Collection[str]]) -> dict[str, Any]:
        """Return those of the caller's values that some stages declare."""
        return {
            name: value
            for name, value in self._parameters.items()
            if any(name in declared[stage] for stage in stages)
        }


def _names(stages: Sequence[str]) -> str:
    return f"{', '.join(stages[:-1])} and {stages[-1]}" if stages[1:] else stages[0]
