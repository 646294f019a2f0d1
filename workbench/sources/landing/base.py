"""What every landing offers, and what is known of a file in it before and after its content was read."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol

from workbench.errors import UsageError, WorkFailed
from workbench.sources.landing.names import shown
from workbench.sources.maps import Map, read_map

Warn = Callable[[str], None]

PATIENCE = 60.0
"""Seconds without a change after which a file that breaks off is taken for a damaged one, not for a half-written one."""
_LONGEST = 255 - len(".map.yaml")
"""Bytes of a name that any file system takes, less what a map's has more."""
_ENDING = 32
"""Bytes up to which the end of a name that is cut, ``.csv.gz`` say, is kept."""
_NAMED = 12
"""Characters of its batch id that the name of a file has."""


@dataclass(frozen=True)
class LandedFile:
    """A file in landing as it is listed: nothing of its content has been read.

    Attributes:
        key: its place below landing, with slashes.
        uri: its address as it can be shown; unique among all landings.
        dataset: what its folders say.
        size: in bytes.
        version: a text that is another one whenever the content may be another: times and number of a file, ETag of
            an object.
        map_version: the same of the map beside it, with its size; empty if there is none.
        changed: when it was last written, in nanoseconds since 1970.
        arrived: when it came to be there, or last changed in any way; in nanoseconds since 1970.
    """

    key: str
    uri: str
    dataset: str
    size: int
    version: str
    map_version: str
    changed: int
    arrived: int

    @property
    def name(self) -> str:
        """The file's name, as it can be shown."""
        return shown(PurePosixPath(self.key).name)


@dataclass(frozen=True)
class IdentifiedFile:
    """A landed file whose content is known.

    Attributes:
        landed: the file as it was listed.
        batch_id: sha256 of dataset, map and bytes.
    """

    landed: LandedFile
    batch_id: str

    @property
    def dataset(self) -> str:
        """The dataset it belongs to."""
        return self.landed.dataset

    @property
    def uri(self) -> str:
        """Where the file is, as it can be shown."""
        return self.landed.uri

    @property
    def name(self) -> str:
        """The file's name, as it can be shown."""
        return self.landed.name


@dataclass(frozen=True)
class FetchedFile(IdentifiedFile):
    """A landed file whose content is at hand on this machine.

    Attributes:
        path: its bytes on this machine; of an object only as long as it is fetched.
        map: the map beside it.
        refusal: why it can't be taken in though it can be read: the map beside it is wrong.
        is_new: False if the same content was there already when it was put into landing.
        steady: whether the listed state can only be that of this content. A file may be written twice within one tick
            of its file system's clock, so one that changed just before it was read isn't.
        state: version of the file at ``path`` as its content was read; None if nobody else can change that.
    """

    path: Path
    map: Map | None = None
    refusal: str | None = None
    is_new: bool = True
    steady: bool = True
    state: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether its name tells its content: then somebody put it there who had all of it."""
        return f"-{self.batch_id[:_NAMED]}" in PurePosixPath(self.landed.key).name

    def may_grow(self) -> bool:
        """Whether somebody may still write it: it changed a moment ago, and nothing tells that it is whole."""
        return not self.is_whole and 0 <= time.time() - self.landed.changed / 1e9 < PATIENCE

    def departed(self) -> str | None:
        """Return in words why what lies there now isn't what ``batch_id`` stands for; None if it is."""
        if self.state is None:
            return None
        try:
            with self.path.open("rb") as file:
                state = version_of(os.fstat(file.fileno()))
        except OSError as error:
            return unreadable(self.uri, error)
        return None if state == self.state else changed(self.uri)


class Unavailable(WorkFailed):
    """A file in landing can't be read now, or changed meanwhile; another run may well take it in."""


