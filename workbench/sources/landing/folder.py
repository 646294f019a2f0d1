"""Landing in a folder, which people and programs put files into at any time."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath

from workbench.errors import UsageError, WorkFailed
from workbench.files import folders_below, write_whole
from workbench.private import private_folder
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
    leads_nowhere,
    names_content,
    read_map_beside,
    unreadable,
    version_of,
)
from workbench.sources.landing.names import (
    dataset_of,
    is_data,
    map_beside,
    map_of,
    require_dataset,
    shown,
    stray,
)
from workbench.sources.maps import Map

_TICK = 2_000_000_000
"""Nanoseconds within which some file system gives two changes the same time; FAT has the coarsest clock."""


@dataclass(frozen=True)
class FolderLanding:
    """A :class:`~workbench.sources.landing.base.Landing` in a folder.

    A link to a folder or a file stands for what it leads to.

    Args:
        folder: absolute.
        settle: seconds for which a file must not have changed to be listed.
        look: seconds for which a file that was written just now is looked at, to see whether it grows.
    """

    folder: Path
    settle: float = 0.0
    look: float = 0.0

    @property
    def uri(self) -> str:
        """Path of the folder."""
        return shown(self.folder)

    def files(self, warn: Warn = lambda _: None) -> Iterator[LandedFile]:
        """Yield the complete files of data, the one that landed first first (by time of change, then by name)."""
        files: list[LandedFile] = []
        strays: dict[str, int] = {}
        ages: dict[str, float] = {}
        for path in data_files(self.folder, warn):
            key = path.relative_to(self.folder)
            dataset = dataset_of(key)
            if dataset is None:
                strays[key.parts[0]] = strays.get(key.parts[0], 0) + 1
                continue
            try:
                file = self._listed(path, key, dataset)
            except OSError as error:
                warn(unreadable(shown(path), error))
                continue
            # By the clock as it is now: of what is written while this lists, the time would else be in the future.
            ages[file.key] = time.time() - file.changed / 1e9
            # Somebody may still write it; it is taken in later. A time in the future is a clock's that was wrong.
            if not 0 <= ages[file.key] < self.settle:
                files.append(file)
        for name, count in sorted(strays.items()):
            path = self.folder / name
            warn(stray(shown(path), name, count, is_file=path.is_file()))
        young = []
        for file in sorted(files, key=lambda file: (file.changed, file.key)):
            if 0 <= ages[file.key] < self.look and not self._was_put(file):
                young.append(file)
            else:
                yield file
        yield from self._steady(young, warn)

    def _steady(self, files: list[LandedFile], warn: Warn) -> Iterator[LandedFile]:
        """Yield those of some files that nobody writes on, a look later; those come last in any case."""
        if files:
            time.sleep(max(0.0, min(self.look, files[-1].changed / 1e9 + self.look - time.time())))
        for file in files:
            try:
                steady = version_of((self.folder / file.key).stat()) == file.version
            except OSError as error:
                warn(unreadable(file.uri, error))
                continue
            if steady:
                yield file
            else:
                warn(f"{file.uri} is still written; a later run takes it in")

    def _was_put(self, file: LandedFile) -> bool:
        """Whether its name tells its content, as that of each file that we put there, which appears whole."""
        if not names_content(file.key):
            return False
        try:
            return self._read(file).is_whole
        except (OSError, Unavailable):
            return False

    def key_of(self, address: str) -> str | None:
        """Return the place below landing of a path; None if it lies elsewhere."""
        path = Path(address)
        return path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else None

    def find(self, key: str) -> LandedFile:
        """Return the file at a place below landing."""
        path = self.folder / key
        dataset = require_dataset(PurePath(key), shown_as=shown(path))
        if shown(key) != key:
            raise UsageError(_no_text(path))
        try:
            if not path.is_file():
                raise UsageError(f"no file {shown(path)}")
            return self._listed(path, PurePath(key), dataset)
        except OSError as error:
            raise Unavailable(unreadable(shown(path), error)) from None

    @contextmanager
    def fetch(self, file: LandedFile) -> Iterator[FetchedFile]:
        """Read a file for its batch id; it stays where it is."""
        try:
            fetched = self._read(file)
        except OSError as error:
            raise Unavailable(unreadable(file.uri, error)) from None
        yield fetched

    def put(self, path: Path, dataset: str, mapping: Map | None) -> FetchedFile:
        """Copy a file and its map into landing; the copy appears whole or not at all."""
        with path.open("rb") as content:
            identity = batch_id(dataset, mapping.canonical if mapping else b"", chunks(content))
        folder = self.folder / dataset
        target = folder / landing_name(path.name, identity)
        is_new = not target.is_file()
        try:
            if is_new:
                private_folder(folder)
                if mapping:
                    write_whole(map_beside(target), lambda part: part.write_bytes(mapping.canonical))
                write_whole(target, lambda part: shutil.copyfile(path, part))
            landed = self._listed(target, target.relative_to(self.folder), dataset)
        except OSError as error:
            raise WorkFailed(
                f"can't put {shown(path)} into {shown(folder)}: {error.strerror or error}"
            ) from None
        return FetchedFile(landed, identity, target, mapping, is_new=is_new)

    def _listed(self, path: Path, key: PurePath, dataset: str) -> LandedFile:
        about = path.stat()
        return LandedFile(
            key=key.as_posix(),
            uri=shown(path),
            dataset=dataset,
            size=about.st_size,
            version=version_of(about),
            map_version=_map_state(path)[0],
            changed=about.st_mtime_ns,
            arrived=about.st_ctime_ns,
        )

    def _read(self, file: LandedFile) -> FetchedFile:
        path, began = self.folder / file.key, time.time_ns()
        map_version, map_changed = _map_state(path)
        described = MapBeside()
        if map_version:
            described = read_map_beside(map_beside(path), shown(map_beside(path)), file.dataset)
        with path.open("rb") as content:
            about = os.fstat(content.fileno())
            if (version_of(about), map_version) != (file.version, file.map_version):
                raise Unavailable(changed(file.uri))
            identity = batch_id(file.dataset, described.identity, chunks(content))
        return FetchedFile(
            landed=file,
            batch_id=identity,
            path=path,
            map=described.map,
            refusal=described.refusal,
            steady=max(_last_change(about), map_changed) < began - _TICK,
            state=file.version,
        )


def _no_text(path: Path) -> str:
    """Say that a file's name is no text."""
    return f"{shown(path)} has bytes in its name that are no UTF-8; rename it"


def _map_state(path: Path) -> tuple[str, int]:
    """Return the version of the map beside a file, and when it last changed; empty and 0 if there is none."""
    beside = map_of(path)
    if beside is None:
        return "", 0
    about = beside.stat()
    return version_of(about), _last_change(about)


def _last_change(about: os.stat_result) -> int:
    return max(about.st_mtime_ns, about.st_ctime_ns)


def data_files(folder: Path, warn: Warn = lambda _: None) -> Iterator[Path]:
    """Yield the complete files of data below a folder, through links too, each folder once.

    ``warn`` is told in a line of a folder that can't be read, and of a link that leads nowhere.
    """

    def refused(error: OSError) -> None:
        if error.filename != str(folder) or folder.exists():
            warn(unreadable(shown(error.filename), error))

    for parent, names in folders_below(folder, lambda name: is_data(PurePath(name)), refused):
        for name in filter(lambda name: is_data(PurePath(name)), names):
            path = parent / name
            if shown(name) != name:
                warn(_no_text(path))
            elif path.is_file():
                yield path
            elif path.is_symlink():
                warn(leads_nowhere(path))
