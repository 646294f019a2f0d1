"""A pipeline as a state machine, executed: its stages run for real, as tasks of the local AWS."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from tests.aws.local.conftest import Cluster
from tests.execution.notebooks import notebook, pipeline
from tests.project import ROOT
from workbench.aws.stepfunctions.state_machine import Target, backfill_machine, state_machine
from workbench.errors import UsageError
from workbench.execution import Pipeline, load_pipeline
from workbench.execution.records.store import list_runs
from workbench.settings import get_settings

IMPORTS = "import pathlib, time\nfrom workbench.execution import record"


@pytest.fixture
def diamond(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pipeline of four stages: first, then left and right side by side, then last."""
    project = tmp_path / "project"
    folder = project / "pipeline_notebooks" / "diamond"
    needs: dict[str, list[str]] = {
        "first": [],
        "left": ["first"],
        "right": ["first"],
        "last": ["left", "right"],
    }
    pipeline(folder, {name: {"after": after, "writes": [name]} for name, after in needs.items()})
    for name in needs:
        parameters = (
            "word: str = 'none'  # a word" if name in ("first", "last") else "limit: int = 1  # a limit"
        )
        body = (
            f"pathlib.Path({str(tmp_path)!r}, {name!r}).open('a').write(globals().get('word', '-') + '\\n')"
        )
        notebook(folder / f"{name}.ipynb", body, parameters=parameters, imports=IMPORTS)
    monkeypatch.setenv("WORKBENCH_PROJECT", str(project))
    return folder


def target(cluster: Cluster, folder: Path, home: Path, topic: str | None = None, **container: Any) -> Target:
    environment = {
        "WORKBENCH_HOME": str(home),
        "WORKBENCH_PROJECT": str(folder.parents[1]),
        "PYTHONPATH": str(ROOT),
    }
    definition = cluster.define(
        ["false"],
        environment=[{"name": name, "value": value} for name, value in environment.items()],
        memory=4096,
        **container,
    )
    return Target(cluster.name, definition, [cluster.subnet], topic=topic)


def execute(
    definition: dict[str, Any], given: dict[str, Any] | None = None, seconds: float = 600
) -> dict[str, Any]:
    """Make a state machine, execute it and wait for its end."""
    sfn, name = boto3.client("stepfunctions"), f"machine-{uuid.uuid4().hex[:6]}"
    role = boto3.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    machine = sfn.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)
    started = sfn.start_execution(stateMachineArn=machine["stateMachineArn"], input=json.dumps(given or {}))
    deadline = time.monotonic() + seconds
    while (found := sfn.describe_execution(executionArn=started["executionArn"]))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    ended: dict[str, Any] = found
    return ended


def read(folder: Path, name: str) -> list[str]:
    path = folder / name
    return path.read_text().split() if path.exists() else []


def test_stages_run_in_order_and_side_by_side_where_they_may(
    cluster: Cluster, diamond: Path, home: Path, tmp_path: Path
) -> None:
    definition = state_machine(load_pipeline("diamond"), target(cluster, diamond, home), ["word"])
    assert list(definition["States"])[:3] == ["first", "left and right", "last"]
    assert definition["States"]["left and right"]["Type"] == "Parallel"
    ended = execute(definition, {"word": "ü-1"})
    assert ended["status"] == "SUCCEEDED", ended
    assert {name: read(tmp_path, name) for name in ("first", "left", "right", "last")} == {
        "first": ["ü-1"], "left": ["-"], "right": ["-"], "last": ["ü-1"],
    }  # fmt: skip
    runs = {run.stages[0].name: run for run in list_runs(get_settings())}
    assert {name: run.state for name, run in runs.items()} == dict.fromkeys(
        ("first", "left", "right", "last"), "succeeded"
    )
    began = {name: run.started_at for name, run in runs.items()}
    ends = {name: run.finished_at for name, run in runs.items()}
    assert all(ends["first"] <= began[name] for name in ("left", "right"))  # type: ignore[operator]
    assert all(ends[name] <= began["last"] for name in ("left", "right"))  # type: ignore[operator]


def test_a_stage_that_fails_ends_the_machine_and_somebody_hears(
    cluster: Cluster, diamond: Path, home: Path, tmp_path: Path
) -> None:
    notebook(diamond / "right.ipynb", "raise RuntimeError('no luck')", imports=IMPORTS)
    sns, sqs, name = boto3.client("sns"), boto3.client("sqs"), f"topic-{uuid.uuid4().hex[:6]}"
    topic = sns.create_topic(Name=name)["TopicArn"]
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    ended = execute(state_machine(load_pipeline("diamond"), target(cluster, diamond, home, topic)))
    assert ended["status"] == "FAILED"
    assert ended["error"] == "StageFailed"
    assert read(tmp_path, "last") == []
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    told = json.loads(json.loads(message["Body"])["Message"])
    assert (told["pipeline"], told["error"]) == ("diamond", "States.TaskFailed")
    assert '"ExitCode":1' in told["cause"].replace(" ", "")


