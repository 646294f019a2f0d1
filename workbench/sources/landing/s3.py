"""Landing below a prefix of S3, where an object appears whole and is replaced as a whole."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from workbench.boto import aws_errors, client, error_code
from workbench.errors import UsageError, WorkFailed
from workbench.sources.landing.base import (
    FetchedFile,
    LandedFile,
    MapBeside,
    Unavailable,
    Warn,
    batch_id,
    changed,
    chunks,
    landing_name,
    read_map_beside,
)
from workbench.sources.landing.names import (
    MAP_SUFFIX,
    dataset_of,
    is_data,
    map_beside,
    require_dataset,
    stray,
)
from workbench.sources.maps import Map

_GONE = {"404", "NoSuchKey"}
_CHANGED = {"412", "PreconditionFailed"}
_TRIES = 3
"""Times that an object is asked for whose transfer broke off."""


class S3Landing:
    """A :class:`~workbench.sources.landing.base.Landing` at ``s3://BUCKET/PREFIX``.

    An object is known by its ETag, and is read as it was listed or not at all.

    Raises:
        UsageError: boto3 is missing, or there is no region.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/")
        self._bucket, _, prefix = self.uri.removeprefix("s3://").partition("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._s3 = client("s3")

    def files(self, warn: Warn = lambda _: None) -> Iterator[LandedFile]:
        """Yield the objects of data, the one that landed first first (by time of change, then by name).

        Raises:
            WorkFailed: S3 refuses, or can't be reached.
        """
        objects: dict[str, dict[str, Any]] = {}
        with aws_errors(f"listing {self.uri}"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix
            )
            for page in pages:
                for each in page.get("Contents", []):
                    objects[each["Key"].removeprefix(self._prefix)] = each
        found: list[LandedFile] = []
        strays: dict[str, list[str]] = {}
        for key, about in objects.items():
            # A folder made in S3's console is an empty object whose key ends so.
            if key.endswith("/") or not is_data(PurePosixPath(key)):
                continue
            dataset = dataset_of(PurePosixPath(key))
            if dataset is None:
                strays.setdefault(key.partition("/")[0], []).append(key)
            else:
                found.append(self._listed(key, dataset, about, objects.get(key + MAP_SUFFIX)))
        for name, keys in sorted(strays.items()):
            warn(stray(self._address(name), name, len(keys), is_file=keys == [name]))
        yield from sorted(found, key=lambda file: (file.changed, file.key))

    def key_of(self, address: str) -> str | None:
        """Return the place below the prefix of ``s3://BUCKET/KEY``; None if it lies elsewhere."""
        start = self._address("")
        return address.removeprefix(start) if address.startswith(start) else None

    def find(self, key: str) -> LandedFile:
        """Return the object at a key below the prefix."""
        dataset = require_dataset(PurePosixPath(key), shown_as=self._address(key))
        about = self._head(key)
        if about is None:
            raise UsageError(f"no object {self._address(key)}")
        return self._listed(key, dataset, about, self._head(key + MAP_SUFFIX))

    @contextmanager
    def fetch(self, file: LandedFile) -> Iterator[FetchedFile]:
        """Download an object and its map to a folder that is gone in the end."""
        with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
            path = Path(folder) / PurePosixPath(file.key).name
            described = MapBeside()
            if file.map_version:
                beside = map_beside(path)
                self._download(file.key + MAP_SUFFIX, file.map_version, beside)
                described = read_map_beside(beside, self._address(file.key + MAP_SUFFIX), file.dataset)
            self._download(file.key, file.version, path)
            with path.open("rb") as content:
                identity = batch_id(file.dataset, described.identity, chunks(content))
            yield FetchedFile(file, identity, path, described.map, described.refusal)

    def put(self, path: Path, dataset: str, mapping: Map | None) -> FetchedFile:
        """Upload a file, after its map."""
        with path.open("rb") as content:
            identity = batch_id(dataset, mapping.canonical if mapping else b"", chunks(content))
        key = f"{dataset}/{landing_name(path.name, identity)}"
        about = self._head(key)
        is_new = about is None
        if is_new:
            with aws_errors(f"putting {self._address(key)}"):
                if mapping:
                    self._s3.put_object(
                        Bucket=self._bucket, Key=self._prefix + key + MAP_SUFFIX, Body=mapping.canonical
                    )
                self._s3.upload_file(str(path), self._bucket, self._prefix + key)
        return FetchedFile(self.find(key), identity, path, mapping, is_new=is_new)

    def _listed(
        self, key: str, dataset: str, about: dict[str, Any], beside: dict[str, Any] | None
    ) -> LandedFile:
        changed_at = int(about["LastModified"].timestamp() * 1e9)
        return LandedFile(
            key=key,
            uri=self._address(key),
            dataset=dataset,
            size=int(about.get("Size", about.get("ContentLength", 0))),
            version=about["ETag"],
            map_version=beside["ETag"] if beside else "",
            changed=changed_at,
            arrived=changed_at,
        )

    def _head(self, key: str) -> dict[str, Any] | None:
        """Return what S3 knows of an object; None if there is none."""
        try:
            with aws_errors(self._address(key)):
                about: dict[str, Any] = self._s3.head_object(Bucket=self._bucket, Key=self._prefix + key)
        except WorkFailed as error:
            if error_code(error) in _GONE:
                return None
            raise
        return about

    def _download(self, key: str, version: str, path: Path) -> None:
        """Copy an object to a file, if it is still that version.

        Raises:
            Unavailable: it is gone or another one, or S3 refuses or can't be reached.
        """
        for left in reversed(range(_TRIES)):
            try:
                with aws_errors(self._address(key)):
                    answer = self._s3.get_object(Bucket=self._bucket, Key=self._prefix + key, IfMatch=version)
                    with closing(answer["Body"]) as body, path.open("wb") as copy:
                        for chunk in body.iter_chunks(1 << 20):
                            copy.write(chunk)
                return
            except WorkFailed as error:
                code = error_code(error)
                if code in _CHANGED:
                    raise Unavailable(changed(self._address(key))) from None
                # An answer of S3 is final: what is worth it was tried again before. A transfer may break at any byte.
                if code or not left:
                    raise Unavailable(f"{self._address(key)} can't be read for now: {error}") from None

    def _address(self, key: str) -> str:
        return f"s3://{self._bucket}/{self._prefix}{key}"
