"""A worker takes in what lands in S3."""

from __future__ import annotations

from pathlib import Path

import boto3

from tests.aws_server import make_sqs
from tests.project import HEADER, sales
from tests.worker.drained import drain, scalar
from workbench.queue.connect import connect_queue
from workbench.queue.messages import Files


def test_an_object_that_lands_in_s3_is_taken_in(project: Path, bucket: str, tmp_path: Path) -> None:
    queue = connect_queue(make_sqs())
    sqs, s3 = boto3.client("sqs"), boto3.client("s3")
    arn = sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    path = sales(tmp_path / "a.csv", 1)
    for key in ("landing/transactions/week 27/sales+ü.csv", "landing/transactions/again.csv"):
        s3.upload_file(str(path), bucket, key)
    s3.put_object(Bucket=bucket, Key="landing/transactions/bad.csv", Body=b"x,y\n1,2\n")
    tally = drain(queue)
    assert (tally["done"], tally["given_up"]) == (2, 1)
    assert scalar("SELECT count(*) FROM raw.transactions") == 3
    assert scalar("SELECT count(*) FROM ops.batches WHERE status = 'loaded'") == 1


def test_a_map_beside_an_object_goes_with_it(project: Path, bucket: str) -> None:
    queue, s3 = connect_queue(make_sqs()), boto3.client("s3")
    columns = {name: f"'{name}'" for name in HEADER.split(",") if name.endswith("_id")} | {
        "transaction_id": "Number", "line_number": "1", "transaction_timestamp": "'2026-01-01T00:00:00'",
        "quantity": "Pieces", "unit_price": "'1.00'", "currency": "'EUR'",
    }  # fmt: skip
    mapping = "dataset: transactions\ncolumns:\n" + "".join(
        f'  {name}: "{value}"\n' for name, value in columns.items()
    )
    key = "landing/transactions/theirs.csv"
    s3.put_object(Bucket=bucket, Key=f"{key}.map.yaml", Body=mapping.encode())
    s3.put_object(Bucket=bucket, Key=key, Body=b"Number,Pieces\nA1,3\nA2,4\n")
    queue.send(
        Files(files=(f"s3://{bucket}/{key}",)).body(), Files(files=(f"s3://{bucket}/{key}.map.yaml",)).body()
    )
    drain(queue)
    assert queue.dead() == []
    assert scalar("SELECT sum(quantity) FROM raw.transactions") == 7


def test_an_object_that_is_gone_is_given_up(project: Path, bucket: str) -> None:
    queue = connect_queue(make_sqs())
    queue.send(Files(files=(f"s3://{bucket}/landing/transactions/gone.csv",)).body())
    assert drain(queue) == {"given_up": 1}
    assert queue.dead()[0].reason == f"no object s3://{bucket}/landing/transactions/gone.csv"
