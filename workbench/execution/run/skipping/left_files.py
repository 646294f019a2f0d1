"""What stages left of the files and models that their map names, and whether that is there still."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from workbench.execution.pipeline.graph import LANDING, in_warehouse
from workbench.files import files_below
from workbench.settings import Settings
from workbench.tracking import newest_version

_PREFIX, _MODELS = "file:", "models."


class LeftFiles:
    """The files, folders and registered models that stages of a pipeline wrote, as the last of them left each.

    A name of a map is a file's if it begins with ``file:``, or if it is no table and something of that name is there. It is
    a model's if it begins with ``models.``.

    Args:
        pipeline: whose stages.
        folder: that of the pipeline, which names of files are relative to.
        settings: they say where models are registered.
    """

    def __init__(self, pipeline: str, folder: Path, settings: Settings) -> None:
        self._pipeline, self._folder, self._settings = pipeline, folder, settings
        self._left: dict[str, str] = {}

    def wrote(self, pipeline: str, files: Mapping[str, str | None]) -> None:
        """Note the listings of what a stage run left, by name; None for what it left no file of."""
        if pipeline == self._pipeline:
            self._left |= {name: found for name, found in files.items() if found is not None}

    def there(self, name: str) -> str | None:
        """Return the listing of what is there under a name of a map, or the newest version of a model; None if nothing is."""
        if in_warehouse(name) or name == LANDING:
            return None
        if name.startswith(_MODELS):
            newest = newest_version(name.removeprefix(_MODELS), self._settings)
            # What a server has isn't asked for whenever a run begins.
            return self._left.get(name) if newest is None else f"version {newest}" if newest else None
        path = self.path(name)
        return listing(path) if path.exists() else None

    def lost(self, name: str) -> str:
        """Return what has become of a file that is no longer as the last stage left it; empty if it is."""
        left = self._left.get(name)
        if left is None or (there := self.there(name)) == left:
            return ""
        return f"{name} is gone" if there is None else f"{name} isn't as its last run left it"

    def existing(self, names: Iterable[str]) -> list[str]:
        """Return the names, without their folders, of those of some ``file:`` names that are there."""
        paths = [self.path(name) for name in names if is_file_name(name)]
        return [path.name for path in paths if path.exists()]

    def path(self, name: str) -> Path:
        """Return where a name of a map leads."""
        return self._folder / name.removeprefix(_PREFIX).removeprefix("//" if is_file_name(name) else "")


def is_file_name(name: str) -> bool:
    """Whether a name of a map says of itself that it is a file or a folder."""
    return name.startswith(_PREFIX)


def listing(path: Path) -> str:
    """Return a hash over the names, sizes and times of change of a file, or of all files under a folder.

    Links to folders are followed. A file that vanishes meanwhile is as one that wasn't there.
    """
    found = sha256()
    for file in [path] if path.is_file() else files_below(path):
        try:
            about = file.stat()
        except OSError:
            continue
        found.update(os.fsencode(f"{file.relative_to(path)}\0{about.st_size}\0{about.st_mtime_ns}\n"))
    return found.hexdigest()[:16]
