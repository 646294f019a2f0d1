"""Run a command as a task on ECS Fargate, and follow it to its end."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal

from workbench.aws.clients import aws_errors, client
from workbench.aws.fargate import FargateSize, Prices, cost, fitting_size
from workbench.aws.logs import LogTail
from workbench.errors import UsageError, WorkbenchError, WorkFailed

Outcome = Literal["succeeded", "failed", "out_of_memory", "interrupted", "cannot_start", "stopped"]
# Reasons for which a task didn't start that another attempt may not meet.
_PASSING = (
    "Timeout waiting for network interface", "i/o timeout", "TLS handshake timeout", "toomanyrequests",
    "Capacity is unavailable", "unable to pull secrets or registry auth", "RESOURCE:", "connection reset",
)  # fmt: skip


@dataclass(frozen=True)
class TaskSpec:
    """What to run, and where.

    ``cpu`` is in processors and ``memory`` in MiB; the smallest size of Fargate that has both is taken.
    ``container`` names the one of the task definition that gets the command.
    """

    cluster: str
    task_definition: str
    command: Sequence[str]
    subnets: Sequence[str]
    security_groups: Sequence[str] = ()
    container: str = "main"
    environment: Mapping[str, str] = field(default_factory=dict)
    cpu: float = 1
    memory: int = 2048
    spot: bool = False
    public_ip: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> FargateSize:
        """The size of Fargate it takes."""
        return fitting_size(self.cpu, self.memory)


@dataclass(frozen=True)
class TaskResult:
    """How a task ended.

    ``seconds`` are from the pull of its image to its end, and ``cost`` is in US dollars, over all ``attempts``.
    """

    outcome: Outcome
    reason: str
    task_arn: str | None = None
    exit_code: int | None = None
    seconds: float = 0
    cost: Decimal = Decimal(0)
    attempts: int = 1
    log_group: str | None = None
    log_stream: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the command succeeded."""
        return self.outcome == "succeeded"


def stage_command(pipeline: str, stage: str, parameters: Mapping[str, Any] | None = None) -> list[str]:
    """Return the command line that runs one stage, the same as on a laptop."""
    command = ["workbench", "run", pipeline, "--only", stage]
    for name, value in (parameters or {}).items():
        command += ["-p", f"{name}={value}"]
    return command


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
            task = _Task(spec, size, on_line)
        except _NotPlaced as problem:
            result = TaskResult("cannot_start", str(problem))
        else:
            result = task.follow(stop, poll)
            result = replace(
                result, cost=cost(size, result.seconds, prices) if result.seconds else Decimal(0)
            )
        ended.append(result)
        if len(ended) >= attempts or stop.is_set() or not _worth_another(result):
            return replace(
                result,
                attempts=len(ended),
                seconds=round(sum(one.seconds for one in ended), 3),
                cost=sum((one.cost for one in ended), Decimal(0)),
            )
        seconds = pause * 2 ** (len(ended) - 1)
        on_line(f"{result.reason}; attempt {len(ended) + 1} of {attempts} in {seconds:g} s")
        if stop.wait(seconds):
            return replace(result, attempts=len(ended))


def _worth_another(result: TaskResult) -> bool:
    return result.outcome == "interrupted" or (
        result.outcome == "cannot_start" and any(text in result.reason for text in _PASSING)
    )


class _NotPlaced(WorkFailed):
    """ECS took the call but placed no task."""


class _Task:
    """One task that was started."""

    def __init__(self, spec: TaskSpec, size: FargateSize, on_line: Callable[[str], None]) -> None:
        self._spec, self._ecs = spec, client("ecs")
        with aws_errors(f"the task definition {spec.task_definition}"):
            definition = self._ecs.describe_task_definition(taskDefinition=spec.task_definition)[
                "taskDefinition"
            ]
        containers = {one["name"]: one for one in definition["containerDefinitions"]}
        if spec.container not in containers:
            raise UsageError(
                f"{spec.task_definition} has no container {spec.container!r}; it has {', '.join(containers)}"
            )
        self.arn = self._start(size)
        self._tail = LogTail(containers[spec.container], self.arn, on_line)

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
                clientToken=str(uuid.uuid4()),
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
                self._tail.read()
                if stop.is_set() and not asked:
                    self._stop()
                    asked = True
                if asked:
                    time.sleep(min(poll, 0.5))
                else:
                    stop.wait(poll)
            self._last_lines(poll)
        except BaseException:
            if not asked:
                self._stop()
            raise
        return self._result(task, asked)

    def _stop(self) -> None:
        with aws_errors(f"stopping {self.arn}"):
            self._ecs.stop_task(
                cluster=self._spec.cluster, task=self.arn, reason="Stopped by the run that started it"
            )

    def _describe(self) -> dict[str, Any]:
        with aws_errors(f"the task {self.arn}"):
            answer = self._ecs.describe_tasks(cluster=self._spec.cluster, tasks=[self.arn])
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


def read_ending(task: Mapping[str, Any], container: str) -> tuple[Outcome, str, int | None]:
    """Return how a stopped task ended, why in a line, and its exit code if it has one.

    Args:
        task: as DescribeTasks or an "ECS Task State Change" event tells it.
        container: the container that counts.
    """
    ours: dict[str, Any] = next((one for one in task.get("containers", []) if one["name"] == container), {})
    code, said = ours.get("exitCode"), ours.get("reason") or ""
    stopped = task.get("stoppedReason") or ""
    if code == 0:
        return "succeeded", "", 0
    if "OutOfMemory" in said:
        return "out_of_memory", f"{said}; give the stage more memory", code
    if task.get("stopCode") == "SpotInterruption":
        return "interrupted", stopped or "Spot capacity was reclaimed", code
    if task.get("stopCode") == "TaskFailedToStart" or code is None:
        return "cannot_start", said or stopped or "the task never started", code
    if task.get("stopCode") == "UserInitiated":
        return "stopped", stopped or "stopped by a person", code
    detail = f": {said}" if said else ""
    return "failed", f"the command ended with exit code {code}{detail}", code
