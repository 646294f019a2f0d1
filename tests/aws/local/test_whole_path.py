"""From an object that lands in S3 to its rows in the warehouse, through every part in between."""

from __future__ import annotations

import time
from pathlib import Path

import boto3
import pytest

from tests.aws.local.conftest import Cluster
from tests.aws.local.test_lambda_trigger import queue, trigger
from tests.project import ROOT, make_project, sales
from workbench.aws.ecs.run_task import TaskSpec, run_task
from workbench.queue.base import Queue
from workbench.warehouse import connect

__all__ = ["queue", "trigger"]


@pytest.mark.slow
def test_an_object_becomes_rows_through_function_queue_and_a_worker_on_ecs(
    cluster: Cluster,
    trigger: str,
    queue: Queue,
    home: Path,
    tmp_path: Path,
) -> None:
    s3, bucket = boto3.client("s3"), f"bucket-{trigger}"
    arn = boto3.client("lambda").get_function(FunctionName=trigger)["Configuration"]["FunctionArn"]
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    for number in range(3):
        path = sales(tmp_path / f"{number}.csv", number * 10)
        s3.upload_file(str(path), bucket, f"landing/transactions/day {number}/sales.csv")
    deadline = time.monotonic() + 120
    while queue.counts().ready < 3:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    environment = {
        "WORKBENCH_HOME": str(home),
        "WORKBENCH_PROJECT": str(make_project(tmp_path / "project", "seen = limit")),
        "WORKBENCH_QUEUE_URL": queue.url,
        "PYTHONPATH": str(ROOT),
    }
    lines: list[str] = []
    result = run_task(
        TaskSpec(
            cluster=cluster.name,
            task_definition=cluster.define(["false"], memory=4096),
            command=["workbench", "worker", "--drain", "--settle", "0.2"],
            subnets=[cluster.subnet],
            environment=environment,
        ),
        on_line=lines.append,
        poll=0.2,
    )
    assert result.ok, lines
    assert "3 done, 0 repeated, 0 ignored, 0 given up, 0 given back, in 1 runs" in lines
    (row,) = (
        connect()
        .query("SELECT count(*) AS n, count(DISTINCT _batch_id) AS files FROM raw.transactions")
        .to_pylist()
    )
    assert row == {"n": 9, "files": 3}
    assert queue.counts().open == 0
