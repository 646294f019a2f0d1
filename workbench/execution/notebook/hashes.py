"""Hashes of files, each read once as long as it stays as it is."""

from __future__ import annotations

import os
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

State = list[int]
"""What a file is known again by; its times in nanoseconds. The second can't be set, where the first may be as it was."""


def state_of(path: str | Path) -> State:
    """Return the time of the last change of a file's or a folder's content, that of any change, and the size."""
    # Not by pathlib, which is four times as slow: this is asked of a thousand names.
    about = os.stat(path)  # noqa: PTH116
    return [about.st_mtime_ns, about.st_ctime_ns, about.st_size]


def file_hash(path: Path) -> str:
    """Return the hash of a file's content."""
    return _content_hash(path, *state_of(path))


def short_hash(content: bytes) -> str:
    """Return enough of a hash to tell contents apart."""
    return sha256(content).hexdigest()[:12]


@lru_cache(maxsize=4096)
def _content_hash(path: Path, *state: int) -> str:
    return short_hash(path.read_bytes())
