"""ECS for real: RunTask starts the container's command, and a task's states are those of its process.

moto 5.2.5 ignores the command and answers exit code 0. This replaces RunTask and StopTask of its backend, for
tasks on Fargate with one container.
"""

from __future__ import annotations

import inspect
import json
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from workbench.aws.local.containers import OUT_OF_MEMORY, CannotStart, Container, ecr_image
from workbench.aws.local.door import Key

SPOT = "Your Spot Task was interrupted."
_running: dict[str, _Running] = {}
_lock = threading.Lock()


def install(url: str, key: Key) -> None:
    """Replace what moto doesn't do; ``url`` is where containers find the local AWS, and ``key`` opens it."""
    from moto.ecs import models, responses
    from moto.moto_api import state_manager

    backend = models.EC2ContainerServiceBackend
    original_run = backend.run_task
    # States change when a process does, never by being asked for.
    state_manager.set_transition("ecs::task", {"progression": "manual", "times": 2**62})

    def run_task(self: Any, *arguments: Any, **named: Any) -> list[Any]:
        call = inspect.signature(original_run).bind(self, *arguments, **named)
        network = call.arguments.get("networking_configuration")
        if network and "awsvpcConfiguration" in network:
            network["awsvpcConfiguration"].setdefault("securityGroups", [])
        definition = self.describe_task_definition(call.arguments["task_definition_str"])
        if len(definition.container_definitions) != 1:
            raise models.InvalidParameterException("The local AWS runs tasks of one container.")
        memory = definition.container_definitions[0]
        if memory.get("memory") is None and memory.get("memoryReservation") is None:
            memory["memory"] = int(definition.memory or 512)
        tasks = original_run(*call.args, **call.kwargs)
        for task in tasks:
            running = _Running(task, definition, {"AWS_ENDPOINT_URL": url, **key.variables})
            with _lock:
                _running[task.task_arn] = running
            running.start()
        return list(tasks)

    def stop_task(self: Any, cluster_str: str, task_str: str, reason: str) -> Any:
        task_id = task_str.split("/")[-1]
        with _lock:
            found = next((one for arn, one in _running.items() if arn.split("/")[-1] == task_id), None)
        if found is None:
            raise models.InvalidParameterException("The referenced task was not found.")
        found.stop(reason)
        return found.task

    backend.run_task, backend.stop_task = run_task, stop_task
    handler = responses.EC2ContainerServiceResponse
    handler.run_task = _once_a_token(handler.run_task)


