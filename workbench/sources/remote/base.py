"""What every place elsewhere offers, how its files are chosen, and its errors."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from workbench.errors import UsageError, WorkFailed
from workbench.sources.landing import is_data, is_data_format
from workbench.sources.remote.reasons import reason_of

_REFUSED, _GONE = (401, 403), (404, 410)


class Forbidden(WorkFailed):
    """A server doesn't let us have a file, or won't say whether there is one."""


@dataclass(frozen=True)
class RemoteFile:
    """A file elsewhere, as it is listed.

    Attributes:
        address: for people; there is no secret in it.
        path: by which it is fetched, and whose folders tell the dataset.
        size: in bytes; None if the server doesn't say.
        version: another one whenever the content may be another; empty if the server doesn't say.
        changed: when it was last written, in seconds since 1970; 0 if the server doesn't say, or it appears whole.
        is_page: whether the server calls it a page in HTML.
    """

    address: str
    path: PurePosixPath
    size: int | None
    version: str
    changed: float = 0.0
    is_page: bool = False


class Place(Protocol):
    """A server, or a bucket."""

    def find(self) -> list[RemoteFile]:
        """Return the files that the address names: one, those of data below a folder, or those that a pattern finds."""

    def look(self, path: PurePosixPath) -> RemoteFile | None:
        """Return a file as it is now; None if there is none."""

    def copy(self, file: RemoteFile, target: Path) -> None:
        """Copy its content."""

    def close(self) -> None:
        """Let go of the connection."""


def chosen(files: list[RemoteFile], top: PurePosixPath, source: str) -> list[RemoteFile]:
    """Return the files of data below a folder, in order."""
    data = [file for file in files if is_data_format(file.path.relative_to(top))]
    if not data:
        raise UsageError(f"nothing to load: no file, folder or match at {source}")
    return sorted(data, key=lambda file: file.path)


def top_of(path: str) -> PurePosixPath:
    """Return the innermost folder of a pattern before its first star."""
    before = path.partition("*")[0]
    return PurePosixPath(before.rpartition("/")[0] or "/")


def require_data(path: PurePosixPath, source: str) -> None:
    if not is_data(PurePosixPath(path.name)):
        raise UsageError(
            f"{source} isn't loaded: a name that begins with a dot or an underscore, or ends in .part or .map.yaml, "
            "isn't that of a complete file of data"
        )


def pattern(path: str) -> re.Pattern[str]:
    """Return what a pattern matches, in which a star stands for no slash, and two for any folders."""
    parts = (
        "(?:[^/]+/)*"
        if part == "**/"
        else ".*"
        if part == "**"
        else "[^/]*"
        if part == "*"
        else re.escape(part)
        for part in re.split(r"(\*\*/|\*\*|\*)", path)
    )
    return re.compile("".join(parts))


@contextmanager
def errors(doing: str) -> Iterator[None]:
    """Turn what a server refuses into our errors: a file that isn't there is the caller's."""
    kinds: list[type[BaseException]] = [OSError, EOFError, asyncio.TimeoutError]
    for module, name in (("aiohttp", "ClientError"), ("paramiko", "SSHException")):
        try:
            kinds.append(getattr(__import__(module), name))
        except ImportError:
            continue
    try:
        yield
    except tuple(kinds) as error:
        # Whatever keeps it from a file, fsspec says that there is none, and what it was by the cause.
        missing = isinstance(error, FileNotFoundError)
        cause = error.__cause__ if missing and isinstance(error.__cause__, tuple(kinds)) else error
        status = getattr(cause, "status", None)
        if missing and (cause is error or status in _GONE):
            raise UsageError(f"no file at {doing}") from None
        kind = Forbidden if status in _REFUSED else WorkFailed
        raise kind(f"{doing} can't be read: {reason_of(cause or error)}") from None
