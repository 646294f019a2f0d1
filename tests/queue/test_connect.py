"""Queues by URL, and URLs that name none."""

from __future__ import annotations

import os
from pathlib import Path

import boto3
import pytest

from workbench.errors import UsageError, WorkFailed
from workbench.queue.connect import connect_queue


@pytest.mark.parametrize(
    "url",
    ["redis://localhost/1", "queue.db", "sqlite://", "sqlite:///", "https://sqs.eu-west-1.amazonaws.com"],
)
def test_another_url_is_refused_with_what_would_be_right(url: str) -> None:
    with pytest.raises(UsageError, match="write sqlite:///FILE or the URL of an SQS queue"):
        connect_queue(url)


@pytest.mark.parametrize("query", ["max_receives=0", "max_receives=many", "retries=3", "max_receives="])
def test_a_wrong_option_is_refused(query: str) -> None:
    with pytest.raises(UsageError, match="max_receives=N"):
        connect_queue(f"sqlite:////tmp/none.db?{query}")


@pytest.mark.parametrize("name", ["z#1", "a%20b", "a;b", "ü", os.fsdecode(b"caf\xe9")])
def test_the_queue_of_a_home_lies_in_it_whatever_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / name))
    (sent,) = connect_queue().send("here")
    assert (tmp_path / name / "queue.db").is_file()
    (message,) = connect_queue(connect_queue().url).receive()
    assert message.message_id == sent
    assert len(list(tmp_path.iterdir())) == 1


def test_a_mark_that_would_end_the_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="write %23 where it is part of the file's path"):
        connect_queue(f"sqlite:///{tmp_path}/z#1/queue.db")


def test_an_sqs_queue_that_is_not_there_is_named(aws: str) -> None:
    with pytest.raises(UsageError, match=r"no queue at http://.*/123456789012/absent"):
        connect_queue(f"{aws}/123456789012/absent")


def test_an_sqs_queue_without_dead_letters_is_refused(aws: str) -> None:
    url = boto3.client("sqs").create_queue(QueueName="no-redrive")["QueueUrl"]
    with pytest.raises(UsageError, match="needs a redrive policy"):
        connect_queue(url)


def test_a_place_where_nobody_answers_is_named(aws: str) -> None:
    with pytest.raises(WorkFailed, match=r"the queue http://127\.0\.0\.1:9/1/q: .*connect"):
        connect_queue("http://127.0.0.1:9/1/q")