def _once_a_token(run_task: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Have a call that is repeated with its token answered as before: moto takes no notice of tokens."""
    answers: dict[str, Any] = {}
    one = threading.Lock()

    def call(self: Any) -> Any:
        token = self._get_param("clientToken")
        if not token:
            return run_task(self)
        with one:
            if token not in answers:
                answers[token] = run_task(self)
            return answers[token]

    return call


def end_all() -> None:
    """Stop every task, and wait for its process."""
    with _lock:
        running = list(_running.values())
    for one in running:
        one.grace = 1
        one.stop("The local AWS ended.")
    for one in running:
        one.join(30)


class _Running:
    """A task and the thread that follows its process."""

    def __init__(self, task: Any, definition: Any, aws: Mapping[str, str]) -> None:
        self.task, self._definition, self._aws = task, definition, aws
        self._container = definition.container_definitions[0]
        self.grace = float(self._container.get("stopTimeout") or 30)
        self._stop, self._line = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._stream: tuple[str, str] | None = None
        task.created_at = datetime.now(UTC)
        task.cpu = str(task.overrides.get("cpu") or definition.cpu or "256")
        task.memory = str(task.overrides.get("memory") or definition.memory or "512")
        task.version, task.availability_zone = 0, f"{task.region_name}a"
        task.connectivity, task.platform_family = "CONNECTED", "Linux"
        (self._view,) = task.containers
        self._view.task_arn = task.task_arn
        self._view.exit_code = None
        del self._view.exitCode
        self._set("PROVISIONING")

    def start(self) -> None:
        self._thread.start()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def stop(self, reason: str) -> None:
        """Ask it to end. ECS reclaims Spot capacity without being asked: the reason it gives then does that."""
        if self.task.desired_status != "STOPPED":
            self.task.desired_status = "STOPPED"
            self.task.stopped_reason = reason
            self.task.stop_code = "SpotInterruption" if reason == SPOT else "UserInitiated"
            self.task.stopping_at = datetime.now(UTC)
            self._stop.set()

    def _follow(self) -> None:
        try:
            self._set("PENDING")
            container = self._create()
        except CannotStart as problem:
            self._view.reason = str(problem)
            self._end("TaskFailedToStart", str(problem))
            return
        self.task.started_at = self.task.pull_stopped_at = datetime.now(UTC)
        self._view.runtime_id = self.task.id
        self._view.last_status = "RUNNING"
        self._set("RUNNING")
        code = container.wait(self._stop, self.grace)
        self._view.exit_code = code
        if container.out_of_memory:
            self._view.reason = OUT_OF_MEMORY
        self._end("EssentialContainerExited", "Essential container in task exited")

    def _create(self) -> Container:
        self.task.pull_started_at = datetime.now(UTC)
        self._pull(self._container.get("image") or "")
        self._open_log()
        override: dict[str, Any] = next(
            (o for o in self.task.overrides.get("containerOverrides", []) if o["name"] == self._view.name), {}
        )
        command = [
            *self._container.get("entryPoint", []),
            *(override.get("command") or self._container.get("command") or []),
        ]
        variables = {
            **self._aws,
            "AWS_DEFAULT_REGION": self.task.region_name,
            "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        }
        for one in (*self._container.get("environment", []), *override.get("environment", [])):
            variables[one["name"]] = one["value"]
        memory = override.get("memory") or self._container.get("memory")
        if not memory and self.task.memory.isdigit():
            memory = self.task.memory
        return Container(
            command,
            variables,
            memory=int(memory) if memory else None,
            folder=self._container.get("workingDirectory"),
            on_line=self._log,
        )

    def _pull(self, image: str) -> None:
        """Look for an image of ECR in the local ECR; one of another registry is taken to be there."""
        from moto.ecr.models import ecr_backends

        if (named := ecr_image(image)) is None:
            return
        region, name, tag = named
        repository = ecr_backends[self.task._account_id][region].repositories.get(name)
        tags = [tag for one in repository.images for tag in one.image_tags] if repository else []
        if tag not in tags:
            raise CannotStart(f"CannotPullContainerError: image not found: {image}: not found")

    def _open_log(self) -> None:
        from moto.logs.models import logs_backends

        log_configuration = self._container.get("logConfiguration") or {}
        if log_configuration.get("logDriver") != "awslogs":
            return
        options = log_configuration.get("options", {})
        self._logs = logs_backends[self.task._account_id][
            options.get("awslogs-region", self.task.region_name)
        ]
        group = options.get("awslogs-group", "")
        if group not in self._logs.groups:
            if options.get("awslogs-create-group") != "true":
                raise CannotStart(
                    "ResourceInitializationError: failed to validate logger args: The task cannot find the "
                    f"Amazon CloudWatch log group {group}"
                )
            self._logs.ensure_log_group(group)
        self._stream = (
            group,
            f"{options.get('awslogs-stream-prefix', 'ecs')}/{self._view.name}/{self.task.id}",
        )
        self._logs.create_log_stream(*self._stream)

    def _log(self, line: str) -> None:
        if self._stream is not None:
            with self._line:
                event = {"timestamp": round(time.time() * 1000), "message": line or " "}
                self._logs.put_log_events(*self._stream, [event])

    def _end(self, code: str, reason: str) -> None:
        task = self.task
        task.execution_stopped_at = datetime.now(UTC)
        task.stop_code = getattr(task, "stop_code", None) or code
        task.stopped_reason = task.stopped_reason or reason
        task.desired_status = self._view.last_status = "STOPPED"
        if not hasattr(task, "stopping_at"):
            task.stopping_at = datetime.now(UTC)
        if hasattr(task, "started_at"):
            for state in ("DEACTIVATING", "STOPPING"):
                self._set(state)
        self._set("DEPROVISIONING")
        task.stopped_at = datetime.now(UTC)
        self._set("STOPPED")

    def _set(self, state: str) -> None:
        """Change the state, and tell EventBridge."""
        from moto.events.models import events_backends

        self.task.last_status = state
        self.task.version += 1
        detail = {
            "taskArn": self.task.task_arn,
            "clusterArn": self.task.cluster_arn,
            "taskDefinitionArn": self.task.task_definition_arn,
            "group": self.task.group,
            "startedBy": self.task.started_by,
            "launchType": self.task.launch_type or "FARGATE",
            "lastStatus": state,
            "desiredStatus": self.task.desired_status,
            "version": self.task.version,
            "containers": [
                {
                    "name": self._view.name,
                    "containerArn": self._view.container_arn,
                    "taskArn": self.task.task_arn,
                    "image": self._view.image,
                    "lastStatus": self._view.last_status,
                    **({} if self._view.exit_code is None else {"exitCode": self._view.exit_code}),
                    **({"reason": self._view.reason} if hasattr(self._view, "reason") else {}),
                }
            ],
            "overrides": self.task.overrides,
            **({"stoppedReason": self.task.stopped_reason} if self.task.stopped_reason else {}),
            **({"stopCode": self.task.stop_code} if getattr(self.task, "stop_code", None) else {}),
        }
        events_backends[self.task._account_id][self.task.region_name].put_events(
            [
                {
                    "Source": "aws.ecs",
                    "DetailType": "ECS Task State Change",
                    "Detail": json.dumps(detail),
                    "Resources": [self.task.task_arn],
                }
            ]
        )
