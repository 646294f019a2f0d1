"""Bring what a message names into landing."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from workbench.boto import aws_errors, client, error_code
from workbench.errors import UsageError, WorkFailed
from workbench.queue.messages import object_of, path_of
from workbench.schema import DATASETS
from workbench.settings import Settings
from workbench.sources.files import MAP_SUFFIX, Landed, found, land

_GONE = {"404", "NoSuchKey", "NoSuchBucket"}


def arrive(uri: str, settings: Settings) -> Landed | None:
    """Return the file of a URI in landing, copied there if it lies elsewhere; None for a map beside a file.

    The dataset is the folder's name: ``s3://BUCKET/…/transactions/…``. A map beside an object
    (``KEY.map.yaml``) goes with it.

    Raises:
        UsageError: it isn't there or belongs to no dataset; another attempt won't help.
        WorkFailed: S3 refuses, or can't be reached.
    """
    if uri.endswith(MAP_SUFFIX):
        return None
    return _from_s3(*object_of(uri)) if uri.startswith("s3:") else _from_folder(Path(path_of(uri)), settings)


def _from_folder(path: Path, settings: Settings) -> Landed:
    if not path.is_file():
        raise UsageError(f"no file {path}")
    if path.is_relative_to(settings.landing):
        dataset, *below = path.relative_to(settings.landing).parts
        if dataset not in DATASETS or not below:
            raise UsageError(f"{path} lies in no dataset's folder; the datasets are {', '.join(DATASETS)}")
        return found(path, dataset)
    beside = path.with_name(path.name + MAP_SUFFIX)
    (landed,) = land(str(path), _dataset(PurePosixPath(path)), beside if beside.is_file() else None)
    return landed


def _from_s3(bucket: str, key: str) -> Landed:
    dataset = _dataset(PurePosixPath(key))
    with tempfile.TemporaryDirectory(prefix="workbench-") as scratch:
        path = Path(scratch) / PurePosixPath(key).name
        _download(bucket, key, path)
        beside: Path | None = path.with_name(path.name + MAP_SUFFIX)
        try:
            _download(bucket, key + MAP_SUFFIX, path.with_name(path.name + MAP_SUFFIX))
        except UsageError:
            beside = None
        (landed,) = land(str(path), dataset, beside)
    return landed


def last_change(paths: Iterable[Path]) -> float:
    """Return when the youngest of some files changed, in seconds since 1970; one that is gone doesn't count."""
    times = [0.0]
    for path in paths:
        with contextlib.suppress(OSError):
            times.append(path.stat().st_mtime)
    return max(times)


def _dataset(path: PurePosixPath) -> str:
    """Return the dataset among the folders of a path, the innermost first."""
    for folder in reversed(path.parent.parts):
        if folder in DATASETS:
            return folder
    raise UsageError(f"no folder of {path} is named after a dataset; the datasets are {', '.join(DATASETS)}")


def _download(bucket: str, key: str, path: Path) -> None:
    try:
        with aws_errors(f"s3://{bucket}/{key}"):
            client("s3").download_file(bucket, key, str(path))
    except WorkFailed as error:
        if error_code(error) in _GONE:
            raise UsageError(f"no object s3://{bucket}/{key}") from None
        raise
