"""A local Redshift beside a local S3; each test has a schema and a bucket of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from redshift_local import Address

from ..conftest import connect_to
from .loading import Put

ROLE = "IAM_ROLE 'arn:aws:iam::123456789012:role/loader'"


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


@pytest.fixture
def put(s3: Any, bucket: str) -> Put:
    """Put an object and return its address."""

    def put(key: str, body: bytes) -> str:
        s3.put_object(Bucket=bucket, Key=key, Body=body)
        return f"s3://{bucket}/{key}"

    return put


@pytest.fixture
def sales(cursor: Any) -> None:
    """A table for sales."""
    cursor.execute(
        "CREATE TABLE sales (id int NOT NULL, name varchar(10), at timestamp, amount decimal(10,2))"
    )
    cursor.connection.commit()
