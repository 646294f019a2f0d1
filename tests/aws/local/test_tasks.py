"""Tasks of the local AWS: their command runs, and what is said of them is true."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from tests.aws.local.conftest import Cluster


def python(source: str) -> list[str]:
    return ["python", "-c", source]


@pytest.mark.parametrize("code", [0, 3])
def test_a_task_runs_its_command_and_tells_its_exit_code(cluster: Cluster, code: int) -> None:
    task = cluster.run(cluster.define(python(f"print('first'); print('second'); raise SystemExit({code})")))
    found = cluster.until(task, "STOPPED")
    (container,) = found["containers"]
    assert container["exitCode"] == code
    assert (found["stopCode"], found["stoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )
    assert found["startedAt"] <= found["stoppedAt"]
    assert cluster.lines(task) == ["first", "second"]


def test_a_task_is_running_as_long_as_its_command(cluster: Cluster, tmp_path: Path) -> None:
    go = tmp_path / "go"
    source = f"import pathlib, time\nwhile not pathlib.Path({str(go)!r}).exists(): time.sleep(0.05)"
    task = cluster.run(cluster.define(python(source)))
    found = cluster.until(task, "RUNNING")
    for _ in range(10):
        assert cluster.describe(task)["lastStatus"] == "RUNNING"
    assert "exitCode" not in found["containers"][0]
    go.touch()
    assert cluster.until(task, "STOPPED")["containers"][0]["exitCode"] == 0


def test_lines_can_be_read_while_it_runs(cluster: Cluster) -> None:
    task = cluster.run(cluster.define(python("import time; print('begun'); time.sleep(600)")))
    cluster.until(task, "RUNNING")
    deadline = time.monotonic() + 300
    while cluster.lines(task) != ["begun"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    boto3.client("ecs").stop_task(cluster=cluster.name, task=task)


def test_overrides_change_command_and_variables(cluster: Cluster) -> None:
    definition = cluster.define(
        python("print('no')"),
        entryPoint=["env", "-u", "NOTHING"],
        environment=[{"name": "A", "value": "1"}, {"name": "B", "value": "1"}],
    )
    override = {
        "name": "main",
        "command": python(
            "import os; print(os.environ['A'], os.environ['B'], 'WORKBENCH_HOME' in os.environ)"
        ),
        "environment": [{"name": "B", "value": "2"}],
    }
    task = cluster.run(definition, overrides={"containerOverrides": [override]})
    cluster.until(task, "STOPPED")
    assert cluster.lines(task) == ["1 2 False"]


def test_a_stopped_task_gets_sigterm_and_may_clean_up(cluster: Cluster) -> None:
    source = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('tidied'), sys.exit(7)))\n"
        "print('ready'); time.sleep(600)"
    )
    task = cluster.run(cluster.define(python(source)))
    while "ready" not in (cluster.lines(task) if cluster.until(task, "RUNNING") else []):
        time.sleep(0.05)
    boto3.client("ecs").stop_task(cluster=cluster.name, task=task, reason="not needed")
    found = cluster.until(task, "STOPPED")
    assert (found["stopCode"], found["stoppedReason"]) == ("UserInitiated", "not needed")
    assert found["containers"][0]["exitCode"] == 7
    assert cluster.lines(task) == ["ready", "tidied"]


def test_a_task_that_will_not_stop_is_killed_with_all_it_started(cluster: Cluster) -> None:
    source = (
        "import signal, subprocess, sys, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    task = cluster.run(cluster.define(python(source), stopTimeout=1))
    cluster.until(task, "RUNNING")
    while not cluster.lines(task):
        time.sleep(0.05)
    boto3.client("ecs").stop_task(cluster=cluster.name, task=task)
    assert cluster.until(task, "STOPPED")["containers"][0]["exitCode"] == 137
    # To be killed takes a moment, and whoever inherits it may not have asked for its exit status yet.
    deadline = time.monotonic() + 60
    with suppress(psutil.NoSuchProcess):
        while psutil.Process(int(cluster.lines(task)[0])).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_task_over_its_memory_is_killed_and_says_so(cluster: Cluster) -> None:
    task = cluster.run(
        cluster.define(python("import time; a = bytearray(200_000_000); time.sleep(600)"), memory=100)
    )
    found = cluster.until(task, "STOPPED")
    (container,) = found["containers"]
    assert container["exitCode"] == 137
    assert container["reason"] == "OutOfMemoryError: Container killed due to memory usage"


def test_an_image_that_is_not_in_ecr_cannot_be_pulled(cluster: Cluster) -> None:
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/absent:1"
    found = cluster.until(cluster.run(cluster.define(python("print(1)"), image=image)), "STOPPED")
    assert found["stopCode"] == "TaskFailedToStart"
    assert found["stoppedReason"].startswith("CannotPullContainerError")
    assert "exitCode" not in found["containers"][0]
    assert "startedAt" not in found


def test_a_program_that_is_not_there_cannot_be_started(cluster: Cluster) -> None:
    found = cluster.until(cluster.run(cluster.define(["no-such-program"])), "STOPPED")
    assert found["stopCode"] == "TaskFailedToStart"
    assert "no-such-program" in found["stoppedReason"]


def test_a_log_group_that_is_not_there_keeps_a_task_from_starting(cluster: Cluster) -> None:
    log = {"logDriver": "awslogs", "options": {"awslogs-group": "absent", "awslogs-stream-prefix": "x"}}
    found = cluster.until(cluster.run(cluster.define(python("print(1)"), logConfiguration=log)), "STOPPED")
    assert found["stopCode"] == "TaskFailedToStart"
    assert "log group absent" in found["stoppedReason"]


def test_eventbridge_hears_every_state_of_a_task(cluster: Cluster) -> None:
    sqs, events = boto3.client("sqs"), boto3.client("events")
    name = f"states-{uuid.uuid4().hex[:6]}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.ecs"], "detail-type": ["ECS Task State Change"]}
    # A rule that goes by the clock must be in nobody's way.
    events.put_rule(Name=f"{name}-clock", ScheduleExpression="rate(5 minutes)")
    events.put_targets(Rule=f"{name}-clock", Targets=[{"Id": "1", "Arn": arn}])
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])
    task = cluster.run(cluster.define(python("raise SystemExit(4)")))
    cluster.until(task, "STOPPED")
    details: list[dict[str, Any]] = []
    deadline = time.monotonic() + 60
    # The task may be seen to have stopped a moment before that is told of.
    while time.monotonic() < deadline and "STOPPED" not in [each["lastStatus"] for each in details]:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600)
        details += [json.loads(message["Body"])["detail"] for message in found.get("Messages", [])]
    ours = sorted((d for d in details if d["taskArn"] == task), key=lambda d: d["version"])
    assert len(ours) == len(details)
    assert [d["lastStatus"] for d in ours] == [
        "PROVISIONING", "PENDING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED",
    ]  # fmt: skip
    assert ours[-1]["containers"][0]["exitCode"] == 4
    for rule in (name, f"{name}-clock"):
        events.remove_targets(Rule=rule, Ids=["1"])
        events.delete_rule(Name=rule)


def test_a_task_of_two_containers_is_refused(cluster: Cluster) -> None:
    ecs = boto3.client("ecs")
    containers = [{"name": name, "image": "python", "memory": 100} for name in "ab"]
    ecs.register_task_definition(
        family="two", requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="256", memory="512",
        containerDefinitions=containers,
    )  # fmt: skip
    with pytest.raises(ecs.exceptions.InvalidParameterException, match="one container"):
        cluster.run("two")
