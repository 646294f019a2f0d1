"""Put files into landing: the place, one folder a dataset, from which ingestion takes them."""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import UsageError, unknown
from workbench.private import private_folder
from workbench.schema import DATASETS
from workbench.settings import get_settings
from workbench.sources.maps import Map, read_map

MAP_SUFFIX = ".map.yaml"
_SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".jsonl", ".ndjson", ".json")


@dataclass(frozen=True)
class Landed:
    """One file in landing. ``is_new`` is False if the same content was there already."""

    dataset: str
    path: Path
    batch_id: str
    map: Map | None = None
    is_new: bool = True


def batch_id(dataset: str, mapping: Map | None, path: Path) -> str:
    """Return the sha256 of dataset, map and bytes: the same content is the same batch, wherever it lies."""
    digest = hashlib.sha256(dataset.encode() + b"\0" + (mapping.canonical if mapping else b"") + b"\0")
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def land(source: str, dataset: str | None = None, map_file: Path | None = None) -> list[Landed]:
    """Copy a file, each file of a folder, or each match of a glob into landing.

    The dataset is the map's, or ``dataset``, or the name of the folder the file lies in. A copy appears whole or
    not at all. The same content landed twice is one file.

    Raises:
        UsageError: nothing is there, the dataset is unknown or can't be told, or the map is wrong.
    """
    mapping = read_map(map_file) if map_file else None
    if mapping and dataset and mapping.dataset != dataset:
        raise UsageError(f"the map is for {mapping.dataset}, not for {dataset}")
    if dataset is not None and dataset not in DATASETS:
        raise unknown("dataset", dataset, DATASETS)
    return [
        _land(path, mapping.dataset if mapping else dataset or _told_by(path), mapping)
        for path in _find(source)
    ]


def _find(source: str) -> list[Path]:
    path = Path(source.removeprefix("file://")).expanduser()
    if path.is_file():
        found = [path]
    elif path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.is_file() and _is_data(file))
    else:
        matches = (Path(name) for name in glob.glob(str(path), recursive=True))  # noqa: PTH207  may be absolute
        found = sorted(match for match in matches if match.is_file() and _is_data(match))
    if not found:
        raise UsageError(f"nothing to load: no file, folder or match at {source}")
    unreadable = [file for file in found if not os.access(file, os.R_OK)]
    if unreadable:
        raise UsageError(f"can't read {unreadable[0]}")
    return found


def _is_data(path: Path) -> bool:
    name = path.name.removesuffix(".gz").lower()
    return not path.name.startswith((".", "_")) and not name.endswith(MAP_SUFFIX) and name.endswith(_SUFFIXES)


def _told_by(path: Path) -> str:
    name = path.absolute().parent.name
    if name not in DATASETS:
        raise UsageError(
            f"can't tell the dataset of {path}: name it with --dataset, or put the file in a folder called one of "
            f"{', '.join(sorted(DATASETS))}"
        )
    return name


def _land(path: Path, dataset: str, mapping: Map | None) -> Landed:
    identity = batch_id(dataset, mapping, path)
    folder = get_settings().landing / dataset
    stem, dot, suffix = path.name.partition(".")
    target = folder / f"{stem}-{identity[:12]}{dot}{suffix}"
    if target.is_file():
        return Landed(dataset, target, identity, mapping, is_new=False)
    private_folder(folder)
    if mapping:
        _write_whole(target.with_name(target.name + MAP_SUFFIX), mapping.canonical)
    part = folder / f".{target.name}.part"
    shutil.copyfile(path, part)
    part.replace(target)
    return Landed(dataset, target, identity, mapping)


def _write_whole(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    part.replace(path)


def landed(folder: Path | None = None) -> Iterator[Landed]:
    """Yield the files in landing, the one that landed first first (by time of change, then by name).

    Raises:
        UsageError: a folder of landing is no dataset, or a map beside a file is wrong.
    """
    settings = get_settings()
    folder, youngest = folder or settings.landing, time.time() - settings.landing_settle
    if not folder.is_dir():
        return
    for child in sorted(folder.iterdir()):
        if child.is_dir() and not child.name.startswith((".", "_")) and child.name not in DATASETS:
            raise unknown("dataset (a folder of landing)", child.name, DATASETS)
    files = [
        file
        for file in folder.rglob("*")
        if file.is_file()
        and not file.name.startswith((".", "_"))
        and not file.name.endswith((MAP_SUFFIX, ".part"))
        # Somebody may still write it; whoever set the time sees to it that it is taken in later.
        and (not settings.landing_settle or file.stat().st_mtime <= youngest)
    ]
    for file in sorted(files, key=lambda file: (file.stat().st_mtime_ns, str(file))):
        dataset = file.relative_to(folder).parts[0]
        if dataset not in DATASETS:
            raise UsageError(f"{file} lies in no dataset's folder of landing; move it to {folder}/DATASET/")
        beside = file.with_name(file.name + MAP_SUFFIX)
        mapping = read_map(beside) if beside.is_file() else None
        yield Landed(dataset, file, batch_id(dataset, mapping, file), mapping)
