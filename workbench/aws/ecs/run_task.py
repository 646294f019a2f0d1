"""Run a command as a task on ECS Fargate, and follow it to its end."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from workbench.aws.ecs.fargate import FargateSize, Prices, cost
from workbench.aws.ecs.logs import LogTail
from workbench.aws.ecs.task import TaskResult, TaskSpec, read_ending, stage_command
from workbench.boto import aws_errors, client
from workbench.errors import UsageError, WorkbenchError, WorkFailed

__all__ = ["TaskResult", "TaskSpec", "run_task", "stage_command"]

# Reasons for which a task didn't start that another attempt may not meet.
_PASSING = (
    "Timeout waiting for network interface", "i/o timeout", "TLS handshake timeout", "toomanyrequests",
    "Capacity is unavailable", "unable to pull secrets or registry auth", "RESOURCE:", "connection reset",
)  # fmt: skip
# How often in a row ECS may leave the question for a task's state unanswered, each time after boto3's retries.
_PATIENCE = 10


def run_task(
    spec: TaskSpec,
    *,
    on_line: Callable[[str], None] = print,
    stop: threading.Event | None = None,
    attempts: int = 3,
    pause: float = 10,
    poll: float = 2,
    prices: Prices | None = None,
) -> TaskResult:
    """Run a task to its end.

    A task whose Spot capacity was reclaimed, or that couldn't start for a passing reason, is started again; one
    that failed by itself isn't.

    Args:
        spec: what to run.
        on_line: told each line it writes, while it runs.
        stop: stops the task when set. Ctrl-C does too, and goes on to the caller.
        attempts: how many tasks are started at most.
        pause: seconds before the second attempt, doubled each time.
        poll: seconds between two looks.
        prices: of the region.

    Raises:
        UsageError: no size of Fargate is large enough, or the definition has no such container.
        WorkFailed: AWS refuses, or can't be reached.
    """
    stop = stop or threading.Event()
    size = spec.size
    ended: list[TaskResult] = []
    while True:
        try:
            task = _Task(spec, size, on_line, len(ended))
        except _NotPlaced as problem:
            result = TaskResult("cannot_start", str(problem))
        else:
            result = task.follow(stop, poll)
            result = replace(
                result, cost=cost(size, result.seconds, prices) if result.seconds else Decimal(0)
            )
        ended.append(result)
        if len(ended) >= attempts or stop.is_set() or not _worth_another(result):
            return _over_all(ended)
        seconds = pause * 2 ** (len(ended) - 1)
        on_line(f"{result.reason}; attempt {len(ended) + 1} of {attempts} in {seconds:g} s")
        if stop.wait(seconds):
            return _over_all(ended)


def _over_all(ended: Sequence[TaskResult]) -> TaskResult:
    """Return how the last attempt ended, with what all of them took."""
    return replace(
        ended[-1],
        attempts=len(ended),
        seconds=round(sum(one.seconds for one in ended), 3),
        cost=sum((one.cost for one in ended), Decimal(0)),
    )


def _worth_another(result: TaskResult) -> bool:
    return result.outcome == "interrupted" or (
        result.outcome == "cannot_start" and any(text in result.reason for text in _PASSING)
    )


class _NotPlaced(WorkFailed):
    """ECS took the call but placed no task."""


class _Task:
    """One task that was started."""

    def __init__(
        self, spec: TaskSpec, size: FargateSize, on_line: Callable[[str], None], attempt: int
    ) -> None:
        self._spec, self._ecs, self._unseen = spec, client("ecs"), 0
        self._token = f"{spec.token}-{attempt}" if spec.token else str(uuid.uuid4())
        with aws_errors(f"the task definition {spec.task_definition}"):
            definition = self._ecs.describe_task_definition(taskDefinition=spec.task_definition)[
                "taskDefinition"
            ]
        containers = {one["name"]: one for one in definition["containerDefinitions"]}
        if spec.container not in containers:
            raise UsageError(
                f"{spec.task_definition} has no container {spec.container!r}; it has {', '.join(containers)}"
            )
        self.arn = (self._find() if spec.token else None) or self._start(size)
        self._tail = LogTail(containers[spec.container], self.arn, on_line)

    def _find(self) -> str | None:
        """Return the task that was started with this token, if there is one; ECS knows a stopped one for an hour."""
        with aws_errors(f"the tasks on {self._spec.cluster}"):
            for status in ("RUNNING", "STOPPED"):
                found: list[str] = self._ecs.list_tasks(
                    cluster=self._spec.cluster, startedBy=self._token, desiredStatus=status
                )["taskArns"]
                if found:
                    return found[0]
        return None

    def _start(self, size: FargateSize) -> str:
        spec = self._spec
        capacity: dict[str, Any] = {"launchType": "FARGATE"}
        if spec.spot:
            capacity = {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]}
        container = {
            "name": spec.container,
            "command": list(spec.command),
            "environment": [{"name": name, "value": value} for name, value in spec.environment.items()],
        }
        network = {
            "subnets": list(spec.subnets),
            "securityGroups": list(spec.security_groups),
            "assignPublicIp": "ENABLED" if spec.public_ip else "DISABLED",
        }
        with aws_errors(f"starting a task of {spec.task_definition}"):
            answer = self._ecs.run_task(
                cluster=spec.cluster,
                taskDefinition=spec.task_definition,
                count=1,
                networkConfiguration={"awsvpcConfiguration": network},
                overrides={
                    "cpu": str(size.cpu),
                    "memory": str(size.memory),
                    "containerOverrides": [container],
                },
                tags=[{"key": name, "value": value} for name, value in spec.tags.items()],
                # A call that is repeated after a lost answer starts no second task.
                clientToken=self._token,
                startedBy=self._token,
                **capacity,
            )
        if failures := answer.get("failures"):
            raise _NotPlaced(f"{failures[0].get('reason')}: {failures[0].get('detail', '')}".rstrip(": "))
        arn: str = answer["tasks"][0]["taskArn"]
        return arn

    def follow(self, stop: threading.Event, poll: float) -> TaskResult:
        """Hand on its lines until it has ended; stop it when asked to, or when this process is interrupted."""
        asked = False
        try:
            while (task := self._describe())["lastStatus"] != "STOPPED":
                # A line that can't be read now is read later; that is no reason to end the task.
                with contextlib.suppress(WorkFailed):
                    self._tail.read()
                if stop.is_set() and not asked:
                    self._stop()
                    asked = True
                if asked:
                    time.sleep(min(poll, 0.5))
                else:
                    stop.wait(poll)
            self._last_lines(poll)
        except BaseException as problem:
            # A task that has a token waits for who comes again, but not where somebody ends it.
            left = bool(self._spec.token) and isinstance(problem, Exception)
            if not asked and not left:
                self._stop()
            raise
        return self._result(task, asked)

    def _stop(self) -> None:
        with aws_errors(f"stopping {self.arn}"):
            self._ecs.stop_task(
                cluster=self._spec.cluster, task=self.arn, reason="Stopped by the run that started it"
            )

    def _describe(self) -> dict[str, Any]:
        try:
            with aws_errors(f"the task {self.arn}"):
                answer = self._ecs.describe_tasks(cluster=self._spec.cluster, tasks=[self.arn])
        except WorkFailed:
            self._unseen += 1
            if self._unseen > _PATIENCE:
                raise
            return {"lastStatus": "UNKNOWN"}
        self._unseen = 0
        if not answer["tasks"]:
            # So it is for a moment after RunTask.
            return {"lastStatus": "PROVISIONING"}
        task: dict[str, Any] = answer["tasks"][0]
        return task

    def _last_lines(self, poll: float) -> None:
        """Read until nothing more comes: lines may be a little behind the task."""
        try:
            while True:
                before = self._tail.read()
                time.sleep(min(poll, 1))
                if not before and not self._tail.read():
                    return
        except WorkbenchError:
            # How it ended is known; its last lines aren't worth losing that.
            return

    def _result(self, task: dict[str, Any], asked: bool) -> TaskResult:
        outcome, reason, code = read_ending(task, self._spec.container)
        if asked and outcome != "succeeded":
            outcome = "stopped"
        began = task.get("pullStartedAt") or task.get("startedAt")
        ended = task.get("executionStoppedAt") or task.get("stoppedAt")
        seconds = (ended - began).total_seconds() if began and ended and task.get("startedAt") else 0.0
        return TaskResult(
            outcome,
            reason,
            task_arn=self.arn,
            exit_code=code,
            seconds=round(seconds, 3),
            log_group=self._tail.group,
            log_stream=self._tail.stream,
        )
