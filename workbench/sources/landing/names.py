"""What the address of a file tells: whether it is data, which dataset it belongs to, and where its map lies.

Every way into the warehouse asks here: ``workbench load``, ingestion, the worker's watch of landing and its messages.
"""

from __future__ import annotations

import difflib
import errno
import os
from pathlib import Path, PurePath

from workbench.errors import UsageError
from workbench.schema import DATASETS

MAP_SUFFIX = ".map.yaml"
_UNFINISHED = ".part"
_DATASETS = ", ".join(sorted(DATASETS))
_FORMATS = (".csv", ".tsv", ".txt", ".parquet", ".jsonl", ".ndjson", ".json", ".xlsx", ".xlsm", ".zip")
_PACKINGS = (".gz", ".zst", ".bz2", ".xz", ".lz4")


def is_data(path: PurePath) -> bool:
    """Whether a file is complete and of data, by the names below landing, or below a folder that is searched.

    It isn't if one of them, the file's or a folder's, begins with a dot or an underscore, or ends in ``.part``: those
    are somebody's who still writes. A map isn't data. What the format is, the content says.
    """
    return not any(
        part.startswith((".", "_")) or part.lower().endswith((MAP_SUFFIX, _UNFINISHED)) for part in path.parts
    )


def is_data_format(path: PurePath) -> bool:
    """Whether a file is data and its name says of which format.

    A folder of somebody's is searched for such files alone. In landing any complete file counts: whoever put it there
    wants it taken in, and hears of it if it can't be.
    """
    name = path.name.lower()
    packing = next((each for each in _PACKINGS if name.endswith(each)), "")
    return is_data(path) and name.removesuffix(packing).endswith(_FORMATS)


def dataset_of(path: PurePath) -> str | None:
    """Return the dataset of a file: the innermost of its folders that is named after one; None if none is."""
    return next((folder for folder in reversed(path.parent.parts) if folder in DATASETS), None)


def require_dataset(path: PurePath, shown_as: str | None = None) -> str:
    """Return the dataset of a file by its folders.

    Raises:
        UsageError: no folder is named after a dataset.
    """
    dataset = dataset_of(path)
    if dataset is None:
        raise UsageError(
            f"no folder of {shown_as or shown(path)} is named after a dataset; the datasets are {_DATASETS}"
        )
    return dataset


def below_dataset(path: PurePath) -> PurePath:
    """Return the part of a path below its dataset's folder; its name alone if there is none."""
    for depth, folder in enumerate(reversed(path.parent.parts), start=1):
        if folder in DATASETS:
            return PurePath(*path.parts[-depth:])
    return PurePath(path.name)


def map_beside(path: Path) -> Path:
    """Return where the map of a file lies, if it has one: beside it, under its name with ``.map.yaml``."""
    return path.with_name(path.name + MAP_SUFFIX)


def map_of(path: Path) -> Path | None:
    """Return the map beside a file; None if it has none, as where its name is too long for another one beside it."""
    beside = map_beside(path)
    try:
        return beside if beside.is_file() else None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return None
        raise


def stray(address: str, name: str, count: int, *, is_file: bool) -> str:
    """Say that a file, or that many below a folder, lie in no dataset's folder; ``name`` is that in landing itself."""
    if is_file:
        return f"{address} lies in no dataset's folder; move it into one of {_DATASETS}"
    near = difflib.get_close_matches(name, DATASETS, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"the datasets are {_DATASETS}"
    return f"{address} is no dataset's folder, so its files ({count}) are left alone; {hint}"


def shown(path: PurePath | str) -> str:
    """Return a path as text; bytes of it that are no UTF-8 are written out."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