class Landing(Protocol):
    """The place from which ingestion takes files, and where every source puts them; a folder a dataset."""

    @property
    def uri(self) -> str:
        """Where it is: the path of a folder, or ``s3://BUCKET/PREFIX``."""

    def files(self, warn: Warn = lambda _: None) -> Iterator[LandedFile]:
        """Yield the complete files of data, the one that landed first first (by time of change, then by name).

        ``warn`` is told in a line of what lies there and can't be taken in: in no dataset's folder, or unreadable.
        """

    def key_of(self, address: str) -> str | None:
        """Return the place below landing of an absolute path or of ``s3://BUCKET/KEY``; None if it lies elsewhere."""

    def find(self, key: str) -> LandedFile:
        """Return the file at a place below landing.

        Raises:
            UsageError: there is none, or it lies in no dataset's folder.
        """

    def fetch(self, file: LandedFile) -> AbstractContextManager[FetchedFile]:
        """Read a file: have its content at hand, as long as the context lasts, and its batch id.

        Raises:
            Unavailable: it can't be read now, or isn't as it was listed.
        """

    def put(self, path: Path, dataset: str, mapping: Map | None) -> FetchedFile:
        """Copy a file and its map into landing; the copy appears whole or not at all.

        Content that is there already under the same name stays one file.

        Raises:
            OSError: the file can't be read.
            WorkFailed: landing can't be written.
        """


@dataclass(frozen=True)
class MapBeside:
    """The map beside a file, or why it is wrong; ``identity`` is what of it makes the batch another one."""

    map: Map | None = None
    refusal: str | None = None
    identity: bytes = b""


def read_map_beside(path: Path, uri: str, dataset: str) -> MapBeside:
    """Read the map beside a file of a dataset; ``uri`` is the map's address for people.

    Raises:
        OSError: it can't be read.
    """
    content = path.read_bytes()
    try:
        mapping = read_map(path, shown_as=uri)
        if mapping.dataset != dataset:
            raise UsageError(f"map {uri}: it is for {mapping.dataset}, and lies in the folder of {dataset}")
    except UsageError as error:
        # Mended, it makes another batch of the same file.
        return MapBeside(refusal=str(error), identity=content)
    return MapBeside(mapping, identity=mapping.canonical)


def batch_id(dataset: str, map_identity: bytes, content: Iterable[bytes]) -> str:
    """Return the sha256 of dataset, map and bytes: the same content is the same batch, wherever it lies."""
    digest = hashlib.sha256(dataset.encode() + b"\0" + map_identity + b"\0")
    for chunk in content:
        digest.update(chunk)
    return digest.hexdigest()


def chunks(content: BinaryIO) -> Iterator[bytes]:
    """Yield what is left of an open file, a megabyte at a time."""
    return iter(lambda: content.read(1 << 20), b"")


def landing_name(name: str, batch: str) -> str:
    """Return the name under which a file lies in landing: its own, with the beginning of its batch id.

    Bytes that are no UTF-8 are ``_`` in it, and one that would be too long for a folder, with its map's beside it, is cut.
    """
    text = os.fsencode(name).decode("utf-8", "replace").replace("\ufffd", "_")
    told = f"-{batch[:_NAMED]}"
    if len(f"{text}{told}".encode()) <= _LONGEST:
        stem, dot, rest = text.partition(".")
        return f"{stem}{told}{dot}{rest}"
    ending = "".join(PurePosixPath(text).suffixes[-2:])
    ending = ending if len(ending.encode()) <= _ENDING else ""
    kept = text.removesuffix(ending).encode()[: _LONGEST - len(f"{told}{ending}".encode())]
    return f"{kept.decode('utf-8', 'ignore')}{told}{ending}"


def names_content(key: str) -> bool:
    """Whether a name may be one that :func:`landing_name` gave; only the content tells for certain."""
    return re.search(rf"-[0-9a-f]{{{_NAMED}}}(\.|$)", PurePosixPath(key).name) is not None


def version_of(about: os.stat_result) -> str:
    """Return the version of a file: its size, its times in nanoseconds and its number, as git takes them."""
    return f"{about.st_size}.{about.st_mtime_ns}.{about.st_ctime_ns}.{about.st_ino}"


def unreadable(uri: str, error: OSError) -> str:
    """Say that a file can't be read."""
    return f"{uri} can't be read for now: {error.strerror or error}"


def leads_nowhere(path: Path) -> str:
    """Say that a link has nothing at its end."""
    return f"{shown(path)} leads nowhere: it is a link to {shown(path.readlink())}"


def changed(uri: str) -> str:
    """Say that a file changed."""
    return f"{uri} changed while it was read; the next run takes it in"
