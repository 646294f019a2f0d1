"""What a message may say, and what is said of one that isn't understood."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.aws_server import make_sqs
from workbench.queue.connect import connect_queue
from workbench.queue.messages import (
    Files,
    Nothing,
    NotUnderstood,
    RunRequest,
    file_uri,
    object_of,
    path_of,
    s3_uri,
    understand,
)

DATA = Path(__file__).parent / "data"
GOLDEN = (DATA / "s3_event.json").read_text()
KEY = "landing/transactions/week 27/sales+ü.csv"


def test_awss_own_event_names_the_object_with_its_key_decoded() -> None:
    found = understand(GOLDEN)
    assert isinstance(found, Files)
    assert [object_of(uri) for uri in found.files] == [("amzn-s3-demo-bucket", KEY)]


def test_an_event_through_eventbridge_has_its_key_as_it_is() -> None:
    found = understand((DATA / "eventbridge_event.json").read_text())
    assert isinstance(found, Files)
    assert [object_of(uri) for uri in found.files] == [
        ("amzn-s3-demo-bucket1", "landing/transactions/week+27/a b.csv")
    ]


def test_an_event_that_sns_wrapped_is_unwrapped() -> None:
    wrapped = json.dumps({"Type": "Notification", "MessageId": "1", "TopicArn": "arn", "Message": GOLDEN})
    assert understand(wrapped) == understand(GOLDEN)


def test_notifications_wrapped_without_end_are_refused() -> None:
    body = GOLDEN
    for _ in range(6):
        body = json.dumps({"Type": "Notification", "Message": body})
    with pytest.raises(NotUnderstood):
        understand(body)


def test_several_records_are_several_files_each_once() -> None:
    event = json.loads(GOLDEN)
    other = json.loads(GOLDEN)["Records"][0]
    other["s3"]["object"]["key"] = "landing/customers/b.csv"
    event["Records"] += [other, other]
    found = understand(json.dumps(event))
    assert isinstance(found, Files)
    assert [object_of(uri)[1] for uri in found.files] == [KEY, "landing/customers/b.csv"]


def test_files_are_named_by_uri() -> None:
    sent = Files(files=(file_uri("/data/a b#1.csv"), s3_uri("bucket", "a b?c.csv")))
    assert understand(sent.body()) == sent
    assert path_of(sent.files[0]) == "/data/a b#1.csv"
    assert object_of(sent.files[1]) == ("bucket", "a b?c.csv")


def test_a_run_may_be_asked_for() -> None:
    body = '{"pipeline": "retail_etl", "parameters": {"show": 5}, "id": "nightly-1"}'
    assert understand(body) == RunRequest(pipeline="retail_etl", parameters={"show": 5}, id="nightly-1")
    assert understand('{"pipeline": "retail_etl"}') == RunRequest(pipeline="retail_etl")


def _removed() -> dict[str, Any]:
    event: dict[str, Any] = json.loads(GOLDEN)
    event["Records"][0]["eventName"] = "ObjectRemoved:Delete"
    return event


def _folder() -> dict[str, Any]:
    event: dict[str, Any] = json.loads(GOLDEN)
    event["Records"][0]["s3"]["object"]["key"] = "landing/transactions/"
    return event


TEST_EVENT = {
    "Service": "Amazon S3",
    "Event": "s3:TestEvent",
    "Time": "2014-10-13T15:57:02.089Z",
    "Bucket": "amzn-s3-demo-bucket",
    "RequestId": "5582815E1AEA5ADF",
    "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE",
}


@pytest.mark.parametrize("event", [TEST_EVENT, _removed(), _folder()], ids=["test", "removed", "folder"])
def test_an_event_that_lands_nothing_asks_for_nothing(event: dict[str, Any]) -> None:
    assert isinstance(understand(json.dumps(event)), Nothing)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("", "not JSON"),
        ("[1]", "not a JSON object"),
        ("{}", "a message is an S3 event"),
        ('{"Records": []}', "Records"),
        ('{"Records": [{"eventSource": "aws:sqs"}]}', "eventSource"),
        ('{"source": "aws.s3", "detail-type": "Object Created", "detail": {}}', "detail.bucket"),
        ('{"files": []}', "files"),
        ('{"files": ["/etc/passwd"]}', "file:///PATH or s3://BUCKET/KEY"),
        ('{"files": ["https://example.com/a.csv"]}', "file:///PATH or s3://BUCKET/KEY"),
        ('{"pipeline": 5}', "pipeline"),
        (r'{"pipeline": "caf\udce9"}', "a text, without halves of characters"),
        (r'{"files": ["file:///transactions/\ud800.csv"]}', "half of a character"),
        ('{"pipeline": "a", "paramters": {}}', "paramters"),
        ('{"pipeline": "a", "id": ""}', "id"),
        ("[" * 100_000, "not JSON"),
    ],
    ids=lambda value: value[:20] or "empty",
)
def test_another_message_is_refused_with_what_would_be_right(body: str, told: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        understand(body)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(
    st.sampled_from(["Records", "files", "pipeline", "source", "detail", "Type", "Message", "Event", "s3"]), v)))  # fmt: skip
def test_whatever_comes_is_understood_or_refused(value: Any) -> None:
    try:
        understand(json.dumps(value))
    except NotUnderstood as refused:
        assert str(refused)


@given(st.text(min_size=1).filter(lambda key: not key.startswith("/")))
def test_any_key_goes_through_a_uri_unharmed(key: str) -> None:
    try:
        key.encode()
    except UnicodeEncodeError:
        return
    assert object_of(s3_uri("bucket", key)) == ("bucket", key)


def test_what_s3_really_sends_to_a_queue_is_understood(aws: str) -> None:
    queue = connect_queue(make_sqs())
    sqs, s3 = boto3.client("sqs"), boto3.client("s3")
    arn = sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.create_bucket(Bucket="heard", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_notification_configuration(
        Bucket="heard",
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    s3.put_object(Bucket="heard", Key=KEY, Body=b"a,b\n")
    found = [understand(message.body) for message in queue.receive(wait=2)]
    files = [object_of(uri) for content in found if isinstance(content, Files) for uri in content.files]
    assert files == [("heard", KEY)]
