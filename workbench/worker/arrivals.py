"""Bring what a message names into landing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from workbench.errors import UsageError, WorkbenchError
from workbench.queue.messages import object_of, path_of
from workbench.settings import Settings
from workbench.sources.files import land
from workbench.sources.landing import (
    FolderLanding,
    IdentifiedFile,
    Landing,
    S3Landing,
    below_dataset,
    is_data,
    open_landing,
    require_dataset,
    shown,
)


def arrive(uri: str, settings: Settings) -> IdentifiedFile | None:
    """Return the file of a URI in landing, copied there if it lies elsewhere; None for what isn't data, as a map.

    The dataset is that of its folders: ``s3://BUCKET/.../transactions/...``. A map beside it goes with it.

    Raises:
        UsageError: it isn't there or belongs to no dataset; another attempt won't help.
        WorkFailed: it can't be read now: S3 refuses, or can't be reached.
    """
    landing = open_landing(settings)
    bucket, path = object_of(uri) if uri.startswith("s3:") else ("", path_of(uri))
    key = landing.key_of(f"s3://{bucket}/{path}" if bucket else path)
    if not is_data(PurePosixPath(key) if key is not None else below_dataset(PurePosixPath(path))):
        return None
    if key is not None:
        with landing.fetch(landing.find(key)) as fetched:
            return fetched
    return _from_s3(bucket, path, landing) if bucket else _from_folder(Path(path), landing)


def _from_folder(path: Path, landing: Landing) -> IdentifiedFile:
    if not path.is_file():
        raise UsageError(f"no file {shown(path)}")
    (landed,) = land(str(path), require_dataset(path), landing=landing)
    return landed


def _from_s3(bucket: str, key: str, landing: Landing) -> IdentifiedFile:
    source = S3Landing(f"s3://{bucket}")
    with source.fetch(source.find(key)) as fetched:
        if fetched.refusal:
            raise UsageError(fetched.refusal)
        return landing.put(fetched.path, fetched.dataset, fetched.map)


def last_change(files: Iterable[IdentifiedFile], settings: Settings) -> float:
    """Return when the youngest of some files was written, in seconds since 1970.

    One that is gone doesn't count, nor do objects, which nobody writes on.
    """
    landing, times = open_landing(settings), [0.0]
    for file in files if isinstance(landing, FolderLanding) else ():
        with contextlib.suppress(WorkbenchError):
            times.append(landing.find(file.landed.key).changed / 1e9)
    return max(times)
