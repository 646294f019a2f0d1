"""Folders and files of state, which hold personal data: for their owner alone."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

_shared = False
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_STATE = ("warehouse.duckdb", "landing", "runs", "queue.db", "mlflow.db", "services")
_ENTER = stat.S_IXGRP | stat.S_IXOTH


def share(shared: bool) -> None:
    """Say whether what is made from now on is open to whom the umask lets in, or for its owner alone."""
    global _shared
    _shared = shared


def private_folder(path: Path) -> Path:
    """Make a folder and its missing parents, each for its owner alone; what is there stays as it is. Return it.

    Raises:
        OSError: it can't be made.
    """
    missing = [path]
    while not missing[-1].exists() and missing[-1].parent != missing[-1]:
        missing.append(missing[-1].parent)
    for folder in reversed(missing):
        # Whoever makes it first: nobody else gets in, whatever the umask.
        with suppress(FileExistsError):
            folder.mkdir(mode=0o777 if _shared else stat.S_IRWXU)
    if not path.is_dir():
        raise NotADirectoryError(20, "Not a directory", str(path))
    return path


def private_file(path: Path) -> Path:
    """Make an empty file for its owner alone, unless it is there. Return its path."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if _shared else 0o600))
    return path


def close_home(home: Path) -> None:
    """Close a home that is open to others, if there is state of ours in it.

    A folder that is more than that (the user's own, one that all may write to like ``/tmp``) stays as it is.
    """
    with suppress(OSError, RuntimeError):
        mode = home.stat().st_mode
        is_open = bool(mode & _OTHERS & ~_ENTER) and not mode & stat.S_ISVTX
        is_more = home in (Path.home(), Path(home.anchor))
        if is_open and not is_more and any((home / name).exists() for name in _STATE):
            close_to_others(home)


def close_to_others(path: Path) -> None:
    """Take a folder or file from everybody but its owner, if it is ours.

    A folder that others may enter but not list (mode 711) was made so by hand, and stays so.
    """
    if _shared:
        return
    with suppress(OSError):
        about = path.stat()
        if about.st_uid == os.geteuid() and about.st_mode & _OTHERS & ~_ENTER:
            path.chmod(stat.S_IMODE(about.st_mode) & ~_OTHERS)


def let_enter(path: Path) -> None:
    """Let others through a folder, without letting them list it."""
    path.chmod(stat.S_IMODE(path.stat().st_mode) | _ENTER)
