"""A task on ECS: what to run, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from workbench.aws.ecs.fargate import FargateSize, fitting_size

Outcome = Literal["succeeded", "failed", "out_of_memory", "interrupted", "cannot_start", "stopped"]


@dataclass(frozen=True)
class TaskSpec:
    """What to run, and where.

    ``cpu`` is in processors and ``memory`` in MiB; the smallest size of Fargate that has both is taken.
    ``container`` names the one of the task definition that gets the command.

    Of one ``token``, up to 32 letters, digits, - and _, there is one task: who comes again with it, as its own process
    ended, follows that task or takes its result. Without one each call starts a task.
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
    token: str = ""

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


def stage_command(
    pipeline: str, stage: str, parameters: Mapping[str, Any] | None = None, *, if_changed: bool = False
) -> list[str]:
    """Return the command line that runs one stage, the same as on a laptop; with ``if_changed`` it may skip it.

    The values of parameters are such as JSON has.
    """
    # Where it runs now is where it is to run, whatever its map says of other machines.
    command = ["workbench", "run", pipeline, "--only", stage, "--executor", "local"]
    if if_changed:
        command.append("--if-changed")
    if parameters:
        command += ["--parameters-json", json.dumps(dict(parameters))]
    return command


def read_ending(task: Mapping[str, Any], container: str) -> tuple[Outcome, str, int | None]:
    """Return how a stopped task ended, why in a line, and its exit code if it has one.

    Args:
        task: as DescribeTasks or an "ECS Task State Change" event tells it.
        container: the container that counts.
    """
    ours: dict[str, Any] = next((one for one in task.get("containers", []) if one["name"] == container), {})
    code, message = ours.get("exitCode"), ours.get("reason") or ""
    stopped = task.get("stoppedReason") or ""
    if code == 0:
        return "succeeded", "", 0
    if "OutOfMemory" in message:
        return "out_of_memory", f"{message}; give the stage more memory", code
    if task.get("stopCode") == "SpotInterruption":
        return "interrupted", stopped or "Spot capacity was reclaimed", code
    if task.get("stopCode") == "TaskFailedToStart" or code is None:
        return "cannot_start", message or stopped or "the task never started", code
    if task.get("stopCode") == "UserInitiated":
        return "stopped", stopped or "stopped by a person", code
    detail = f": {message}" if message else ""
    return "failed", f"the command ended with exit code {code}{detail}", code
