"""Put files into landing: one, those of a folder, or those that a pattern finds, here or elsewhere."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path, PurePath

from workbench.errors import UsageError, unknown
from workbench.files import files_below
from workbench.schema import DATASETS
from workbench.secrets.secret import Secret
from workbench.sources.landing import (
    FetchedFile,
    Landing,
    below_dataset,
    dataset_of,
    is_data,
    is_data_format,
    map_of,
    open_landing,
    shown,
)
from workbench.sources.landing.base import Warn, leads_nowhere, unreadable
from workbench.sources.maps import Map, read_map
from workbench.sources.remote import Unsteady, fetched, has_map, is_remote, open_place

_MOST_TOLD = 5


class NotLanded(UsageError):
    """Some of the files can't be landed; the text says why. ``landed`` are the others."""

    def __init__(self, problems: list[str], landed: list[FetchedFile]) -> None:
        super().__init__("; ".join(problems[:_MOST_TOLD]) + _more(problems) + _others(landed))
        self.landed = landed


def _others(landed: list[FetchedFile]) -> str:
    new = sum(file.is_new for file in landed)
    if not landed:
        return ""
    if new == len(landed):
        return f" (the other {new} landed)"
    if not new:
        return f" (the other {len(landed)} had landed before)"
    return f" (of the other {len(landed)}, {new} landed now, and {len(landed) - new} had landed before)"


@dataclass(frozen=True)
class SourceFile:
    """A file that a source names.

    Attributes:
        address: as it can be shown.
        place: its path, whose folders may tell the dataset.
        has_map: tells whether a map lies beside it.
        at_hand: has the file on this machine for a while, and the map beside it if there is one.
    """

    address: str
    place: PurePath
    has_map: Callable[[], bool]
    at_hand: Callable[[], AbstractContextManager[tuple[Path, Path | None]]]


Check = Callable[[Path, str, Map | None], None]
"""Raises UsageError for a file, of a dataset and with a map or none, that can't be taken in."""


def land(
    source: str | Sequence[str],
    dataset: str | None = None,
    map_file: Path | None = None,
    *,
    landing: Landing | None = None,
    secret: Secret | None = None,
    check: Check = lambda path, dataset, mapping: None,
    warn: Warn = lambda _: None,
) -> list[FetchedFile]:
    """Copy a file, each file of a folder, or each match of a glob into landing.

    The dataset is the map's, or ``dataset``, or else the innermost of the file's folders that is named after one.
    Without ``map_file`` the map beside a file goes with it, and tells the dataset where nothing else does. A copy appears whole or not at all. The same content
    landed twice is one file. One that can't be landed keeps no other from it.

    Args:
        source: path of the file, the folder or the glob; or its address, ``https://``, ``sftp://`` or ``s3://``. Of
            several, as a shell makes them of a glob, those that aren't complete data are left out as in a glob.
        dataset: where no map tells it, and no folder.
        map_file: a map for all of them.
        landing: where to; the landing of the settings if None.
        secret: password or token for a source elsewhere.
        check: raises UsageError for a file that can't be taken in.
        warn: is told in a line of a link that leads nowhere, and of a folder that can't be read.

    Raises:
        UsageError: nothing is there, the dataset is unknown, or the map is wrong.
        WorkFailed: a source elsewhere can't be asked.
        NotLanded: of some files the dataset can't be told, the map doesn't fit, or they can't be read.
    """
    mapping = read_named(map_file, dataset)
    landing = landing or open_landing()
    landed: list[FetchedFile] = []
    problems: list[str] = []

    def put(file: SourceFile) -> None:
        try:
            with described(file, dataset, mapping) as (path, told, its_map):
                check(path, told, its_map)
                landed.append(landing.put(path, told, its_map))
        except (UsageError, Unsteady) as error:
            problems.append(str(error))
        except OSError as error:
            problems.append(f"can't land {file.address}: {error.strerror} ({error.filename})")

    sources = named(source)
    for each in sources:
        try:
            with found(each, secret, warn) as files:
                for file in files:
                    put(file)
        except UsageError as error:
            if len(sources) == 1:
                raise
            problems.append(str(error))
    if problems:
        raise NotLanded(problems, landed)
    return landed


