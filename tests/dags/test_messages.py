"""The poller of a queue: what Airflow's database hasn't got yet comes again, and what it has is gone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.aws_server import make_sqs
from tests.project import ROOT
from workbench.aws.metrics import NAMESPACE, QUEUE_FIGURES

CONSUME = Path(__file__).with_name("consume.py")


@pytest.mark.usefixtures("aws")
def test_a_message_whose_triggerer_is_killed_before_it_is_stored_comes_again(
    airflow_python: Path, tmp_path: Path
) -> None:
    queue, sqs = make_sqs(), boto3.client("sqs")
    sqs.send_message(
        QueueUrl=queue, MessageBody=json.dumps({"files": ["s3://lake/landing/transactions/1.csv"]})
    )
    places = {
        "PYTHONPATH": str(ROOT),
        "WORKBENCH_PROJECT": str(ROOT),
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "WORKBENCH_PROFILE": "aws",
    }

    def consume(then: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [airflow_python, CONSUME, queue, then],
            env={**os.environ, **places},
            stdout=subprocess.PIPE,
            text=True,
        )

    def said(process: subprocess.Popen[str]) -> dict[str, Any]:
        """Return what the message says; lines of the log come before it."""
        assert process.stdout
        line = next(line for line in process.stdout if line.startswith("{"))
        content: dict[str, Any] = json.loads(line)
        return content

    def counts() -> tuple[int, int]:
        told = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        return int(told["ApproximateNumberOfMessages"]), int(told["ApproximateNumberOfMessagesNotVisible"])

    with consume("hold") as holder:
        first = said(holder)
        assert counts() == (0, 1)
        holder.send_signal(signal.SIGKILL)
    assert holder.returncode == -signal.SIGKILL

    with consume("store") as other:
        again = said(other)
        assert other.wait(timeout=300) == 0
    assert again == first
    assert again["files"] == ["s3://lake/landing/transactions/1.csv"]
    assert counts() == (0, 0)
    told = boto3.client("cloudwatch").list_metrics(Namespace=NAMESPACE)["Metrics"]
    name = queue.rsplit("/", 1)[-1]
    mine = {each["MetricName"] for each in told if each["Dimensions"] == [{"Name": "Queue", "Value": name}]}
    assert mine == set(QUEUE_FIGURES), "the dashboard's"
