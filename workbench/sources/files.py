"""Put files into landing: the place, one folder a dataset, from which ingestion takes them."""

from __future__ import annotations

import difflib
import glob
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import UsageError, WorkFailed, unknown
from workbench.files import write_whole
from workbench.private import private_folder
from workbench.schema import DATASETS
from workbench.settings import get_settings
from workbench.sources.maps import Map, read_map

MAP_SUFFIX = ".map.yaml"
_MOST_TOLD = 5
_SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".jsonl", ".ndjson", ".json")


@dataclass(frozen=True)
class Landed:
    """One file in landing.

    Attributes:
        is_new: False if the same content was there already.
        refusal: why it can't be taken in though it can be read: the map beside it is wrong.
        state: size in bytes and time of change, in nanoseconds, when ``batch_id`` was worked out; None if that
            doesn't matter.
    """

    dataset: str
    path: Path
    batch_id: str
    map: Map | None = None
    is_new: bool = True
    refusal: str | None = None
    state: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """The file's name, as it can be shown."""
        return shown(self.path.name)

    @property
    def uri(self) -> str:
        """Where the file is, as it can be shown."""
        return shown(self.path)

    def departed(self) -> str | None:
        """Return in words why what lies there now isn't what ``batch_id`` stands for; None if it is."""
        try:
            with self.path.open("rb") as file:
                state = _state(file.fileno())
        except OSError as error:
            return f"{self.uri} can't be read for now: {error.strerror}"
        if self.state not in (None, state):
            return f"{self.uri} changed while it was read; the next run takes it in"
        return None


def shown(path: Path | str) -> str:
    """Return a path as text; bytes of it that are no UTF-8 are written out."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def batch_id(dataset: str, mapping: Map | None, path: Path, wrong: bytes = b"") -> str:
    """Return the sha256 of dataset, map and bytes: the same content is the same batch, wherever it lies.

    ``wrong`` is the text of a map that can't be read.
    """
    digest = hashlib.sha256(dataset.encode() + b"\0" + (mapping.canonical if mapping else wrong) + b"\0")
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


class NotLanded(UsageError):
    """Some of the files can't be landed; the text says why. ``landed`` are the others."""

    def __init__(self, problems: list[str], landed: list[Landed]) -> None:
        others = f" (the other {len(landed)} landed)" if landed else ""
        super().__init__("; ".join(problems[:_MOST_TOLD]) + _more(problems) + others)
        self.landed = landed


