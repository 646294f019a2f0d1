"""Functions of the local AWS: the handler in the zip runs."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from typing import Any

import boto3
import pytest

from workbench.aws.local import LocalAWS


def deploy(source: str, **options: Any) -> str:
    """Make a function from the source of its module; return its name."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("module.py", source)
    iam = boto3.client("iam")
    name = f"function-{uuid.uuid4().hex[:6]}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}", Path="/")["Role"]["Arn"]
    boto3.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=role,
        Handler="module.handler",
        Code={"ZipFile": content.getvalue()},
        **options,
    )
    return name


def invoke(name: str, event: object) -> tuple[Any, dict[str, Any]]:
    answer = boto3.client("lambda").invoke(
        FunctionName=name, Payload=json.dumps(event).encode(), LogType="Tail"
    )
    return json.loads(answer["Payload"].read()), answer


def test_a_handler_gets_event_context_and_variables(local: LocalAWS) -> None:
    source = (
        "import os\ndef handler(event, context):\n    print('heard')\n"
        "    return [event['a'], os.environ['B'], context.function_name, context.get_remaining_time_in_millis() > 0]"
    )
    name = deploy(source, Environment={"Variables": {"B": "b"}})
    value, answer = invoke(name, {"a": 1})
    assert value == [1, "b", name, True]
    assert "FunctionError" not in answer
    streams = boto3.client("logs").describe_log_streams(logGroupName=f"/aws/lambda/{name}")["logStreams"]
    (event,) = boto3.client("logs").get_log_events(
        logGroupName=f"/aws/lambda/{name}", logStreamName=streams[0]["logStreamName"]
    )["events"]
    assert event["message"] == "heard"


def test_a_handlers_error_is_told(local: LocalAWS) -> None:
    value, answer = invoke(deploy("def handler(event, context):\n    raise KeyError('gone')"), {})
    assert answer["FunctionError"]
    assert (value["errorType"], value["errorMessage"]) == ("KeyError", "'gone'")


@pytest.mark.parametrize(
    ("body", "seconds", "told"),
    [
        ("import time; time.sleep(600)", 1, "Task timed out after 1.00 seconds"),
        ("import os; os._exit(9)", 120, "status 9"),
    ],
    ids=["late", "dead"],
)
def test_a_handler_that_never_answers_is_an_error(
    local: LocalAWS, body: str, seconds: int, told: str
) -> None:
    value, answer = invoke(deploy(f"def handler(event, context):\n    {body}", Timeout=seconds), {})
    assert answer["FunctionError"]
    assert told in value["errorMessage"]


def test_a_handler_reaches_the_same_aws(local: LocalAWS) -> None:
    source = (
        "import boto3\ndef handler(event, context):\n"
        "    return [b['Name'] for b in boto3.client('s3').list_buckets()['Buckets']]"
    )
    boto3.client("s3").create_bucket(
        Bucket="seen-from-inside", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    value, _ = invoke(deploy(source, Timeout=120), {})
    assert "seen-from-inside" in value


def test_another_runtime_is_refused(local: LocalAWS) -> None:
    name = deploy("def handler(event, context): pass")
    boto3.client("lambda").update_function_configuration(FunctionName=name, Runtime="nodejs20.x")
    value, answer = invoke(name, {})
    assert answer["FunctionError"]
    assert "Python functions only" in value["errorMessage"]