def test_a_task_that_dies_is_started_again_where_the_map_retries(
    cluster: Cluster, diamond: Path, home: Path, tmp_path: Path
) -> None:
    needs: dict[str, list[str]] = {"first": []}
    pipeline(
        diamond, {name: {"after": after, "writes": [name], "retries": 1} for name, after in needs.items()}
    )
    once = f'if [ ! -e {tmp_path}/died ]; then touch {tmp_path}/died; kill -9 $$; fi; exec "$@"'
    place = target(cluster, diamond, home, entryPoint=["sh", "-c", once, "sh"])
    ended = execute(state_machine(load_pipeline("diamond"), place))
    assert ended["status"] == "SUCCEEDED", ended
    assert (tmp_path / "died").exists()
    assert read(tmp_path, "first") == ["none"]


def test_a_backfill_runs_the_pipeline_for_each_value(
    cluster: Cluster, diamond: Path, home: Path, tmp_path: Path
) -> None:
    pipeline(diamond, {"first": {"writes": ["first"]}})
    machine = backfill_machine(load_pipeline("diamond"), target(cluster, diamond, home), "word")
    ended = execute(machine, {"values": ["monday", "tuesday"]})
    assert ended["status"] == "SUCCEEDED", ended
    assert read(tmp_path, "first") == ["monday", "tuesday"]


def names_of(machine: dict[str, Any]) -> Iterator[str]:
    """Every state's name, those inside of others too."""
    for name, state in machine["States"].items():
        yield name
        for inner in (*state.get("Branches", ()), *filter(None, [state.get("ItemProcessor")])):
            yield from names_of(inner)


@pytest.mark.soak
def test_a_backfill_fails_with_the_value_that_fails(cluster: Cluster, diamond: Path, home: Path) -> None:
    pipeline(diamond, {"first": {"writes": ["first"]}})
    parameters = "word: str = 'none'  # a word"
    notebook(diamond / "first.ipynb", "assert word != 'tuesday'", parameters=parameters, imports=IMPORTS)
    machine = backfill_machine(load_pipeline("diamond"), target(cluster, diamond, home), "word")
    assert execute(machine, {"values": ["monday", "tuesday"]})["status"] == "FAILED"


@pytest.mark.parametrize("name", ["retail_etl", "anomaly_detection"])
def test_the_projects_own_pipelines_have_a_machine_that_aws_takes(cluster: Cluster, name: str) -> None:
    place = Target(cluster.name, "definition", [cluster.subnet], ["sg-1"], topic="arn:aws:sns:eu-west-1:1:t")
    found: Pipeline = load_pipeline(name)
    definition = state_machine(found, place)
    text = json.dumps(definition)
    assert all(f'"{stage}"' in text for stage in found.stages)
    role = boto3.client("iam").create_role(RoleName=cluster.name, AssumeRolePolicyDocument="{}")["Role"][
        "Arn"
    ]
    made = boto3.client("stepfunctions").create_state_machine(
        name=cluster.name, definition=text, roleArn=role
    )
    assert made["stateMachineArn"].endswith(cluster.name)


def test_no_name_is_there_twice_in_a_machine(cluster: Cluster, diamond: Path) -> None:
    place = Target(cluster.name, "definition", [cluster.subnet], topic="arn:aws:sns:eu-west-1:1:t")
    shop = load_pipeline("diamond")
    for machine in (state_machine(shop, place, ["word"]), backfill_machine(shop, place, "word")):
        names = list(names_of(machine))
        assert len(names) == len(set(names)) and {*shop.stages, "Done", "Failed", "Notify"} <= set(names)


def test_an_input_no_stage_has_is_refused(cluster: Cluster, diamond: Path) -> None:
    place = Target(cluster.name, "definition", [cluster.subnet])
    with pytest.raises(UsageError, match="unknown parameter of diamond 'wrod'; did you mean 'word'"):
        state_machine(load_pipeline("diamond"), place, ["wrod"])


def test_a_stage_runs_from_the_image_that_its_map_names(diamond: Path) -> None:
    path = diamond / "pipeline.yaml"
    content = yaml.safe_load(path.read_text())
    content["stages"]["left"]["size"] = {"image": "spark-processor"}
    path.write_text(yaml.safe_dump(content))
    shop = load_pipeline("diamond")

    def definitions(place: Target) -> set[str]:
        return set(re.findall('"TaskDefinition": "([^"]*)"', json.dumps(state_machine(shop, place))))

    usual = "arn:aws:ecs:eu-west-1:1:task-definition/stage"
    assert definitions(Target("c", f"{usual}:7", ["s"])) == {f"{usual}:7", f"{usual}-spark-processor"}
    given = Target("c", f"{usual}:7", ["s"], images={"spark-processor": "elsewhere:2"})
    assert definitions(given) == {f"{usual}:7", "elsewhere:2"}
    with pytest.raises(UsageError, match="unknown image 'spark-processor'; did you mean 'spark-processors'"):
        definitions(Target("c", usual, ["s"], images={"spark-processors": "x"}))