def land(
    source: str,
    dataset: str | None = None,
    map_file: Path | None = None,
    *,
    check: Callable[[Path, Map], None] = lambda path, mapping: None,
) -> list[Landed]:
    """Copy a file, each file of a folder, or each match of a glob into landing.

    The dataset is the map's, or ``dataset``, or the name of the folder the file lies in. A copy appears whole or
    not at all. The same content landed twice is one file. One that can't be landed keeps no other from it.

    Args:
        source: path of the file, the folder or the glob.
        dataset: where no map tells it, and no folder.
        map_file: a map for all of them.
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
    landed: list[Landed] = []
    problems: list[str] = []
    for path in _find(source):
        try:
            name = mapping.dataset if mapping else dataset or _told_by(path)
            if mapping:
                check(path, mapping)
            landed.append(_land(path, name, mapping))
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
        found = [path]
    elif path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.is_file() and _is_data(file))
    else:
        matches = (Path(name) for name in glob.glob(str(path), recursive=True))  # noqa: PTH207  may be absolute
        found = sorted(match for match in matches if match.is_file() and _is_data(match))
    if not found:
        raise UsageError(f"nothing to load: no file, folder or match at {source}")
    return found


def _is_data(path: Path) -> bool:
    name = path.name.removesuffix(".gz").lower()
    return not path.name.startswith((".", "_")) and not name.endswith(MAP_SUFFIX) and name.endswith(_SUFFIXES)


def _told_by(path: Path) -> str:
    name = path.absolute().parent.name
    if name not in DATASETS:
        raise UsageError(
            f"can't tell the dataset of {path}: name it with --dataset, or put the file in a folder called one of "
            f"{', '.join(sorted(DATASETS))}"
        )
    return name


def _land(path: Path, dataset: str, mapping: Map | None) -> Landed:
    identity = batch_id(dataset, mapping, path)
    folder = get_settings().landing / dataset
    stem, dot, suffix = path.name.partition(".")
    target = folder / f"{stem}-{identity[:12]}{dot}{suffix}"
    if target.is_file():
        return Landed(dataset, target, identity, mapping, is_new=False)
    try:
        private_folder(folder)
        if mapping:
            beside = target.with_name(target.name + MAP_SUFFIX)
            write_whole(beside, lambda part: part.write_bytes(mapping.canonical))
        write_whole(target, lambda part: shutil.copyfile(path, part))
    except OSError as error:
        raise WorkFailed(f"can't put {path} into {folder}: {error.strerror or error}") from None
    return Landed(dataset, target, identity, mapping)


def landed(folder: Path | None = None, warn: Callable[[str], None] = lambda _: None) -> Iterator[Landed]:
    """Yield the files in landing, the one that landed first first (by time of change, then by name).

    A link to a folder or a file stands for what it leads to. A file whose map is wrong is yielded with that as its
    ``refusal``.

    Args:
        folder: the landing folder; that of the settings if None.
        warn: is told in a line of what lies there and can't be taken in: outside of a dataset's folder, or unreadable.
    """
    settings = get_settings()
    folder, now = folder or settings.landing, time.time()
    files: list[tuple[int, str, Path]] = []
    strays: dict[str, int] = {}
    for file in data_files(folder, warn):
        parts = file.relative_to(folder).parts
        if len(parts) < 2 or parts[0] not in DATASETS:
            strays[parts[0]] = strays.get(parts[0], 0) + 1
            continue
        try:
            changed = file.stat().st_mtime_ns
        except OSError as error:
            warn(f"{shown(file)} can't be read for now: {error.strerror}")
            continue
        # Somebody may still write it; it is taken in later. A time in the future is a clock's that was wrong.
        if not 0 <= now - changed / 1e9 < settings.landing_settle:
            files.append((changed, str(file), file))
    for name, count in sorted(strays.items()):
        warn(_stray(folder / name, count))
    for _, _, file in sorted(files):
        try:
            yield found(file, file.relative_to(folder).parts[0])
        except OSError as error:
            warn(f"{shown(file)} can't be read for now: {error.strerror}")


def found(path: Path, dataset: str) -> Landed:
    """Return a file that lies in landing, with the map beside it.

    Raises:
        OSError: it can't be read.
    """
    beside = path.with_name(path.name + MAP_SUFFIX)
    mapping, refusal, written = None, None, b""
    if beside.is_file():
        try:
            mapping = read_map(beside)
            if mapping.dataset != dataset:
                raise UsageError(
                    f"map {beside}: it is for {mapping.dataset}, and lies in the folder of {dataset}"
                )
        except UsageError as error:
            # Mended, it makes another batch of the same file.
            mapping, refusal, written = None, str(error), beside.read_bytes()
    with path.open("rb") as file:
        state = _state(file.fileno())
    identity = batch_id(dataset, mapping, path, written)
    return Landed(dataset, path, identity, mapping, refusal=refusal, state=state)


def is_data(path: Path) -> bool:
    """Whether a path below landing is that of a complete file of data, by its names alone."""
    return not any(part.startswith((".", "_")) for part in path.parts) and not path.name.endswith(
        (MAP_SUFFIX, ".part")
    )


def _state(handle: int) -> tuple[int, int]:
    about = os.fstat(handle)
    return about.st_size, about.st_mtime_ns


def data_files(folder: Path, warn: Callable[[str], None] = lambda _: None) -> Iterator[Path]:
    """Yield the complete files of data below a folder, through links too, each folder once.

    ``warn`` is told in a line of a folder that can't be read, and of a link that leads nowhere.
    """

    def refused(error: OSError) -> None:
        if error.filename != str(folder) or folder.exists():
            warn(f"{shown(error.filename)} can't be read for now: {error.strerror}")

    seen = set()
    for parent, folders, names in os.walk(folder, onerror=refused, followlinks=True):
        seen.add(os.path.realpath(parent))
        folders[:] = sorted(
            name
            for name in folders
            if is_data(Path(name)) and os.path.realpath(Path(parent, name)) not in seen
        )
        for name in filter(lambda name: is_data(Path(name)), sorted(names)):
            path = Path(parent, name)
            if shown(name) != name:
                warn(f"{shown(path)} has bytes in its name that are no UTF-8; rename it")
            elif path.is_file():
                yield path
            elif path.is_symlink():
                warn(f"{shown(path)} leads nowhere: it is a link to {shown(path.readlink())}")


def _stray(path: Path, count: int) -> str:
    known = ", ".join(sorted(DATASETS))
    if path.is_file():
        return f"{shown(path)} lies in no dataset's folder; move it into one of {known}"
    near = difflib.get_close_matches(path.name, DATASETS, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"the datasets are {known}"
    return f"{shown(path)} is no dataset's folder, so its files ({count}) are left alone; {hint}"
