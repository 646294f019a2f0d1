"""Why a stage runs or is skipped: everything its result depends on, against its last run that succeeded."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from workbench.execution.notebook.hashes import file_hash, short_hash
from workbench.execution.notebook.imports import closure
from workbench.execution.notebook.notebook import Prepared
from workbench.execution.parameters.literals import to_json_value
from workbench.execution.pipeline.graph import expand, in_warehouse
from workbench.execution.pipeline.stage import Stage
from workbench.execution.records.model import Version
from workbench.execution.run.skipping.packages import PREFIX, environment_key
from workbench.execution.run.skipping.versions import Versions
from workbench.settings import Settings
from workbench.warehouse import unused_modules

_NAMED = 3
_LEFT_OUT = {"__pycache__", "target", "logs", "node_modules"}


@dataclass(frozen=True)
class Decision:
    """Whether a stage runs, and why; ``previous`` is the row of ``ops.runs`` that it would only repeat."""

    why: str
    key: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, Version] = field(default_factory=dict)
    previous: dict[str, Any] | None = None


class Decider:
    """Decides for the stages of one run.

    Args:
        pipeline: its name.
        versions: of what stages read and write.
        settings: those that results depend on are part of every key.
        force: run everything.
        named: stages that a person asked for by name.
    """

    def __init__(
        self,
        pipeline: str,
        versions: Versions,
        settings: Settings,
        *,
        force: bool = False,
        named: Collection[str] = (),
    ) -> None:
        self.pipeline, self.versions, self.settings = pipeline, versions, settings
        self.force, self.named = force, named

    def decide(self, name: str, stage: Stage, prepared: Prepared) -> Decision:
        """Decide for a stage whose predecessors are done; ``prepared`` has all of its values."""
        self.versions.look(stage.reads, before=stage.writes)
        inputs = {name: self.versions.version_of(name) for name in expand(stage.reads)}
        key = {
            **code_key(prepared, stage, self.settings),
            **{table: version.version or "" for table, version in inputs.items()},
            "setting reporting_currency": self.settings.reporting_currency,
            "setting fiscal_calendar": self.settings.fiscal_calendar,
            "setting reading_intervals": self.settings.reading_intervals,
            "setting session_gap": str(self.settings.session_gap),
            "setting return_window": str(self.settings.return_window),
        }
        past = [
            row
            for row in self.versions.past
            if row["pipeline"] == self.pipeline and row["stage"] == prepared.name
        ]
        succeeded = [row for row in past if row["state"] == "succeeded"]
        previous = succeeded[-1] if succeeded else None
        unknown = [table for table, version in inputs.items() if version.version is None]
        if self.force:
            why = "forced"
        elif name in self.named:
            why = "asked for by name"
        elif stage.skip == "never":
            why = "its map says skip: never"
        elif stage.skip == "without_files" and (there := self.versions.left_files.existing(stage.reads)):
            why = f"its map says skip: without_files, and there is {there[0]}"
        elif previous is None:
            why = "it never ran to its end" if past else "it never ran"
        elif past[-1]["state"] != "succeeded":
            why = f"its last run {past[-1]['state']}"
        elif unknown:
            why = f"{_some(unknown)} can't be versioned"
        elif changed := differing(json.loads(previous["key_parts"] or "{}"), key):
            why = f"{_some(changed)} changed"
        elif lost := next(self._lost(stage, prepared.name, previous), None):
            why = lost
        else:
            return Decision(f"unchanged since run {previous['run_id']}", key, inputs, previous)
        return Decision(why, key, inputs)

    def _lost(self, stage: Stage, name: str, previous: dict[str, Any]) -> Iterator[str]:
        """Yield what has become of the outputs of a past run that are no longer as it left them."""
        tables = [each for each in expand(stage.writes) if in_warehouse(each)]
        for table in tables:
            writer = self.versions.writer(table)
            if writer is None or table not in previous["outputs"]:
                yield f"{table} wasn't written by its last run"
            elif table.startswith("ops."):
                continue
            elif writer.rows is None:
                yield f"{writer.version} may have left {table} half written"
            elif (writer.pipeline, writer.stage.partition("[")[0]) != (self.pipeline, name.partition("[")[0]):
                yield f"{table} was written since by {writer.version}"
            elif self.versions.left_as(table).version != writer.version:
                yield f"{table} isn't as its last run left it"
        yield from filter(None, map(self.versions.left_files.lost, expand(stage.writes)))
        # Where the result is a page and no table, the page must be there.
        if not tables and not (previous["report"] and Path(previous["report"]).is_file()):
            yield "its report is gone"


def code_key(prepared: Prepared, stage: Stage, settings: Settings) -> dict[str, str]:
    """Return hashes of a notebook's code, of our own modules it imports, of further files, and of its values.

    With them go the versions of Python and of the packages that it imports.
    """
    folder = prepared.path.parent
    source = [
        [cell["cell_type"], cell["source"]]
        for cell in prepared.content["cells"]
        if cell["cell_type"] == "code"
    ]
    key = {"the notebook": short_hash(json.dumps(source).encode())}
    if not prepared.kernel.ours:
        key["the kernel"] = prepared.kernel.name
    imports = closure(prepared.content, folder, settings.kept_imports, unused_modules(settings.warehouse))
    hashes = chain(
        zip(imports.first_party, imports.hashes, strict=True),
        ((path, file_hash(path)) for path in _files(folder, stage.code)),
    )
    for path, content in hashes:
        key[_label(path, settings.root, folder)] = content
    key |= environment_key(imports.third_party, settings.kept_imports)
    for name, value in prepared.values.items():
        key[f"parameter {name}"] = short_hash(json.dumps(to_json_value(value), sort_keys=True).encode())
    return key


def differing(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """Return the names whose hashes differ, or that only one side has.

    A package that only one side has is one that the code can do without.
    """
    return [
        name
        for name in {**new, **old}
        if old.get(name) != new.get(name) and not (name.startswith(PREFIX) and (name in old) != (name in new))
    ]


def _files(folder: Path, names: Collection[str]) -> Iterator[Path]:
    for name in names:
        path = (folder / name).resolve()
        if path.is_file():
            yield path
        for parent, folders, files in os.walk(path):
            folders[:] = sorted(
                each for each in folders if each not in _LEFT_OUT and not each.startswith(".")
            )
            yield from (Path(parent, file) for file in sorted(files) if not file.startswith("."))


@lru_cache(maxsize=4096)
def _label(path: Path, root: Path, folder: Path) -> str:
    """Return what a file is called wherever the project or the pipeline's folder lies."""
    path = path.resolve() if path.is_symlink() else _resolved(path.parent) / path.name
    for place in (_resolved(root), _resolved(folder)):
        if path.is_relative_to(place):
            return path.relative_to(place).as_posix()
    return str(path)


@lru_cache(maxsize=1024)
def _resolved(folder: Path) -> Path:
    return folder.resolve()


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
