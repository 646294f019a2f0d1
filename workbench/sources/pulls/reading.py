"""Read ``sources.yaml``: each source by itself, and what is wrong with one with its place in the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from workbench.documents import read_with_texts
from workbench.errors import UsageError, first_line, plainly, unknown
from workbench.schema import DATASETS
from workbench.settings import Settings
from workbench.sources.maps import Map, read_map
from workbench.sources.pulls.declared import NAME, Source

FILE = "sources.yaml"


@dataclass(frozen=True)
class Declared:
    """A source with its name and the folder that its paths begin in; what can be told without asking it is right."""

    name: str
    source: Source
    folder: Path
    dataset: str | None
    map: Map | None = None

    @cached_property
    def version(self) -> str:
        """Hash of all that decides which rows an answer has: 16 hexadecimal digits."""
        what = self.source.model_dump_json(include={"rest", "database", "files", "cursor", "key"})
        return sha256(what.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Sources:
    """All that a file declares: the sources that are right by their names, and of the others what is wrong."""

    path: Path
    found: Mapping[str, Declared] = field(default_factory=dict)
    problems: Mapping[str, UsageError] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The names of all, as they are declared."""
        return [*self.found, *self.problems]

    def __getitem__(self, name: str) -> Declared:
        """Return a source.

        Raises:
            UsageError: there is none of that name, or something is wrong with it.
        """
        if name in self.problems:
            raise self.problems[name]
        if name not in self.found:
            raise unknown("source", name, self.names)
        return self.found[name]


def read_sources(settings: Settings) -> Sources:
    """Read the file beside ``pipeline_notebooks``; without one, nothing is declared.

    Raises:
        UsageError: it can't be read, or isn't a mapping of sources at all.
    """
    path = settings.root / FILE
    if not path.is_file():
        return Sources(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        document = read_with_texts(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UsageError(f"{FILE}, line {line}: no YAML: {error.problem}") from None
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: {first_line(str(error))}") from None
    lines: dict[tuple[Any, ...], int] = {}
    for place, line in _places(tree, ()):
        # YAML's own reader would let the last one win, and the first would be pulled no more.
        if place in lines:
            raise UsageError(f"{FILE}, line {line}: {'.'.join(map(str, place))} is there twice; leave one")
        lines[place] = line
    if document is None:
        return Sources(path)
    if not isinstance(document, dict) or set(document) != {"sources"}:
        raise UsageError(
            f"{FILE}, line 1: it begins with `sources:`, and below that is each source by its name"
        )
    declared = document["sources"] or {}
    if not isinstance(declared, dict):
        raise UsageError(f"{FILE}, line {lines.get(('sources',), 1)}: sources: each has a name, as `orders:`")
    found: dict[str, Declared] = {}
    problems: dict[str, UsageError] = {}
    for name, body in declared.items():
        try:
            found[name] = _declared(name, body, path.parent, lines)
        except UsageError as error:
            problems[str(name)] = error
    return Sources(path, found, problems)


def _declared(name: Any, body: Any, folder: Path, lines: Mapping[tuple[Any, ...], int]) -> Declared:
    def problem(message: str, *where: Any) -> UsageError:
        place = ("sources", name, *where)
        while place not in lines and len(place) > 1:
            place = place[:-1]
        within = ".".join(str(part) for part in (name, *where))
        return UsageError(f"{FILE}, line {lines.get(place, 1)}: {within}: {message}")

    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise problem(
            "a name is made of small letters from a to z, digits, _ and -, and begins with a letter"
        )
    try:
        source = Source.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        message = plainly(first)
        if first["type"] == "extra_forbidden":
            message = "there is no such key; see the guide on pulling from APIs and databases"
        raise problem(message, *(part for part in first["loc"] if part != "function-before")) from None
    try:
        mapping = read_map(folder / source.map) if source.map else None
        if source.dataset is not None and source.dataset not in DATASETS:
            raise unknown("dataset", source.dataset, DATASETS)
    except UsageError as error:
        raise problem(str(error), "map" if source.map else "dataset") from None
    if mapping and source.dataset and mapping.dataset != source.dataset:
        raise problem(f"its map is for {mapping.dataset}", "dataset")
    return Declared(name, source, folder, mapping.dataset if mapping else source.dataset, mapping)


def _places(node: Any, where: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], int]]:
    """Yield the place of each key and item in a document with its line, from 1."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = (*where, getattr(key, "value", ""))
            yield place, key.start_mark.line + 1
            yield from _places(value, place)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield (*where, number), item.start_mark.line + 1
            yield from _places(item, (*where, number))
