"""Put files into landing: one, those of a folder, or those that a pattern finds."""

from __future__ import annotations

import glob
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path

from workbench.errors import UsageError, unknown
from workbench.schema import DATASETS
from workbench.sources.landing import (
    FetchedFile,
    Landing,
    below_dataset,
    dataset_of,
    is_data,
    is_data_format,
    map_beside,
    open_landing,
    shown,
)
from workbench.sources.maps import Map, read_map

_MOST_TOLD = 5


class NotLanded(UsageError):
    """Some of the files can't be landed; the text says why. ``landed`` are the others."""

    def __init__(self, problems: list[str], landed: list[FetchedFile]) -> None:
        others = f" (the other {len(landed)} landed)" if landed else ""
        super().__init__("; ".join(problems[:_MOST_TOLD]) + _more(problems) + others)
        self.landed = landed


def land(
    source: str,
    dataset: str | None = None,
    map_file: Path | None = None,
    *,
    landing: Landing | None = None,
    check: Callable[[Path, Map], None] = lambda path, mapping: None,
) -> list[FetchedFile]:
    """Copy a file, each file of a folder, or each match of a glob into landing.

    The dataset is the map's, or ``dataset``, or else the innermost of the file's folders that is named after one.
    Without ``map_file`` the map beside a file goes with it. A copy appears whole or not at all. The same content
    landed twice is one file. One that can't be landed keeps no other from it.

    Args:
        source: path of the file, the folder or the glob.
        dataset: where no map tells it, and no folder.
        map_file: a map for all of them.
        landing: where to; the landing of the settings if None.
        check: raises UsageError for a file that the map doesn't fit.

    Raises:
        UsageError: nothing is there, the dataset is unknown, or the map is wrong.
        NotLanded: of some files the dataset can't be told, the map doesn't fit, or they can't be read.
    """
    mapping = read_map(map_file) if map_file else None
    if mapping and dataset and mapping.dataset != dataset:
        raise UsageError(f"the map is for {mapping.dataset}, not for {dataset}")
    if dataset is not None and dataset not in DATASETS:
        raise unknown("dataset", dataset, DATASETS)
    landing = landing or open_landing()
    landed: list[FetchedFile] = []
    problems: list[str] = []
    for path in _find(source):
        try:
            landed.append(_land(landing, path, dataset, mapping, check))
        except UsageError as error:
            problems.append(str(error))
        except OSError as error:
            problems.append(f"can't land {shown(path)}: {error.strerror} ({error.filename})")
    if problems:
        raise NotLanded(problems, landed)
    return landed


def _more(messages: list[str]) -> str:
    return f"; and {len(messages) - _MOST_TOLD} more" if len(messages) > _MOST_TOLD else ""


def _find(source: str) -> list[Path]:
    path = Path(source.removeprefix("file://")).expanduser()
    if path.is_file():
        if not is_data(below_dataset(path.absolute())):
            raise UsageError(
                f"{shown(path)} isn't landed: a name that begins with a dot or an underscore, or ends in .part or "
                ".map.yaml, isn't that of a complete file of data; rename it"
            )
        return [path]
    if path.is_dir():
        top, found = path, [file for file in path.rglob("*") if file.is_file()]
    else:
        top = Path(*takewhile(lambda part: not glob.has_magic(part), path.parts))
        matches = (Path(name) for name in glob.glob(str(path), recursive=True))  # noqa: PTH207  may be absolute
        found = [match for match in matches if match.is_file()]
    data = sorted(file for file in found if is_data_format(file.relative_to(top)))
    if not data:
        raise UsageError(f"nothing to load: no file, folder or match at {source}")
    return data


def _land(
    landing: Landing,
    path: Path,
    dataset: str | None,
    mapping: Map | None,
    check: Callable[[Path, Map], None],
) -> FetchedFile:
    told = mapping.dataset if mapping else dataset or dataset_of(path.absolute())
    if told is None:
        raise UsageError(
            f"can't tell the dataset of {shown(path)}: name it with --dataset, or put the file in a folder called "
            f"one of {', '.join(sorted(DATASETS))}"
        )
    beside = map_beside(path)
    if mapping is None and beside.is_file():
        mapping = read_map(beside)
        if mapping.dataset != told:
            raise UsageError(
                f"map {shown(beside)}: it is for {mapping.dataset}, and the file is one of {told}"
            )
    if mapping:
        check(path, mapping)
    return landing.put(path, told, mapping)
