"""The Step Functions definition of a pipeline, from its map: each stage is a task on ECS.

The language is described at https://states-language.net/spec.html, the call of ECS at
https://docs.aws.amazon.com/step-functions/latest/dg/connect-ecs.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import networkx

from workbench.aws.ecs.fargate import fitting_size
from workbench.aws.ecs.run_task import stage_command
from workbench.errors import UsageError, unknown
from workbench.execution.notebook.reading import read_notebook
from workbench.execution.parameters.declarations import read_parameters
from workbench.execution.pipeline.pipeline import Pipeline
from workbench.execution.pipeline.stage import TROUBLE_RETRIES, Stage

_FAILED, _NOTIFY, _DONE, _EACH = "Failed", "Notify", "Done", "Each"
# A name may be there once in a machine, the states of a Map inside it included.
_ONE_DONE = "One done"
# ECS itself had trouble: no fault of the stage, so worth another call whatever the map says.
_TROUBLE = ["ECS.AmazonECSException", "ECS.ServerException", "ECS.ThrottlingException"]


@dataclass(frozen=True)
class Target:
    """Where the stages of a state machine run; ``topic`` is the SNS topic that hears of a failure.

    ``images`` are the task definitions of other images that maps may name; without any, their families follow from the usual
    one's.
    """

    cluster: str
    task_definition: str
    subnets: Sequence[str]
    security_groups: Sequence[str] = field(default=())
    container: str = "main"
    topic: str | None = None
    images: Mapping[str, str] = field(default_factory=dict)


def state_machine(pipeline: Pipeline, target: Target, inputs: Sequence[str] = ()) -> dict[str, Any]:
    """Return the definition that runs a pipeline: stages that don't wait for each other go side by side.

    Args:
        pipeline: its map.
        target: where stages run.
        inputs: parameters that the execution's input gives a value each, as ``{"as_of": "2026-01-31"}``.

    Raises:
        UsageError: no stage has such a parameter, or a stage is larger than Fargate goes, or needs an image that isn't there.
    """
    machine = _flow(pipeline, target, inputs, catch=_NOTIFY if target.topic else _FAILED)
    machine["States"] |= _endings(pipeline, target)
    return {"Comment": _comment(pipeline), **machine}


def backfill_machine(
    pipeline: Pipeline, target: Target, parameter: str, *, at_once: int = 1
) -> dict[str, Any]:
    """Return the definition that runs a pipeline for each of a list of values, ``{"values": [...]}``.

    Args:
        pipeline: its map.
        target: where stages run.
        parameter: what each value is for, ``as_of`` for example.
        at_once: how many values are worked on side by side.

    Raises:
        UsageError: as for :func:`state_machine`.
    """
    each = _flow(pipeline, target, [parameter], done=_ONE_DONE)
    each["States"][_ONE_DONE] = {"Type": "Succeed"}
    states: dict[str, Any] = {
        _EACH: {
            "Type": "Map",
            "ItemsPath": "$.values",
            "ItemSelector": {f"{parameter}.$": "$$.Map.Item.Value"},
            "MaxConcurrency": at_once,
            "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **each},
            "ResultPath": None,
            "Catch": [_catch(_NOTIFY if target.topic else _FAILED)],
            "Next": _DONE,
        },
        **_endings(pipeline, target),
    }
    return {"Comment": f"{_comment(pipeline)} For each {parameter}.", "StartAt": _EACH, "States": states}


def _comment(pipeline: Pipeline) -> str:
    return f"Pipeline {pipeline.name}. {pipeline.description}".strip()


def _flow(
    pipeline: Pipeline, target: Target, inputs: Sequence[str], *, catch: str | None = None, done: str = _DONE
) -> dict[str, Any]:
    """Return the states of the stages, one after another or side by side, the last of which goes on to ``done``."""
    declared = _declared(pipeline, inputs)
    steps = [
        sorted(names, key=pipeline.order.index)
        for names in networkx.topological_generations(_graph(pipeline))
    ]
    states: dict[str, Any] = {}
    heads = [_head(names) for names in steps]
    for names, head, following in zip(steps, heads, [*heads[1:], done], strict=True):
        tasks = {name: _task(pipeline, name, target, declared[name]) for name in names}
        if len(names) == 1:
            state = tasks[names[0]]
        else:
            branches = [
                {"StartAt": name, "States": {name: {**task, "End": True}}} for name, task in tasks.items()
            ]
            state = {"Type": "Parallel", "Branches": branches, "ResultPath": None}
        if catch:
            state["Catch"] = [_catch(catch)]
        states[head] = {**state, "Next": following}
    return {"StartAt": heads[0], "States": states}


def _graph(pipeline: Pipeline) -> networkx.DiGraph:
    graph = networkx.DiGraph()
    graph.add_nodes_from(pipeline.order)
    graph.add_edges_from((before, name) for name in pipeline.order for before in pipeline.before[name])
    return graph


def _head(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else " and ".join(names)[:80]


def _declared(pipeline: Pipeline, inputs: Sequence[str]) -> dict[str, list[str]]:
    """Return which of some parameters each stage declares."""
    declared = {}
    for name in pipeline.order:
        known = read_parameters(read_notebook(pipeline.notebook(name)), f"stage {name}")
        declared[name] = [wanted for wanted in inputs if wanted in known]
    every = {name for names in declared.values() for name in names}
    for wanted in inputs:
        if wanted not in every:
            notebooks = (read_notebook(pipeline.notebook(name)) for name in pipeline.order)
            choices = {known for node in notebooks for known in read_parameters(node, pipeline.name)}
            raise unknown(f"parameter of {pipeline.name}", wanted, choices)
    return declared


def _task(pipeline: Pipeline, name: str, target: Target, inputs: Sequence[str]) -> dict[str, Any]:
    stage = pipeline.stages[name]
    size = fitting_size(stage.size.cpu, stage.size.memory)
    network: dict[str, Any] = {"Subnets": list(target.subnets)}
    if target.security_groups:
        network["SecurityGroups"] = list(target.security_groups)
    task: dict[str, Any] = {
        "Type": "Task",
        "Resource": "arn:aws:states:::ecs:runTask.sync",
        "Parameters": {
            "Cluster": target.cluster,
            "TaskDefinition": _definition(stage, target),
            "LaunchType": "FARGATE",
            "NetworkConfiguration": {"AwsvpcConfiguration": network},
            "Overrides": {
                "Cpu": str(size.cpu),
                "Memory": str(size.memory),
                "ContainerOverrides": [{"Name": target.container, **_command(pipeline.name, name, inputs)}],
            },
        },
        "ResultPath": None,
        "Retry": _retry(stage),
    }
    if stage.time_limit:
        task["TimeoutSeconds"] = stage.time_limit
    return task


def _definition(stage: Stage, target: Target) -> str:
    image = stage.size.image
    if not image or not target.images:
        return stage.size.definition(target.task_definition)
    if image not in target.images:
        raise unknown("image", image, target.images)
    return target.images[image]


def _command(pipeline: str, stage: str, inputs: Sequence[str]) -> dict[str, Any]:
    """Return the container's command; with inputs, as an expression over the execution's input."""
    command = stage_command(pipeline, stage, if_changed=True)
    if not inputs:
        return {"Command": command}
    parts = [f"'{part}'" for part in command]
    for name in inputs:
        parts += ["'-p'", f"States.Format('{name}={{}}', $.{name})"]
    return {"Command.$": f"States.Array({', '.join(parts)})"}


def _retry(stage: Stage) -> list[dict[str, Any]]:
    """Return when a task is started again: the stage's own retries happen inside of it, as on a laptop.

    What the stage can't see is a task that died with its machine, or never got one.
    """
    retry = [
        {"ErrorEquals": _TROUBLE, "IntervalSeconds": 5, "MaxAttempts": TROUBLE_RETRIES, "BackoffRate": 2}
    ]
    if stage.restarts:
        interval = max(1, round(stage.retries.delay))
        again = {
            "ErrorEquals": ["States.TaskFailed"],
            "IntervalSeconds": interval,
            "MaxAttempts": stage.restarts,
            "BackoffRate": 2,
        }
        retry.append(again)
    return retry


def _catch(following: str) -> dict[str, Any]:
    return {"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": following}


def _endings(pipeline: Pipeline, target: Target) -> dict[str, Any]:
    endings: dict[str, Any] = {
        _DONE: {"Type": "Succeed"},
        _FAILED: {"Type": "Fail", "Error": "StageFailed", "CausePath": "$.failure.Cause"},
    }
    if target.topic:
        endings[_NOTIFY] = {
            "Type": "Task",
            "Resource": "arn:aws:states:::sns:publish",
            "Parameters": {
                "TopicArn": target.topic,
                "Subject": f"Pipeline {pipeline.name} failed"[:100],
                "Message": {
                    "pipeline": pipeline.name,
                    "execution.$": "$$.Execution.Name",
                    "error.$": "$.failure.Error",
                    "cause.$": "$.failure.Cause",
                },
            },
            "ResultPath": None,
            "Next": _FAILED,
        }
    for name in pipeline.stages:
        if name in (_DONE, _FAILED, _NOTIFY, _EACH):
            raise UsageError(
                f"a stage can't be called {name} in a state machine; the machine has a state of that name"
            )
    return endings
