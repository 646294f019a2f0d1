"""The local AWS, one for the session, and what tasks need there."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.redshift import ROLE, login, running_server
from workbench.aws.local import LocalAWS
from workbench.schema import TABLES
from workbench.warehouse import connect


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAWS]:
    with LocalAWS(log=tmp_path_factory.mktemp("aws") / "server.log") as server:
        yield server


@pytest.fixture
def local(running: LocalAWS, monkeypatch: pytest.MonkeyPatch) -> LocalAWS:
    """The server, with an environment in which every client goes there."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    return running


@dataclass
class Cluster:
    """A cluster with a log group of the same name."""

    name: str
    subnet: str

    def define(self, command: list[str], family: str = "", **container: Any) -> str:
        """Register a task definition for Fargate; return its ARN."""
        container = {
            "name": "main",
            "image": "python",
            "command": command,
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": self.name,
                    "awslogs-stream-prefix": "task",
                    "awslogs-region": "eu-west-1",
                },
            },
        } | container
        defined = boto3.client("ecs").register_task_definition(
            family=family or f"family-{uuid.uuid4().hex[:6]}",
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=[container],
        )
        arn: str = defined["taskDefinition"]["taskDefinitionArn"]
        return arn

    @property
    def network(self) -> dict[str, Any]:
        return {"awsvpcConfiguration": {"subnets": [self.subnet]}}

    def run(self, definition: str, **options: Any) -> str:
        """Start a task; return its ARN."""
        started = boto3.client("ecs").run_task(
            cluster=self.name,
            taskDefinition=definition,
            launchType="FARGATE",
            networkConfiguration=self.network,
            **options,
        )
        arn: str = started["tasks"][0]["taskArn"]
        return arn

    def describe(self, task: str) -> dict[str, Any]:
        (found,) = boto3.client("ecs").describe_tasks(cluster=self.name, tasks=[task])["tasks"]
        described: dict[str, Any] = found
        return described

    def until(self, task: str, state: str, seconds: float = 300) -> dict[str, Any]:
        """Wait for a state."""
        deadline = time.monotonic() + seconds
        while (found := self.describe(task))["lastStatus"] != state:
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return found

    def lines(self, task: str, container: str = "main") -> list[str]:
        """Return what a task wrote."""
        stream = f"task/{container}/{task.split('/')[-1]}"
        events = boto3.client("logs").get_log_events(
            logGroupName=self.name, logStreamName=stream, startFromHead=True
        )["events"]
        return [event["message"] for event in events]


@pytest.fixture
def cluster(local: LocalAWS) -> Cluster:
    name = f"cluster-{uuid.uuid4().hex[:6]}"
    boto3.client("ecs").create_cluster(clusterName=name)
    boto3.client("logs").create_log_group(logGroupName=name)
    subnet = boto3.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    return Cluster(name, subnet)


@pytest.fixture(scope="session")
def redshift(running: LocalAWS) -> Iterator[dict[str, str]]:
    """The settings of a local Redshift that loads from the local AWS; its password is in Secrets Manager there."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in running.environment.items():
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(
            Bucket="staging", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        with running_server(login(running)) as address:
            known = json.dumps({"username": address.user, "password": address.password})
            secret = boto3.client("secretsmanager").create_secret(Name="redshift", SecretString=known)["ARN"]
            yield {
                "WORKBENCH_WAREHOUSE_URL": f"redshift://{address.host}:{address.port}/{address.database}"
                f"?secret={secret}&ca={address.ca}",
                "WORKBENCH_REDSHIFT_S3": "s3://staging/loads",
                "WORKBENCH_REDSHIFT_IAM_ROLE": ROLE,
                "WORKBENCH_LAKE_URI": "s3://staging/lake",
            }


@pytest.fixture
def warehouse(
    redshift: dict[str, str], local: LocalAWS, home: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The settings of the warehouse that everything goes to; its tables are there, and empty."""
    for name, value in redshift.items():
        monkeypatch.setenv(name, value)
    connect(create=True).remake(list(TABLES), always=True)
    return redshift
