"""Files written whole or not at all, and lines added to them in one piece.

A reader sees the old file or the new one, never a part. They appear under their name at once, with the access that the
process's umask leaves. Nothing is forced to the disk where that isn't asked for: after a power cut a file may be the
old one.
"""

from __future__ import annotations

import csv
import errno
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import unquote_to_bytes

from workbench.private import private_file, private_folder

# Bytes that are no UTF-8, too, which Python has as halves of surrogate pairs.
_SPECIAL = re.compile(r"[%#?\x00-\x1f\x7f\udc80-\udcff]")
_PLAIN = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_NO_UNNAMED = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL)


def spelled_in_url(path: Path) -> str:
    """Return a path as a URL has it: what would end it there, or stand for something else, is escaped."""
    return _SPECIAL.sub(lambda found: f"%{ord(found[0]) & 0xFF:02X}", str(path))


def path_in_url(text: str) -> Path:
    """Return the path that a URL spells."""
    return Path(os.fsdecode(unquote_to_bytes(os.fsencode(text))))


def folders_below(
    folder: Path,
    wanted: Callable[[str], bool] = lambda _: True,
    refused: Callable[[OSError], object] | None = None,
) -> Iterator[tuple[Path, list[str]]]:
    """Yield a folder and those below it with the names of their files, through links too, each folder once.

    Args:
        folder: where to begin; nothing is yielded if it isn't there.
        wanted: which folders are gone into, by their names.
        refused: is told of a folder that can't be read.
    """
    seen = set()
    for parent, folders, names in os.walk(folder, onerror=refused, followlinks=True):
        seen.add(os.path.realpath(parent))
        folders[:] = sorted(
            name for name in folders if wanted(name) and os.path.realpath(Path(parent, name)) not in seen
        )
        yield Path(parent), sorted(names)


def files_below(
    folder: Path,
    refused: Callable[[OSError], object] | None = None,
    dead: Callable[[Path], object] = lambda _: None,
) -> Iterator[Path]:
    """Yield the files below a folder, through links too; those that are gone when it is their turn are left out.

    Args:
        folder: where to begin.
        refused: is told of a folder that can't be read.
        dead: is told of a link that leads nowhere, or in a circle.
    """
    for parent, names in folders_below(folder, refused=refused):
        for path in (parent / name for name in names):
            if path.is_file():
                yield path
            elif path.is_symlink():
                dead(path)


def write_text(path: Path, text: str, *, mode: int = 0o666, durable: bool = False) -> None:
    """Write a text as UTF-8, into a folder that is made for its owner alone where it is missing.

    Args:
        path: the file.
        text: all of it.
        mode: the access before the umask takes some away.
        durable: whether a power cut mustn't take it back once this returns.
    """
    name = _beside(path)
    # Few calls: after each, a thread waits for its turn as long as another renders pages.
    try:
        handle = os.open(name, _PLAIN, mode)
    except FileNotFoundError:
        private_folder(path.parent)
        handle = os.open(name, _PLAIN, mode)
    try:
        try:
            view = memoryview(text.encode())
            while view:
                view = view[os.write(handle, view) :]
            if durable:
                os.fsync(handle)
        finally:
            os.close(handle)
        name.replace(path)
        if durable:
            _sync(path.parent)
    except BaseException:
        name.unlink(missing_ok=True)
        raise


def write_newest(path: Path, text: str, keep: int) -> None:
    """Write a text into a folder of its kind, of which only the newest few are kept.

    Raises:
        OSError: it can't be written.
    """
    write_text(path, text)
    for old in sorted(path.parent.glob(f"*{path.suffix}"), key=_age)[keep:]:
        old.unlink(missing_ok=True)


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Have a function write a file, which may take its time, and put it in its place when it is done.

    Where the system has files without a name nothing is left of one whose writer was killed.

    Args:
        path: the file; its folder is there.
        write: is given the path to write to, and may raise: then nothing has changed.

    Raises:
        OSError: it can't be written.
    """
    name = _beside(path)
    handle = _unnamed(path.parent)
    try:
        if handle is None:
            os.close(os.open(name, _PLAIN, 0o666))
            write(name)
        else:
            unnamed = f"/proc/self/fd/{handle}"
            write(Path(unnamed))
            # A descriptor of a folder makes the link be followed; without one, that to the open file is linked itself.
            os.link(unnamed, name, src_dir_fd=handle, follow_symlinks=True)
        name.replace(path)
    finally:
        if handle is not None:
            os.close(handle)
        name.unlink(missing_ok=True)


def copy(source: Path, target: Path) -> None:
    """Copy a file's content to a new file for its owner alone; on disks that can, without a byte being moved.

    Raises:
        OSError: it can't be read or written.
    """
    with source.open("rb") as old, private_file(target).open("r+b") as new:
        try:
            while os.copy_file_range(old.fileno(), new.fileno(), 1 << 30):
                pass
        except (AttributeError, OSError):
            # Not on this system, or not between these places; else it fails here too.
            old.seek(0)
            new.seek(0)
            shutil.copyfileobj(old, new, 1 << 20)
        new.truncate()


def csv_writer(out: TextIO) -> Any:
    """Return a writer of CSV whose lines end at LF, and that quotes a field with either sign of a line's end in it.

    Python's own leaves a CR alone bare where lines end at LF, and to who reads it a line ends there.
    """
    return csv.writer(_EndedByLf(out), lineterminator="\r\n")


class _EndedByLf:
    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, line: str) -> int:
        return self._out.write(line.removesuffix("\r\n") + "\n")


def append_line(path: Path, line: str) -> None:
    """Add a line to a file, made if it isn't there, in one piece: lines of several processes don't mix."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, f"{line}\n".encode())
    finally:
        os.close(handle)


def _age(path: Path) -> float:
    try:
        return -path.stat().st_mtime
    except OSError:
        # Another process has removed it.
        return 0.0


def _sync(folder: Path) -> None:
    """Force the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _beside(path: Path) -> Path:
    """Return a name in the same folder that nobody else has, and that tells everybody that it isn't finished."""
    return path.with_name(f".{secrets.token_hex(8)}.part")


def _unnamed(folder: Path) -> int | None:
    """Open a new file without a name; None where the system or the disk has no such thing."""
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None or not Path("/proc/self/fd").is_dir():
        return None
    try:
        return os.open(folder, os.O_RDWR | os.O_CLOEXEC | flag, 0o666)
    except OSError as error:
        if error.errno in _NO_UNNAMED:
            return None
        raise
