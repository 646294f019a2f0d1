"""The local AWS as a process: it starts on a free port, ends with its parent, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from importlib.metadata import version

import boto3
import psutil
import pytest

from tests.aws.local.conftest import Cluster
from tests.queue.test_messages import GOLDEN
from workbench.aws.local import LocalAWS
from workbench.errors import UsageError


def test_its_inside_is_replaced_for_the_very_version_that_is_here() -> None:
    assert version("moto") == "5.2.5"


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"can't listen on port {port}"):
            LocalAWS(port).start()


def test_it_ends_with_its_tasks_when_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalAWS() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        boto3.client("ecs").create_cluster(clusterName="c")
        boto3.client("logs").create_log_group(logGroupName="c")
        cluster = Cluster("c", boto3.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"])
        task = cluster.run(
            cluster.define(["python", "-c", "import os, time; print(os.getpid()); time.sleep(600)"])
        )
        cluster.until(task, "RUNNING")
        while not (lines := cluster.lines(task)):
            time.sleep(0.05)
        pid = server.pid
    assert not psutil.pid_exists(pid)
    assert not psutil.pid_exists(int(lines[0]))


def test_it_ends_when_its_parent_is_killed() -> None:
    program = "from workbench.aws.local import LocalAWS\nimport time\nprint(LocalAWS().start().pid, flush=True)\ntime.sleep(600)"
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    deadline = time.monotonic() + 120
    while psutil.pid_exists(pid):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_an_event_of_s3_has_the_fields_that_aws_documents(local: LocalAWS) -> None:
    s3, sqs = boto3.client("s3"), boto3.client("sqs")
    url = sqs.create_queue(QueueName="events-of-s3")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.create_bucket(Bucket="tells", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_notification_configuration(
        Bucket="tells",
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    s3.put_object(Bucket="tells", Key="landing/transactions/a b+ü.csv", Body=b"x")
    bodies = [
        json.loads(m["Body"]) for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    ]
    (record,) = next(body for body in bodies if "Records" in body)["Records"]
    (golden,) = json.loads(GOLDEN)["Records"]
    assert record["s3"]["object"]["key"] == "landing/transactions/a+b%2B%C3%BC.csv"
    assert set(golden) == set(record)
    assert set(golden["s3"]) == set(record["s3"])
    assert set(golden["s3"]["bucket"]) == set(record["s3"]["bucket"])
    assert set(golden["s3"]["object"]) - {"versionId"} == set(record["s3"]["object"])
