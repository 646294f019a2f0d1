"""Take messages from the queue and do what they say."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence

from workbench.aws.ecs.executor import executors
from workbench.aws.metrics import QueueFigures, observed
from workbench.errors import UsageError, WorkbenchError
from workbench.execution import Run, RunOptions, Stopped, load_pipeline, run_pipeline
from workbench.execution.run.progress import Progress, Silence
from workbench.numbers import many
from workbench.queue.base import Message, Queue
from workbench.queue.messages import Nothing, NotUnderstood, RunRequest, understand
from workbench.queue.sqlite import SQLiteQueue
from workbench.settings import Settings
from workbench.warehouse import locate
from workbench.worker.arrivals import last_change
from workbench.worker.completed import Finished, intakes
from workbench.worker.deliveries import Delivery, ack_completed, bring
from workbench.worker.followers import Followers
from workbench.worker.heartbeat import Heartbeat
from workbench.worker.landing_watcher import LandingWatcher
from workbench.worker.options import Options
from workbench.worker.patience import patiently, to_stderr
from workbench.worker.publishing import Publishing
from workbench.worker.settlement import MessageSettlement
from workbench.worker.stop_between_stages import UntilStopped
from workbench.worker.suspects import Suspects

__all__ = ["Options", "Worker"]

_POLL = 5


class Worker:
    """Works until it is stopped, or until nothing is left.

    A message is deleted only once the ledger, or ``ops.requests``, says that its work is done; so a worker that
    is killed loses nothing, and a message that comes twice is nothing to do. What fails is put off for longer
    each time, and given up with its error after the last delivery.

    Args:
        queue: where messages come from; the embedded one is fed from the landing folder too.
        settings: of the pipelines it runs.
        options: how it works.
        progress: makes one who is told of every step of a run.
        log: takes a line for each thing that happens.
    """

    def __init__(
        self,
        queue: Queue,
        settings: Settings,
        options: Options | None = None,
        *,
        progress: Callable[[], Progress] = Silence,
        log: Callable[[str], None] = to_stderr,
    ) -> None:
        self.queue, self.options = queue, options or Options()
        self.settings = settings.model_copy(update={"landing_settle": self.options.settle})
        self.tally: Counter[str] = Counter()
        self._progress, self._log = progress, log
        self._stop = threading.Event()
        self._intakes = intakes(settings)
        self._warehouse = locate(settings.warehouse)
        self._finished = Finished(self._warehouse, self._intakes)
        self._followers = Followers(queue, self._warehouse, self.settings, self._intakes)
        self._publishing = Publishing(self._warehouse, self.options.retry, log)
        self._figures = QueueFigures(queue) if settings.profile == "aws" else None
        self._suspects = Suspects(queue, self.options.batch)
        self._watcher: LandingWatcher | None = None
        if isinstance(queue, SQLiteQueue):
            queue.on_given_up = self._note_given_up
            self._watcher = LandingWatcher(
                queue, settings, self._finished, settle=self.options.settle, log=log
            )

    def stop(self) -> None:
        """End after the stage that runs now, and give back what isn't done. May be called from anywhere."""
        self._stop.set()

    def work(self, *, drain: bool = False) -> Counter[str]:
        """Take messages until stopped; with ``drain`` until none is left, put-off ones included.

        Returns:
            How many messages are ``done``, ``repeated``, ``ignored``, ``given_up``, ``put_off`` (each time)
            and ``given_back``, and how many ``runs`` there were.
        """
        watch = self._watcher
        try:
            patiently(self._begin, "begin", self._stop, self.options.retry, self._log)
            while not self._stop.is_set():
                messages = self._receive(1 if drain else _POLL)
                if self._figures is not None:
                    self._figures.saw(messages)
                if messages:
                    self._try(messages)
                self._publishing.publish(idle=not messages)
                if (not messages or self._followers.late()) and self._follow():
                    continue
                if (
                    not messages
                    and drain
                    and (watch is None or watch.idle())
                    and self.queue.counts().open == 0
                ):
                    break
        finally:
            if watch is not None:
                watch.stop()
            self._publishing.publish(idle=True)
        return self.tally

    def _begin(self) -> None:
        """Make what is missing of the warehouse, and look at landing."""
        self._warehouse.ensure()
        if self._watcher is not None:
            self._watcher.start()

    def _receive(self, wait: int) -> list[Message]:
        try:
            return self.queue.receive(self._suspects.most, wait=wait, visibility=self.options.visibility)
        except WorkbenchError as problem:
            self._log(f"can't receive for now: {problem}")
            self._stop.wait(self.options.retry)
            return []

    def _note_given_up(self, message_id: str, reason: str) -> None:
        """Count a message that the queue itself gave up."""
        self.tally["given_up"] += 1
        self._log(f"message {message_id} given up: {reason}")

    def _follow(self) -> int:
        """Ask for the pipelines that follow from what has run; files that wait go first."""
        try:
            return self._followers.send(self.tally["runs"])
        except WorkbenchError as problem:
            self._log(f"can't ask for the pipelines that follow, for now: {problem}")
            return 0

    def _try(self, messages: Sequence[Message]) -> None:
        """Do what some messages say; if the queue fails meanwhile, they come again by themselves."""
        try:
            groups = self._suspects.groups(messages)
            kept = [message for group in groups for message in group]
            with Heartbeat(self.queue, kept, self.options.visibility, self._log) as heartbeat:
                self._settlement = MessageSettlement(
                    self.queue, heartbeat, self.tally, self.options.retry, self._log, self._suspects.put_off
                )
                for group in groups:
                    self._take(group)
        except WorkbenchError as problem:
            self._log(f"what isn't finished comes again in up to {self.options.visibility} s: {problem}")
            self._stop.wait(self.options.retry)

    def _take(self, messages: Sequence[Message]) -> None:
        """Do what some messages say: files together, requests one by one."""
        deliveries: list[Delivery] = []
        requests: list[tuple[Message, RunRequest]] = []
        for message in messages:
            self._guarded([message], lambda m=message: self._sort(m, deliveries, requests))  # type: ignore[misc]
        if deliveries:
            self._guarded([d.message for d in deliveries], lambda: self._files(deliveries))
        for message, request in requests:
            self._guarded([message], lambda m=message, r=request: self._request(m, r))  # type: ignore[misc]

    def _sort(
        self, message: Message, deliveries: list[Delivery], requests: list[tuple[Message, RunRequest]]
    ) -> None:
        """Do what a message says, or put it to its like, to be done with them."""
        try:
            content = understand(message.body)
        except NotUnderstood as refused:
            self._settlement.dead_letter(message, str(refused))
            return
        if isinstance(content, Nothing):
            self._settlement.ack(message, "ignored", f"{content.reason}: nothing to do")
        elif isinstance(content, RunRequest):
            requests.append((message, content))
        elif found := bring(message, content, self.settings, self._settlement, self._watcher):
            deliveries.append(found)

    def _guarded(self, messages: Sequence[Message], work: Callable[[], None]) -> None:
        """Do some work; give its messages back if stopped, put them off if it can't be done now."""
        try:
            self._check_stop()
            work()
        except Stopped:
            self._settlement.release(messages)
        except Exception as problem:
            # Whatever it is, other messages shouldn't wait for a person; this one ends among the dead letters.
            message_text = (
                str(problem)
                if isinstance(problem, WorkbenchError)
                else f"{type(problem).__name__}: {problem}"
            )
            for message in self._settlement.unsettled(messages):
                self._settlement.nack(message, message_text)

    def _files(self, deliveries: list[Delivery]) -> None:
        """Run what takes in the files of some messages, once for all of them."""
        if not self._intakes:
            for delivery in deliveries:
                self._settlement.dead_letter(delivery.message, "no pipeline of the project reads landing")
            return
        left, before, run = self._ack_completed(deliveries, "repeated"), 0, None
        while left:
            pending = self._finished.pending(file for delivery in left for file in delivery.files)
            to_do = sum(len(found) for found in pending.values())
            # A file of somebody else's that was refused just now is known to the next run.
            if run is not None and to_do >= before and not self._finished.refuses(run):
                reason = run.error or "it succeeded, and yet the ledger lacks the file"
                for delivery in left:
                    self._settlement.nack(delivery.message, f"run {run.run_id}: {reason}")
                return
            before = to_do
            intake = next(i for i in self._intakes for found in pending.values() if i in found)
            self._log(f"{many(len(pending), 'file')} in {many(len(left), 'message')}: {intake.pipeline.name}")
            self._wait_for(left)
            left_out = intake.pages if self._more_wait() else ()
            run = self._run(intake.pipeline.name, start=intake.stage, without=left_out)
            left = self._ack_completed(left, "done")

    def _wait_for(self, deliveries: Sequence[Delivery]) -> None:
        """Wait until the files of some messages are old enough to be taken in; younger ones are left to a later run."""
        files = [file for delivery in deliveries for file in delivery.files]
        changed = last_change(files, self.settings)
        age = time.time() - changed
        # A time in the future is a clock that is wrong, or a copy that kept it.
        if 0 <= age <= self.options.settle and self._stop.wait(self.options.settle - age + 0.01):
            self._check_stop()

    def _ack_completed(self, deliveries: list[Delivery], outcome: str) -> list[Delivery]:
        return ack_completed(deliveries, outcome, self._finished, self._settlement)

    def _request(self, message: Message, request: RunRequest) -> None:
        """Run what a message asks for, unless that was done."""
        key = request.id or message.message_id
        if (earlier := self._finished.run_of(key, request.pipeline)) is not None:
            self._settlement.ack(
                message, "repeated", f"request {key}: done already by run {earlier}, nothing to do"
            )
            return
        try:
            load_pipeline(request.name, self.settings)
            run = self._run(request.pipeline, request)
        except UsageError as refused:
            self._settlement.dead_letter(message, str(refused))
            return
        if run.state != "succeeded":
            self._settlement.nack(message, f"run {run.run_id}: {run.error}")
            return
        self._finished.note(key, request.pipeline, run.run_id)
        self._settlement.ack(message, "done", f"request {key}: done by run {run.run_id}")

    def _more_wait(self) -> bool:
        """Return whether further messages wait, or files that aren't in one yet."""
        return (self._watcher is not None and not self._watcher.idle()) or self.queue.counts().ready > 0

    def _run(
        self,
        pipeline: str,
        request: RunRequest | None = None,
        start: str | None = None,
        without: Collection[str] = (),
    ) -> Run:
        self._check_stop()
        self.tally["runs"] += 1
        return run_pipeline(
            pipeline,
            request.parameters if request else {},
            RunOptions(
                start=start,
                without=without,
                executor=self.options.executor,
                executors=executors(),
                publish=self._publishing.ask,
                settings=self.settings,
                progress=UntilStopped(observed(self._progress, self.settings), self._stop),
            ),
        )

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise Stopped("the worker was stopped")
