"""One run on its way: stages start as soon as they may, and whatever happens is recorded."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from workbench.errors import WorkbenchError
from workbench.execution.housekeeping.recovery import recover
from workbench.execution.notebook.notebook import Prepared
from workbench.execution.notebook.reading import read_notebook
from workbench.execution.parameters.literals import to_json_value
from workbench.execution.pipeline.graph import expand
from workbench.execution.pipeline.pipeline import Pipeline
from workbench.execution.records.mlflow_parent import PARENT, begin_parent
from workbench.execution.records.model import Run, StageRun, Version
from workbench.execution.records.store import going_on, save
from workbench.execution.run.admission import Order, admits, slots
from workbench.execution.run.attempts import Ended, Unit, execute
from workbench.execution.run.executor import Executor
from workbench.execution.run.finish import Pages, abandon, fast_thread_switching, finish
from workbench.execution.run.planning import Planned, first_likely, instances
from workbench.execution.run.progress import Progress
from workbench.execution.run.readers import Readers
from workbench.execution.run.signals import Stopped, StopSwitch, ignore_signals, raise_on_signals
from workbench.execution.run.skipping.skip import Decider, Decision
from workbench.execution.run.skipping.versions import Versions
from workbench.execution.run.stage_record import copy_previous, end
from workbench.settings import Settings
from workbench.waiting import next_of
from workbench.warehouse import connect
from workbench.warehouse.access import infrastructure


class Conductor:
    """Runs planned stages: those that are free to go side by side, the first that fails ends the run.

    Args:
        run: its record, fresh.
        planned: the stages, in order.
        settings: of the run.
        progress: who is told of every step; called from several threads.
        pipeline: its map; None for a notebook by itself, which always runs.
        force: skip nothing.
        named: stages that a person asked for, which always run.
        cold: start a kernel afresh for each notebook.
        extra: variables for every notebook's environment.
        publish: called once readers may have what it wrote, in place of letting them.
        route: makes of this machine's executor one that takes stages elsewhere too.
        followed: runs of the same stages follow in this process.
        switch: ends the run where no signal can.
    """

    def __init__(
        self,
        run: Run,
        planned: Sequence[Planned],
        settings: Settings,
        progress: Progress,
        pipeline: Pipeline | None = None,
        *,
        force: bool = False,
        named: Sequence[str] = (),
        cold: bool = False,
        extra: Mapping[str, str] | None = None,
        publish: Callable[[], object] | None = None,
        route: Callable[[Executor], Executor] | None = None,
        followed: bool = False,
        switch: StopSwitch | None = None,
    ) -> None:
        self.run, self.settings, self.progress, self.pipeline = run, settings, progress, pipeline
        self.folder = settings.runs / run.run_id
        self._planned = {each.name: each for each in planned}
        self._order = Order(self._planned, pipeline.before if pipeline else {})
        self._force, self._named = force, named
        self._readers = Readers(run, pipeline, settings, publish)
        self._followed, self._switch = followed, switch or StopSwitch()
        self._parallel = slots(settings.parallel)
        for each in planned:
            values = {name: to_json_value(value) for name, value in each.prepared.values.items()}
            run.parameters |= values
            run.stages.append(StageRun(name=each.name, source=each.prepared.path, parameters=values))
        alone = len(planned) == 1 and planned[0].over is None and not followed
        extra = {"WORKBENCH_OWNER": run.owner, **(extra or {})}
        here = Executor(settings, run.run_id, self.folder, cold=cold, extra=extra, alone=alone)
        self._executor = route(here) if route else here
        self._waiting, self._running = list[Unit](), list[Unit]()
        self._left: dict[str, int] = {}
        self._events: queue.SimpleQueue[Ended | Stopped] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._failed = self._unsaved = False
        self._versions: Versions | None = None
        self._decider: Decider | None = None

    @infrastructure()
    def go(self) -> Run:
        """Run to the end, and leave nothing behind.

        Raises:
            Stopped: a signal ended the run; it is recorded.
        """
        stopped: KeyboardInterrupt | None = None
        problem: str | None = None
        self._pages = Pages(self.settings)
        with (
            fast_thread_switching(),
            going_on(self.run),
            ThreadPoolExecutor(max(1, self._parallel)) as self._workers,
        ):
            try:
                with raise_on_signals():
                    self._begin()
                    # From here on a signal waits its turn: nothing is left half recorded.
                    with self._switch.collect(self._events.put):
                        self._work_through()
            except KeyboardInterrupt as error:
                stopped = error
                if self._running:
                    self.progress.stopping(self.run)
            except Exception as error:
                problem = (
                    str(error) if isinstance(error, WorkbenchError) else f"{type(error).__name__}: {error}"
                )
                raise
            finally:
                with ignore_signals():
                    self._stopping.set()
                    self._executor.stop(str(stopped) if stopped else "")
                    while self._running:
                        event = next_of(self._events)
                        if isinstance(event, Ended):
                            self._ended(event, str(stopped) if stopped else "")
                    self._executor.close()
                    if self.run.started_at:
                        ended = (self.pipeline, self._pages, stopped, problem, self._readers)
                        finish(self.run, self.settings, self.progress, *ended)
                    else:
                        abandon(self.run, self.settings, self.progress, self._pages, problem)
        if stopped:
            raise Stopped(str(stopped), self.run)
        return self.run

    def _begin(self) -> None:
        if self.pipeline is None or self._followed:
            # It runs for sure, so its libraries may load from now on.
            for each in self._planned.values():
                self._executor.prefetch(each.prepared)
        elif first := first_likely(list(self._planned.values()), self.settings):
            self._executor.prefetch(first)
        warehouse = connect(self.settings.warehouse, create=True)
        self.run.begin()
        try:
            save(self.run, self.settings)
        except WorkbenchError:
            # Nothing has begun that would have to be ended.
            self.run.started_at = None
            raise
        if self.pipeline and self.settings.mlflow_runs:
            self.run.mlflow_run_id = begin_parent(self.run, self.settings)
            self._executor.extra[PARENT] = self.run.mlflow_run_id
        recover(self.settings)
        if self.pipeline:
            self._versions = Versions(warehouse, self.settings, self.pipeline, self.run.run_id)
            self._versions.survey(each.stage for each in self._planned.values())
            self._decider = Decider(
                self.run.pipeline, self._versions, self.settings, force=self._force, named=self._named
            )
        self.progress.begin(self.run)

    def _work_through(self) -> None:
        while True:
            while not self._failed and (ready := self._order.ready()):
                for name in ready:
                    self._unfold(self._planned[name])
            if not self._failed:
                # A stage that waited for one that was left out is ready later than those after it in the map.
                self._waiting.sort(key=lambda unit: list(self._planned).index(unit.planned.name))
                for unit in list(self._waiting):
                    claims = [other.planned.claim for other in self._running]
                    if admits(unit.planned.claim, claims, self._parallel):
                        self._start(unit)
                self._look_ahead()
            self._save()
            if not self._running:
                return
            self._readers.look()
            with self._pages.going_on():
                event = next_of(self._events)
            if isinstance(event, Stopped):
                raise event
            self._ended(event)

    def _look_ahead(self) -> None:
        """Have the libraries of what comes next loaded while others work."""
        if self._running:
            following = [unit.prepared for unit in self._waiting]
            following += [
                self._planned[name].prepared
                for name in self._order.waiting
                if not self._versions or self._versions.is_likely(self.run.pipeline, name)
            ]
            for prepared in following[:1]:
                self._executor.prefetch(prepared)

    def _unfold(self, planned: Planned) -> None:
        """Turn a stage that is ready into what will run, leaving out what would only repeat itself."""
        place = next(i for i, record in enumerate(self.run.stages) if record.name == planned.name)
        try:
            # A stage that isn't part of this run is taken by what it last recorded.
            past = self._versions.recorded(self.run.pipeline) if self._versions else {}
            found = instances(planned, past | {record.name: record for record in self.run.stages})
        except WorkbenchError as error:
            record = self.run.stages[place]
            record.begin()
            record.reason, record.why = "error", "the stages before it are done"
            record.end("failed", str(error))
            self._failed = True
            self._tell(record)
            return
        if planned.over is not None:
            self.run.stages[place : place + 1] = [
                StageRun(name=each.name, stage=planned.name, source=each.path) for each in found
            ]
        self._left[planned.name] = len(found)
        for record, prepared in zip(self.run.stages[place : place + len(found)], found, strict=True):
            record.parameters = {name: to_json_value(value) for name, value in prepared.values.items()}
            decision = self._decide(planned, prepared)
            record.inputs, record.why = decision.inputs, decision.why
            if decision.previous is None:
                record.key_parts = decision.key
                self._waiting.append(Unit(planned, prepared, record))
            else:
                copy_previous(record, decision.previous)
                self._tell(record)
                self._done(planned.name)
        if not found:
            self._order.done(planned.name)

    def _decide(self, planned: Planned, prepared: Prepared) -> Decision:
        if self._decider is None:
            return Decision("a notebook by itself always runs")
        return self._decider.decide(planned.name, planned.stage, prepared)

    def _start(self, unit: Unit) -> None:
        record = unit.record
        self._waiting.remove(unit)
        record.notebook = self.folder / f"{record.name}.ipynb"
        # Said before it writes: should this process be killed, the next run knows what it may have touched.
        version = f"{self.run.run_id}.{record.name}"
        record.outputs = {name: Version(version=version) for name in expand(unit.planned.stage.writes)}
        record.begin()
        self._tell(record)
        self._save()
        self._pages.index()
        # Not before: what can't be written down doesn't start, and then nobody waits for its end.
        self._workers.submit(self._execute, unit)
        self._running.append(unit)

    @infrastructure()
    def _execute(self, unit: Unit) -> None:
        count = self._versions.count if self._versions else None
        self._events.put(execute(unit, self._executor, self._stopping, self.progress, count))

    def _ended(self, ended: Ended, by: str = "") -> None:
        """Record how a stage ended."""
        unit, record = ended.unit, ended.unit.record
        self._running.remove(unit)
        end(ended, unit.planned.stage if self.pipeline else None, self.settings, by)
        if self._versions:
            self._versions.wrote(self.run.run_id, self.run.pipeline, record)
        node = ended.outcome.node if ended.outcome else None
        if node is None and record.notebook and record.notebook.is_file():
            with contextlib.suppress(WorkbenchError):
                node = read_notebook(record.notebook)
        if node is not None:
            self._pages.render(self.run, record, node)
        if record.state == "succeeded":
            self._done(unit.planned.name)
        else:
            self._failed = True
        self._tell(record)

    def _done(self, name: str) -> None:
        """Note that one of a stage's instances is done."""
        self._left[name] -= 1
        if self._left[name] == 0:
            self._order.done(name)

    def _tell(self, record: StageRun) -> None:
        self._unsaved = True
        self.progress.update(self.run, record)

    def _save(self) -> None:
        """Write the record if it has changed: once for the end of a stage and the beginning of the next."""
        if self._unsaved:
            save(self.run, self.settings)
            self._unsaved = False
