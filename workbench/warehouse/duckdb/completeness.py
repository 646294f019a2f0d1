"""Whether a file is known to have every declared table: to look again takes as long as a small notebook."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

# The state of the files that were seen to be complete.
_complete: dict[Path, tuple[int, ...]] = {}


def is_complete(path: Path) -> bool:
    """Whether it was complete, and only this process has written since."""
    return path in _complete and _complete[path] == _state(path)


def note_complete(path: Path) -> None:
    """Say that it is, as it is now."""
    _complete[path] = _state(path)


def _state(path: Path) -> tuple[int, ...]:
    """Return what changes with each write: of the file, and of the log that is written to it later."""
    found: tuple[int, ...] = ()
    for each in (path, Path(f"{path}.wal")):
        with suppress(OSError):
            about = each.stat()
            found += about.st_dev, about.st_ino, about.st_mtime_ns, about.st_size
    return found
