"""Which versions of others' packages a stage imports; what else is installed doesn't matter to it."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

from workbench.execution.notebook.kept_imports import KeptImports

PYTHON = "Python"
PREFIX = "package "


def environment_key(modules: Iterable[str], kept: Path | None = None) -> dict[str, str]:
    """Return the Python version, and the version of each installed package that one of these modules is of.

    Args:
        modules: full names; those that aren't installed have no part in it.
        kept: a folder for which package is which module's, found again there as long as none comes or goes.
    """
    major, minor, _ = platform.python_version_tuple()
    versions = package_versions(frozenset(module.partition(".")[0] for module in modules), kept)
    return {PYTHON: f"{major}.{minor}"} | {
        f"{PREFIX}{name}": version for name, version in sorted(versions.items())
    }


@lru_cache(maxsize=64)
def package_versions(modules: frozenset[str], kept: Path | None = None) -> dict[str, str]:
    """Return the version of each installed package that one of the top-level modules is of, by its name."""
    installed = _installed()
    found: dict[str, str] = {}
    others = []
    for module in modules:
        # Most are named as their module; asking all the others what they hold takes a tenth of a second.
        if (folder := installed.get(_normal(module))) is not None:
            found |= dict([_split(folder)])
        else:
            others.append(module)
    for module in others:
        found |= dict(map(_split, _modules(kept).get(module, ())))
    return found


@cache
def _installed() -> dict[str, Path]:
    """Return the folders that describe the installed packages, by normal name; the first on the path counts."""
    found: dict[str, Path] = {}
    for place in _places():
        for name in os.listdir(place):  # noqa: PTH208  only the names are of use
            if name.endswith((".dist-info", ".egg-info")):
                folder = place / name
                found.setdefault(_normal(_split(folder)[0]), folder)
    return found


def _places() -> list[Path]:
    return [Path(place) for place in dict.fromkeys(sys.path) if place and Path(place).is_dir()]


@cache
def _modules(kept: Path | None) -> dict[str, list[Path]]:
    """Return the packages that have a part in each top-level module."""
    places = _places()
    past = KeptImports(kept, ["packages", *map(str, places)]) if kept else None
    if past and (known := past.read()):
        return {name: list(map(Path, folders)) for name, folders in known.items()}
    found = _read_modules()
    if past:
        past.keep({name: list(map(str, folders)) for name, folders in found.items()}, places)
    return found


def _read_modules() -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = defaultdict(list)
    for folder in _installed().values():
        try:
            lines = (folder / "RECORD").read_text(errors="replace")
        except OSError:
            continue
        for name in set(re.findall(r"^\"?(\w+)(?:/|\.(?:py|\w+-[\w-]+\.so|so)[,\"])", lines, re.MULTILINE)):
            found[name].append(folder)
    return found


def _split(folder: Path) -> tuple[str, str]:
    """Return name and version, as the folder's name has them."""
    name, _, version = folder.name.rpartition(".")[0].partition("-")
    return name, version.partition("-py")[0]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()