def named(source: str | Sequence[str]) -> list[str]:
    """Return the sources that are meant; of several, not those that a glob would leave out.

    Raises:
        UsageError: none is left.
    """
    sources = [source] if isinstance(source, str) else list(source)
    if len(sources) == 1:
        return sources
    meant = [each for each in sources if is_remote(each) or not _is_beside(each)]
    if not meant:
        raise UsageError(f"nothing to load: none of {len(sources)} names is that of a complete file of data")
    return meant


def read_named(map_file: Path | None, dataset: str | None) -> Map | None:
    """Return the map that is named, if one is.

    Raises:
        UsageError: it is wrong or for another dataset, or the dataset is unknown.
    """
    mapping = read_map(map_file) if map_file else None
    if mapping and dataset and mapping.dataset != dataset:
        raise UsageError(f"the map is for {mapping.dataset}, not for {dataset}")
    if dataset is not None and dataset not in DATASETS:
        raise unknown("dataset", dataset, DATASETS)
    return mapping


@contextmanager
def found(
    source: str, secret: Secret | None = None, warn: Warn = lambda _: None
) -> Iterator[list[SourceFile]]:
    """Give the files that a source names, in order; as long as the context lasts, they can be had.

    Raises:
        UsageError: there is none, or its name isn't that of complete data.
        WorkFailed: a source elsewhere can't be asked.
    """
    if is_remote(source):
        with closing(open_place(source, secret)) as place:
            yield [
                SourceFile(
                    file.address, file.path, partial(has_map, place, file), partial(fetched, place, file)
                )
                for file in place.find()
            ]
        return
    yield [
        SourceFile(shown(path), path.absolute(), partial(_has_map, path), partial(_here, path))
        for path in _find(source, warn)
    ]


@contextmanager
def described(
    file: SourceFile, dataset: str | None, mapping: Map | None
) -> Iterator[tuple[Path, str, Map | None]]:
    """Have a file on this machine, with its dataset and its map.

    Raises:
        UsageError: its dataset can't be told, or the map beside it is wrong.
        WorkFailed: it can't be had.
    """
    told = mapping.dataset if mapping else dataset or dataset_of(file.place)
    if told is None and not file.has_map():
        raise _untold(file)
    with file.at_hand() as (path, beside):
        if mapping is None and beside:
            mapping = read_map(beside)
            if told and mapping.dataset != told:
                raise UsageError(
                    f"map {shown(beside)}: it is for {mapping.dataset}, and the file is one of {told}"
                )
        if mapping:
            told = mapping.dataset
        if told is None:
            raise _untold(file)
        yield path, told, mapping


def _untold(file: SourceFile) -> UsageError:
    return UsageError(
        f"can't tell the dataset of {file.address}: name it with --dataset, or put the file in a folder called "
        f"one of {', '.join(sorted(DATASETS))}"
    )


def _here(path: Path) -> AbstractContextManager[tuple[Path, Path | None]]:
    return nullcontext((path, map_of(path)))


def _has_map(path: Path) -> bool:
    return map_of(path) is not None


def _more(messages: list[str]) -> str:
    return f"; and {len(messages) - _MOST_TOLD} more" if len(messages) > _MOST_TOLD else ""


def _path(source: str) -> Path:
    return Path(source.removeprefix("file://")).expanduser()


def _is_beside(source: str) -> bool:
    """Tell whether it is a file that isn't one of complete data, a map for instance."""
    path = _path(source)
    return path.is_file() and not is_data(below_dataset(path.absolute()))


def _find(source: str, warn: Warn) -> list[Path]:
    path = _path(source)
    if path.is_file():
        if _is_beside(source):
            raise UsageError(
                f"{shown(path)} isn't landed: a name that begins with a dot or an underscore, or ends in .part or "
                ".map.yaml, isn't that of a complete file of data; rename it"
            )
        return [path]
    if path.is_dir():
        top = path
        found = list(
            files_below(
                path,
                lambda error: warn(unreadable(shown(error.filename), error)),
                lambda link: warn(leads_nowhere(link)),
            )
        )
    else:
        top = Path(*takewhile(lambda part: not glob.has_magic(part), path.parts))
        matches = [Path(name) for name in glob.glob(str(path), recursive=True)]  # noqa: PTH207  may be absolute
        for link in (match for match in matches if match.is_symlink() and not match.exists()):
            warn(leads_nowhere(link))
        found = [match for match in matches if match.is_file()]
    data = sorted(file for file in found if is_data_format(file.relative_to(top)))
    if not data:
        raise UsageError(f"nothing to load: no file, folder or match at {source}")
    return data
