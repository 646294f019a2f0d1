"""Files elsewhere, in S3, on an SFTP server or behind HTTPS: found by their address, and copied here one at a time."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from workbench.errors import UsageError, WorkFailed
from workbench.libraries.extras import advice
from workbench.secrets.secret import Secret
from workbench.sources.landing import MAP_SUFFIX
from workbench.sources.remote.base import Forbidden, Place, RemoteFile
from workbench.sources.remote.http import WebServer
from workbench.sources.remote.s3 import Bucket
from workbench.sources.remote.sftp import SftpServer

SCHEMES = ("https", "http", "sftp", "s3")

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_TRIES = 3
_YOUNG = 60.0
"""Seconds after its last change in which a file is looked at twice: clocks of two machines differ."""
_LOOK = 1.0
_WRITTEN = "somebody still writes it; load it again when that is done"


class Unsteady(WorkFailed):
    """A file elsewhere isn't whole, or somebody still writes it; another one may be."""


def is_remote(source: str) -> bool:
    """Whether a source is an address elsewhere."""
    found = _ADDRESS.match(source)
    return found is not None and found[1].lower() != "file"


def open_place(source: str, secret: Secret | None) -> Place:
    """Return where a source lies.

    Args:
        source: its address.
        secret: password of the address's user, or without one what HTTPS takes as bearer token.

    Raises:
        UsageError: of another scheme, a password is in it, or packages are missing.
    """
    scheme = source.partition("://")[0].lower()
    if scheme not in SCHEMES:
        raise UsageError(
            f"no files are loaded from {scheme}://; from a path or {', '.join(f'{each}://' for each in SCHEMES)}"
        )
    if scheme == "s3":
        return Bucket(source)
    try:
        parts = urlsplit(source)
        if parts.password:
            raise UsageError(
                "a password in an address shows in histories and logs: leave it out, and say --secret env:NAME"
            )
        if not parts.hostname:
            raise UsageError(f"no host in {source}")
        port = parts.port
    except ValueError as error:
        raise UsageError(f"no address: {error}") from None
    try:
        return WebServer(source, secret) if scheme in ("http", "https") else SftpServer(parts, port, secret)
    except ImportError as error:
        raise UsageError(f"{scheme}:// needs the package {error.name}; {advice('remote')}") from None


@contextmanager
def fetched(place: Place, file: RemoteFile) -> Iterator[tuple[Path, Path | None]]:
    """Copy a file to this machine, for as long as the context lasts, with the map beside it.

    Raises:
        UsageError: it is gone.
        Unsteady: it is still written, or didn't come whole.
        WorkFailed: it can't be had.
    """
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        target = Path(folder) / (file.path.name or "download")
        _copy_steady(place, file, target)
        yield target, _copy_map(place, file, target)


def has_map(place: Place, file: RemoteFile) -> bool:
    """Whether a map lies beside a file."""
    return _map_beside(place, file) is not None


def _map_beside(place: Place, file: RemoteFile) -> RemoteFile | None:
    if not file.path.name:
        return None
    try:
        beside = place.look(file.path.with_name(file.path.name + MAP_SUFFIX))
    except Forbidden:
        # Who may not list a folder is told so of files that aren't there.
        return None
    return None if beside is None or beside.is_page else beside


def _copy_map(place: Place, file: RemoteFile, target: Path) -> Path | None:
    """Copy the map beside a file, if there is one."""
    if (beside := _map_beside(place, file)) is None:
        return None
    copy = target.with_name(target.name + MAP_SUFFIX)
    place.copy(beside, copy)
    return copy


def _copy_steady(place: Place, file: RemoteFile, target: Path) -> None:
    """Copy a file that is the same before and after."""
    if abs(time.time() - file.changed) < _YOUNG:
        time.sleep(_LOOK)
        now = place.look(file.path)
        if now is None or (now.size, now.version) != (file.size, file.version):
            raise Unsteady(f"{file.address} changes: {_WRITTEN}")
    for left in reversed(range(_TRIES)):
        try:
            place.copy(file, target)
            break
        except WorkFailed:
            # A transfer may break at any byte.
            if not left:
                raise
    after = place.look(file.path)
    if after is None or (after.size, after.version) != (file.size, file.version):
        raise Unsteady(f"{file.address} changed while it was copied: {_WRITTEN}")
    if file.size is not None and target.stat().st_size != file.size:
        raise Unsteady(
            f"{file.address} has {file.size} bytes, of which {target.stat().st_size} came; load it again"
        )


__all__ = ["Place", "RemoteFile", "Unsteady", "fetched", "has_map", "is_remote", "open_place"]
