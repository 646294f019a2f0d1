"""Objects in S3: which ones a COPY means, and how to read, write and delete them. Any endpoint that boto3 reaches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import botocore.exceptions

from redshift_local.errors import SqlError
from redshift_local.operations import Access, Location

_RETRIES = botocore.config.Config(retries={"max_attempts": 3}, connect_timeout=5, read_timeout=60)


def client_for(access: Access, settings: Mapping[str, str]) -> Any:
    """Return a client of S3's. The settings are arguments of ``boto3.client`` for what the statement leaves open."""
    given = dict(settings)
    if access.key:
        given |= {"aws_access_key_id": access.key, "aws_secret_access_key": access.secret}
        given.pop("aws_session_token", None)
    if access.token:
        given["aws_session_token"] = access.token
    given["region_name"] = (
        access.region or given.get("region_name") or boto3.Session().region_name or "us-east-1"
    )
    with errors_as_sql():
        return boto3.client("s3", config=_RETRIES, **given)


@contextmanager
def errors_as_sql(uri: str = "") -> Iterator[None]:
    """Turn what S3 refuses into an error for the client."""
    try:
        yield
    except botocore.exceptions.ClientError as problem:
        given = problem.response.get("Error", {})
        status = problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
        words = f"S3ServiceException:{given.get('Message', '')},Status {status},Error {given.get('Code', '')}"
        raise SqlError("XX000", words, detail=uri) from problem
    except (botocore.exceptions.BotoCoreError, ValueError) as problem:
        # The message may not quote credentials; those of botocore name only what is missing or where it went.
        raise SqlError("XX000", f"S3 can't be reached: {problem}", detail=uri) from problem


def objects(client: Any, location: Location) -> list[Location]:
    """Return the objects whose keys begin with the location's key, folders' markers left out, in order."""
    found: list[Location] = []
    with errors_as_sql(location.uri):
        for page in client.get_paginator("list_objects_v2").paginate(
            Bucket=location.bucket, Prefix=location.key
        ):
            found += [
                Location(location.bucket, entry["Key"])
                for entry in page.get("Contents", ())
                if not entry["Key"].endswith("/")
            ]
    return found


def listed(client: Any, manifest: Location) -> list[Location]:
    """Return the objects that a manifest names; a mandatory one that isn't there is an error, another is left out."""
    with errors_as_sql(manifest.uri):
        body = client.get_object(Bucket=manifest.bucket, Key=manifest.key)["Body"].read()
    try:
        entries = [
            (Location.of(entry["url"]), bool(entry.get("mandatory", False)))
            for entry in json.loads(body)["entries"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise SqlError(
            "XX000", f'{manifest.uri} is no manifest: it would be {{"entries": [{{"url": "s3://..."}}]}}'
        ) from problem
    found = []
    for location, mandatory in entries:
        try:
            with errors_as_sql(location.uri):
                client.head_object(Bucket=location.bucket, Key=location.key)
        except SqlError as problem:
            if mandatory or "Status 404" not in problem.message:
                raise
            continue
        found.append(location)
    return found


def download(client: Any, location: Location, path: Path) -> None:
    """Fetch an object to a file."""
    with errors_as_sql(location.uri):
        client.download_file(location.bucket, location.key, str(path))


def upload(client: Any, path: Path, location: Location) -> None:
    """Send a file to an object."""
    try:
        with errors_as_sql(location.uri):
            client.upload_file(str(path), location.bucket, location.key)
    except boto3.exceptions.S3UploadFailedError as problem:
        raise SqlError("XX000", f"S3ServiceException:{problem}", detail=location.uri) from problem


def delete(client: Any, locations: list[Location]) -> None:
    """Delete objects of one bucket, a thousand a call."""
    for start in range(0, len(locations), 1000):
        part = locations[start : start + 1000]
        with errors_as_sql(part[0].uri):
            client.delete_objects(
                Bucket=part[0].bucket,
                Delete={"Objects": [{"Key": location.key} for location in part], "Quiet": True},
            )
