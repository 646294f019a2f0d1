"""The function between S3 and the queue, deployed as a zip to the local AWS."""

from __future__ import annotations

import copy
import io
import json
import time
import uuid
import zipfile
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.function import MODULES
from tests.aws.local.test_functions import invoke
from tests.aws_server import make_sqs
from tests.queue.test_messages import DATA, GOLDEN, TEST_EVENT
from workbench.aws.local import LocalAWS
from workbench.queue.base import Queue
from workbench.queue.connect import connect_queue
from workbench.queue.messages import Files, object_of, understand

PACKAGE = Path(__file__).resolve().parents[3] / "workbench"


@pytest.fixture
def queue(local: LocalAWS) -> Queue:
    return connect_queue(make_sqs())


@pytest.fixture
def trigger(queue: Queue) -> str:
    """The function's name; it is packed from the modules that it says it needs."""
    name = f"trigger-{uuid.uuid4().hex[:6]}"
    boto3.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for module in MODULES:
            archive.write(PACKAGE / module, f"workbench/{module}")
    role = boto3.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    boto3.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=role,
        Handler="workbench.aws.lambda_trigger.handler",
        Code={"ZipFile": content.getvalue()},
        Timeout=60,
        MemorySize=256,
        Environment={"Variables": {"WORKBENCH_QUEUE_URL": queue.url, "WORKBENCH_IDEMPOTENCY_TABLE": name}},
    )
    return name


def landed(queue: Queue) -> list[tuple[str, str]]:
    found = [understand(message.body) for message in queue.receive(100)]
    return [object_of(uri) for content in found if isinstance(content, Files) for uri in content.files]


def log_lines(name: str) -> list[dict[str, Any]]:
    logs, group = boto3.client("logs"), f"/aws/lambda/{name}"
    lines = []
    for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]:
        events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
        lines += [json.loads(event["message"]) for event in events if event["message"].startswith("{")]
    return lines


def test_an_event_of_s3_becomes_a_message_once(trigger: str, queue: Queue) -> None:
    event = json.loads(GOLDEN)
    value, answer = invoke(trigger, event)
    assert "FunctionError" not in answer, value
    again, _ = invoke(trigger, event)
    assert again == value, "the answer of the first time"
    assert landed(queue) == [("amzn-s3-demo-bucket", "landing/transactions/week 27/sales+ü.csv")]
    anew = copy.deepcopy(event)
    anew["Records"][0]["s3"]["object"]["sequencer"] = "0055AED6DCD90281E6"
    invoke(trigger, anew)
    assert len(landed(queue)) == 1, "another write of the same key is another event"
    lines = {line["message_id"]: line for line in log_lines(trigger) if line["message"] == "sent"}
    line = lines[value["sent"][0]]
    assert (line["service"], line["function_name"]) == ("workbench-trigger", trigger)


def test_an_event_through_eventbridge_becomes_a_message(trigger: str, queue: Queue) -> None:
    invoke(trigger, json.loads((DATA / "eventbridge_event.json").read_text()))
    assert landed(queue) == [("amzn-s3-demo-bucket1", "landing/transactions/week+27/a b.csv")]


def test_s3s_test_event_is_ignored(trigger: str, queue: Queue) -> None:
    value, _ = invoke(trigger, TEST_EVENT)
    assert value == {"sent": [], "ignored": 1}
    assert landed(queue) == []


def test_another_event_is_an_error_of_the_function(trigger: str, queue: Queue) -> None:
    value, answer = invoke(trigger, {"hello": "world"})
    assert answer["FunctionError"]
    assert value["errorType"] == "NotUnderstood"
    assert landed(queue) == []


def test_of_a_batch_only_the_items_that_fail_come_again(trigger: str, queue: Queue) -> None:
    bodies = {"good": GOLDEN, "bad": "nonsense", "test": json.dumps(TEST_EVENT)}
    records = [
        {
            "messageId": name, "receiptHandle": name, "body": body, "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:q", "awsRegion": "eu-west-1",
            "attributes": {}, "messageAttributes": {}, "md5OfBody": "",
        }
        for name, body in bodies.items()
    ]  # fmt: skip
    value, answer = invoke(trigger, {"Records": records})
    assert "FunctionError" not in answer
    assert value == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert len(landed(queue)) == 1


def test_s3_invokes_it_when_an_object_lands(trigger: str, queue: Queue) -> None:
    s3, bucket = boto3.client("s3"), f"bucket-{trigger}"
    arn = boto3.client("lambda").get_function(FunctionName=trigger)["Configuration"]["FunctionArn"]
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    s3.put_object(Bucket=bucket, Key="landing/transactions/a b.csv", Body=b"x")
    deadline = time.monotonic() + 120
    while not (found := landed(queue)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert found == [(bucket, "landing/transactions/a b.csv")]
