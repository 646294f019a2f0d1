"""A local Redshift beside a local S3; each test has a schema and a bucket of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from redshift_local import Address, RedshiftLocal

from ..conftest import connect_to

ROLE = "IAM_ROLE 'arn:aws:iam::123456789012:role/loader'"


@pytest.fixture(scope="session")
def aws() -> Iterator[dict[str, str]]:
    """The arguments that lead boto3 to a server of S3's that runs in this process."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "endpoint_url": f"http://{host}:{port}", "region_name": "eu-central-1", "aws_access_key_id": "local",
        "aws_secret_access_key": "local",
    }  # fmt: skip
    server.stop()


@pytest.fixture(scope="session")
def redshift(folder: Path, aws: dict[str, str]) -> Iterator[Address]:
    """A running server that finds its files there."""
    with RedshiftLocal(folder / "beside-s3", s3=aws) as address:
        yield address


@pytest.fixture
def connection(redshift: Address) -> Iterator[Any]:
    """A connection of Amazon's own driver's, over TLS, to a schema of its own."""
    opened = connect_to(redshift)
    schema = f"test_{uuid.uuid4().hex[:12]}"
    cursor = opened.cursor()
    cursor.execute(f"CREATE SCHEMA {schema}")
    cursor.execute(f"SET search_path TO {schema}")
    opened.commit()
    yield opened
    opened.rollback()
    opened.cursor().execute(f"DROP SCHEMA {schema} CASCADE")
    opened.commit()
    opened.close()


@pytest.fixture
def cursor(connection: Any) -> Any:
    """A cursor of the connection."""
    return connection.cursor()


@pytest.fixture
def s3(aws: dict[str, str]) -> Any:
    """A client of the local S3."""
    return boto3.client("s3", **aws)


@pytest.fixture
def bucket(s3: Any) -> str:
    """The name of an empty bucket."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return name
