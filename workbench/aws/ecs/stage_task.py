"""What a stage is as a task on ECS: the settings say where, its map how large."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from workbench.aws.ecs.task import TaskSpec
from workbench.errors import UsageError
from workbench.execution.kernels.environment import task_settings
from workbench.execution.pipeline.stage import Size
from workbench.settings import Settings

_NEEDED = ("ecs_cluster", "ecs_task_definition", "ecs_subnets", "runs_uri")


def require_settings(settings: Settings) -> None:
    """Check that the settings say where tasks run.

    Raises:
        UsageError: one is missing.
    """
    for name in _NEEDED:
        if not getattr(settings, name):
            raise UsageError(f"running stages on ECS needs WORKBENCH_{name.upper()}")


def stage_task(
    settings: Settings,
    pipeline: str,
    stage: str,
    size: Size,
    command: Sequence[str],
    run_id: str,
    environment: Mapping[str, str],
) -> TaskSpec:
    """Return the task of a stage; ``environment`` is over the settings, of which those with a password stay here."""
    every = task_settings(settings)
    return TaskSpec(
        cluster=settings.ecs_cluster,
        task_definition=size.definition(settings.ecs_task_definition),
        command=command,
        subnets=_names(settings.ecs_subnets),
        security_groups=_names(settings.ecs_security_groups),
        container=settings.ecs_container,
        environment={name: value for name, value in every.items() if not has_password(value)}
        | dict(environment),
        cpu=size.cpu,
        memory=size.memory,
        spot=settings.ecs_spot,
        public_ip=settings.ecs_public_ip,
        tags={"workbench:pipeline": pipeline, "workbench:stage": stage, "workbench:run": run_id},
    )


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def has_password(url: str) -> bool:
    """Return whether a URL holds a password: whoever may look at a task could read it there."""
    try:
        return bool(urlsplit(url).password)
    except ValueError:
        return True
