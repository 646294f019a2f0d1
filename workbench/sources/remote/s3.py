"""Files in S3, by their keys."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from workbench.boto import aws_errors, client, error_code
from workbench.errors import UsageError, WorkFailed
from workbench.sources.remote.base import Forbidden, RemoteFile, chosen, pattern, require_data, top_of


class Bucket:
    """Objects in S3, by way of the client that landing in S3 has: with its credentials, its region and its endpoint."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._bucket, _, self._key = source[len("s3://") :].partition("/")
        if not self._bucket:
            raise UsageError(f"no bucket in {source}: s3://BUCKET/KEY is wanted")
        self._s3 = client("s3")

    def find(self) -> list[RemoteFile]:
        key = self._key
        if "*" not in key and not key.endswith("/") and (file := self.look(PurePosixPath("/", key))):
            require_data(file.path, self._source)
            return [file]
        fixed = key.partition("*")[0] if "*" in key else key.rstrip("/") + "/" if key else ""
        found = []
        with aws_errors(f"listing {self._source}"):
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=fixed):
                found += [each for each in page.get("Contents", []) if not each["Key"].endswith("/")]
        if "*" in key:
            wanted = pattern("/" + key)
            found = [each for each in found if wanted.fullmatch("/" + each["Key"])]
        files = [self._file(each["Key"], each["Size"], each["ETag"]) for each in found]
        return chosen(files, top_of("/" + (key if "*" in key else fixed)), self._source)

    def look(self, path: PurePosixPath) -> RemoteFile | None:
        key = str(path).lstrip("/")
        try:
            with aws_errors(f"s3://{self._bucket}/{key}"):
                about = self._s3.head_object(Bucket=self._bucket, Key=key)
        except WorkFailed as error:
            if error_code(error) in ("404", "NoSuchKey"):
                return None
            if error_code(error) == "403":
                raise Forbidden(str(error)) from None
            raise
        return self._file(key, about["ContentLength"], about["ETag"])

    def copy(self, file: RemoteFile, target: Path) -> None:
        with aws_errors(file.address):
            self._s3.download_file(self._bucket, str(file.path).lstrip("/"), str(target))

    def close(self) -> None:
        self._s3.close()

    def _file(self, key: str, size: int, version: str) -> RemoteFile:
        return RemoteFile(f"s3://{self._bucket}/{key}", PurePosixPath("/", key), size, version)
