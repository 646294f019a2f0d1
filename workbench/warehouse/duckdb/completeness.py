"""Whether a file is known to have every declared table: to look again takes as long as a small notebook."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from workbench.errors import UsageError

# The state of the files that were seen to be complete.
_complete: dict[Path, tuple[int, ...]] = {}


def is_complete(path: Path) -> bool:
    """Whether it was complete, and only this process has written since."""
    return path in _complete and _complete[path] == _state(path)


def note_complete(path: Path) -> None:
    """Say that it is, as it is now."""
    _complete[path] = _state(path)


def is_for_reading(path: Path) -> bool:
    """Whether it is there, and this process can't write it."""
    return path.is_file() and not all(os.access(place, os.W_OK) for place in (path, path.parent))


def require_all(url: str, lacks: Sequence[str]) -> None:
    """Check that nothing is left to do to a warehouse that can't be written.

    Raises:
        UsageError: there is.
    """
    if lacks:
        raise UsageError(
            f"{url} is of an earlier version, and can't be written here; "
            "who may write it brings it up to date with: workbench init"
        )


def _state(path: Path) -> tuple[int, ...]:
    """Return what changes with each write: of the file, and of the log that is written to it later."""
    found: tuple[int, ...] = ()
    for each in (path, Path(f"{path}.wal")):
        with suppress(OSError):
            about = each.stat()
            found += about.st_dev, about.st_ino, about.st_mtime_ns, about.st_size
    return found
