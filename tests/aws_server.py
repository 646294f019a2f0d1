"""A server that speaks AWS's protocols over HTTP, one for the session, and queues on both kinds of queue."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.aws.local import queues
from workbench.queue.base import Queue
from workbench.queue.connect import connect_queue

REGION = "eu-west-1"


@pytest.fixture(autouse=True)
def no_queue_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKBENCH_QUEUE_URL", raising=False)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """URL of a moto server."""
    from moto.server import ThreadedMotoServer

    queues.install()
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same, with an environment in which every client goes there."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return server


def make_sqs(max_receives: int = 3) -> str:
    """Make a queue with a dead-letter queue; return its URL."""
    import boto3

    sqs = boto3.client("sqs")
    name = f"q-{uuid.uuid4().hex[:8]}"
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": max_receives})
    url: str = sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy})["QueueUrl"]
    return url


def make_queue(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """Make an empty queue that delivers a message three times; return its URL."""
    if kind == "sqlite":
        return f"sqlite:///{folder / 'queue.db'}?max_receives=3"
    request.getfixturevalue("aws")
    return make_sqs(max_receives=3)


@pytest.fixture(params=["sqlite", "sqs"])
def queue_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A queue of each kind."""
    return make_queue(request.param, request, tmp_path)


@pytest.fixture
def queue(queue_url: str) -> Queue:
    """The same, connected."""
    return connect_queue(queue_url)
