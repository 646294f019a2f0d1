"""What notebooks import, kept from one process to the next: to find it anew means to read hundreds of files."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from workbench.execution.notebook.hashes import state_of
from workbench.files import write_newest

_KEPT = 64
# Nanoseconds for which a change may not show in a file's time.
_YOUNG = 50_000_000


class KeptImports:
    """What was found in some files, from now on.

    Args:
        folder: where it is kept.
        key: all that it depends on, but files.
    """

    def __init__(self, folder: Path, key: Sequence[str]) -> None:
        parts = [sys.version, state_of(Path(__file__).with_name("imports.py")), *key]
        self._path = folder / f"{sha256(json.dumps(parts).encode()).hexdigest()[:32]}.json"
        self._began = time.time_ns()

    def read(self) -> dict[str, Any] | None:
        """Return what was found, unless a file of it has changed since, or a folder got or lost one."""
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            if all(state_of(path) == state for path, state in kept["states"].items()):
                return dict(kept["found"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass
        return None

    def keep(self, found: dict[str, Any], paths: Iterable[Path]) -> None:
        """Keep what was found, with the files and folders that it was found in, if none has changed meanwhile."""
        with suppress(OSError):
            states = {str(path): state_of(path) for path in paths}
            if all(self._began - max(times) > _YOUNG for *times, _ in states.values()):
                write_newest(self._path, json.dumps({"states": states, "found": found}), _KEPT)
