"""Objects in S3: which ones a COPY means, and how to read, write and delete them. Any endpoint that boto3 reaches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import botocore.exceptions

from redshift_local.errors import SqlError

_RETRIES = botocore.config.Config(retries={"max_attempts": 3}, connect_timeout=5, read_timeout=60)


@dataclass(frozen=True)
class Access:
    """Who asks S3, as a statement says it."""

    key: str = ""
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    region: str = ""

    def client(self, settings: Mapping[str, str]) -> Any:
        """Return a client of S3's. The settings are arguments of ``boto3.client`` for what the statement leaves open."""
        given = dict(settings)
        if self.key:
            given |= {"aws_access_key_id": self.key, "aws_secret_access_key": self.secret}
            given.pop("aws_session_token", None)
        if self.token:
            given["aws_session_token"] = self.token
        given["region_name"] = (
            self.region or given.get("region_name") or boto3.Session().region_name or "us-east-1"
        )
        with told():
            return boto3.client("s3", config=_RETRIES, **given)


@dataclass(frozen=True)
class Location:
    """A bucket and the beginning of a key."""

    bucket: str
    key: str

    @classmethod
    def of(cls, uri: str) -> Location:
        """Return the place that an s3:// address names. Raises SqlError for another address."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if not uri.startswith("s3://") or not bucket:
            raise SqlError("42601", f"'{uri}' isn't a place in S3: it would be like s3://bucket/prefix")
        return cls(bucket, key)

    @property
    def uri(self) -> str:
        """The address, s3://bucket/key."""
        return f"s3://{self.bucket}/{self.key}"


@contextmanager
def told(uri: str = "") -> Iterator[None]:
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


def objects(client: Any, place: Location) -> list[Location]:
    """Return the objects whose keys begin with the place's key, folders' markers left out, in order."""
    found: list[Location] = []
    with told(place.uri):
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.key):
            found += [
                Location(place.bucket, entry["Key"])
                for entry in page.get("Contents", ())
                if not entry["Key"].endswith("/")
            ]
    return found


def listed(client: Any, manifest: Location) -> list[Location]:
    """Return the objects that a manifest names; a mandatory one that isn't there is an error, another is left out."""
    with told(manifest.uri):
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
    for place, mandatory in entries:
        try:
            with told(place.uri):
                client.head_object(Bucket=place.bucket, Key=place.key)
        except SqlError as problem:
            if mandatory or "Status 404" not in problem.message:
                raise
            continue
        found.append(place)
    return found


def download(client: Any, place: Location, path: Path) -> None:
    """Fetch an object to a file."""
    with told(place.uri):
        client.download_file(place.bucket, place.key, str(path))


def upload(client: Any, path: Path, place: Location) -> None:
    """Send a file to an object."""
    try:
        with told(place.uri):
            client.upload_file(str(path), place.bucket, place.key)
    except boto3.exceptions.S3UploadFailedError as problem:
        raise SqlError("XX000", f"S3ServiceException:{problem}", detail=place.uri) from problem


def delete(client: Any, places: list[Location]) -> None:
    """Delete objects of one bucket, a thousand a call."""
    for start in range(0, len(places), 1000):
        part = places[start : start + 1000]
        with told(part[0].uri):
            client.delete_objects(
                Bucket=part[0].bucket,
                Delete={"Objects": [{"Key": place.key} for place in part], "Quiet": True},
            )
