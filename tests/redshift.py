"""A local Redshift beside a local S3, one of each for all tests of a process; each test has a database of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

BUCKET = "warehouse-staging"
REGION = "eu-west-1"
ROLE = "arn:aws:iam::123456789012:role/redshift"


@dataclass(frozen=True)
class Cluster:
    """A running look-alike, and what leads to it."""

    address: Any
    environment: dict[str, str]

    def url(self, database: str) -> str:
        """The warehouse's URL of one of its databases, without the password."""
        address = self.address
        return f"redshift://{address.user}@{address.host}:{address.port}/{database}?ca={address.ca}"

    @contextmanager
    def session(self, database: str) -> Iterator[Any]:
        """Open a session, each statement of which is a transaction."""
        from workbench.warehouse.redshift.address import Address
        from workbench.warehouse.redshift.connection import open_session

        with open_session(Address.parse(self.url(database), self.address.password)) as session:
            yield session

    @contextmanager
    def database(self, template: str = "dev") -> Iterator[str]:
        """Yield the name of a new database, a copy of another one, which is gone in the end."""
        from workbench.warehouse.redshift.idle import close_idle

        name = f"test_{uuid4().hex[:12]}"
        # Nobody may be in a database that is copied or dropped.
        close_idle()
        with self.session("dev") as session:
            session.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield name
        finally:
            close_idle()
            with self.session("dev") as session:
                session.execute(f"DROP DATABASE {name}")

    def settings(self, database: str) -> dict[str, str]:
        """The environment in which the warehouse is that database."""
        return self.environment | {
            "WORKBENCH_WAREHOUSE_URL": self.url(database),
            "WORKBENCH_REDSHIFT_S3": f"s3://{BUCKET}/staging/{database}",
        }


@contextmanager
def running_server(s3: dict[str, str]) -> Iterator[Any]:
    """Start a local Redshift that finds its files there; skip without PostgreSQL, and say how to get it."""
    from redshift_local import LocalError, RedshiftLocal
    from redshift_local.postgres import find_programs

    try:
        find_programs()
    except LocalError as problem:
        pytest.skip(str(problem))
    # PostgreSQL's user has to get in; pytest's own folders are for their owner alone.
    folder = Path(tempfile.mkdtemp(prefix="workbench-redshift-"))
    folder.chmod(0o711)
    try:
        with RedshiftLocal(folder / "data", s3=s3) as address:
            yield address
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Start a local Redshift and its S3, which is a process of its own: what tests do to moto doesn't touch it."""
    import boto3

    from workbench.aws.local import LocalAWS

    with LocalAWS() as local:
        client = boto3.client("s3", **login(local))
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        with running_server(login(local)) as address:
            yield Cluster(
                address,
                {
                    "WORKBENCH_REDSHIFT_PASSWORD": address.password,
                    "WORKBENCH_REDSHIFT_S3": f"s3://{BUCKET}/staging",
                    "WORKBENCH_REDSHIFT_IAM_ROLE": ROLE,
                    "AWS_ENDPOINT_URL_S3": local.url,
                    "AWS_DEFAULT_REGION": REGION,
                    "AWS_ACCESS_KEY_ID": local.environment["AWS_ACCESS_KEY_ID"],
                    "AWS_SECRET_ACCESS_KEY": local.environment["AWS_SECRET_ACCESS_KEY"],
                },
            )


def login(local: Any) -> dict[str, str]:
    """Return the arguments that lead boto3 to a local AWS."""
    return {
        "endpoint_url": local.url, "region_name": REGION,
        "aws_access_key_id": local.environment["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": local.environment["AWS_SECRET_ACCESS_KEY"],
    }  # fmt: skip


def staged_keys() -> list[str]:
    """What lies in the staging place that the settings name."""
    import boto3

    prefix = os.environ["WORKBENCH_REDSHIFT_S3"].removeprefix(f"s3://{BUCKET}/")
    found = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix + "/")
    return [each["Key"] for each in found.get("Contents", ())]
