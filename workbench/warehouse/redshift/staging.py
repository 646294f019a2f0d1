"""The place in S3 through which rows come and go in bulk: each load and each unload has a prefix of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from workbench.errors import UsageError, WorkFailed

_THREADS = 4
_MOST_KEYS = 1000


@dataclass(frozen=True)
class Staging:
    """Where files are put for Redshift, and the role by which Redshift gets at them.

    ``uri`` is ``s3://bucket/prefix``. What a killed process leaves behind lies under that prefix and no table
    knows it: a lifecycle rule of the bucket clears it away.
    """

    uri: str
    role: str

    def __post_init__(self) -> None:
        if not self.uri.startswith("s3://") or not self.uri.removeprefix("s3://").split("/")[0]:
            raise UsageError(f"setting WORKBENCH_REDSHIFT_S3: s3://bucket/prefix is wanted, not {self.uri!r}")
        if "'" in self.uri or "'" in self.role:
            raise UsageError("settings WORKBENCH_REDSHIFT_S3 and WORKBENCH_REDSHIFT_IAM_ROLE hold no quotes")

    @property
    def authorization(self) -> str:
        """The clause of COPY and UNLOAD that says who asks S3: a role, or the one the cluster has by default."""
        return f"IAM_ROLE '{self.role}'" if self.role else "IAM_ROLE default"

    @contextmanager
    def prefix(self, purpose: str) -> Iterator[Prefix]:
        """Yield a new prefix, which is removed with all it holds in the end."""
        timestamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        bucket, _, base = self.uri.removeprefix("s3://").partition("/")
        parts = [base.strip("/"), f"{purpose}-{timestamp}-{uuid4().hex}"]
        prefix = Prefix(bucket, "/".join(part for part in parts if part) + "/")
        try:
            yield prefix
        finally:
            prefix.remove()


@dataclass(frozen=True)
class Prefix:
    """One folder of S3; ``key`` ends with a slash."""

    bucket: str
    key: str

    @property
    def uri(self) -> str:
        """``s3://bucket/key/``."""
        return f"s3://{self.bucket}/{self.key}"

    def upload(self, files: list[Path]) -> None:
        """Put files there, several at a time.

        Raises:
            WorkFailed: S3 doesn't take one.
        """
        from concurrent.futures import ThreadPoolExecutor

        client = _client()

        def put(file: Path) -> None:
            client.upload_file(str(file), self.bucket, self.key + file.name)

        with _asking(f"can't write to {self.uri}"), ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(put, files))

    def download(self, folder: Path) -> list[Path]:
        """Fetch all files, several at a time; return them by name."""
        from concurrent.futures import ThreadPoolExecutor

        client = _client()

        def get(key: str) -> Path:
            target = folder / key.rpartition("/")[2]
            client.download_file(self.bucket, key, str(target))
            return target

        with _asking(f"can't read from {self.uri}"), ThreadPoolExecutor(_THREADS) as pool:
            return sorted(pool.map(get, self._keys(client)))

    def remove(self) -> None:
        """Delete all files there; what can't be deleted is left to the bucket's lifecycle rule."""
        import botocore.exceptions

        client = _client()
        try:
            keys = self._keys(client)
            for start in range(0, len(keys), _MOST_KEYS):
                some = [{"Key": key} for key in keys[start : start + _MOST_KEYS]]
                client.delete_objects(Bucket=self.bucket, Delete={"Objects": some, "Quiet": True})
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError):
            import logging

            logging.getLogger(__name__).warning("can't remove %s: leave it to the lifecycle rule", self.uri)

    def _keys(self, client: Any) -> list[str]:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.key)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]


def _client() -> Any:
    import boto3

    return boto3.client("s3")


@contextmanager
def _asking(doing: str) -> Iterator[None]:
    import boto3.exceptions
    import botocore.exceptions

    try:
        yield
    except (
        botocore.exceptions.ClientError,
        botocore.exceptions.BotoCoreError,
        boto3.exceptions.Boto3Error,
    ) as error:
        raise WorkFailed(f"{doing}: {' '.join(str(error).split())}") from None
