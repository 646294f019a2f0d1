"""A queue, a project and a bucket for a worker."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from tests.aws_server import make_queue
from tests.project import make_project


@pytest.fixture
def queue_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """SQS, unless a test asks for both: to the worker a queue is its contract, which has tests of its own."""
    return make_queue(getattr(request, "param", "sqs"), request, tmp_path)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = make_project(tmp_path / "project", "seen = limit")
    monkeypatch.setenv("WORKBENCH_PROJECT", str(folder))
    return folder


@pytest.fixture
def bucket(aws: str, tmp_path: Path) -> str:
    name = f"bucket-{tmp_path.name.replace('_', '-').lower()}"[:60].strip("-")
    place = {"LocationConstraint": "eu-west-1"}
    boto3.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=place)
    return name
