"""The map of a pipeline: its stages, what each reads and writes, and the order that follows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import yaml
from pydantic import BaseModel, Field, ValidationError

from workbench.documents import read_document
from workbench.errors import UsageError, plainly, unknown
from workbench.execution.pipeline.graph import (
    Needs,
    expand,
    fitting,
    in_warehouse,
    stage_order,
    stages_before,
    table_of,
)
from workbench.execution.pipeline.schedule import check_schedule
from workbench.execution.pipeline.stage import Name, Part, Partitioned, Retries, Schedule, Size, Stage
from workbench.schema import TABLES
from workbench.settings import Settings, get_settings

MAP = "pipeline.yaml"
FOLDER = "pipeline_notebooks"


class Pipeline(Part):
    """A pipeline as its map declares it; ``folder`` is where the map and the notebooks are."""

    name: Name
    description: str = ""
    schedule: Schedule | None = None
    owner: str = ""
    stages: dict[Name, Stage] = Field(min_length=1)
    folder: Path

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Names of the stages, in an order that their reads, writes and ``after`` allow."""
        return stage_order(self._needs, str(self.folder / MAP))

    @cached_property
    def before(self) -> dict[str, frozenset[str]]:
        """The stages that each stage waits for, by its name."""
        before = stages_before(self._needs, str(self.folder / MAP))
        return {name: frozenset(others) for name, others in before.items()}

    @property
    def _needs(self) -> dict[str, Needs]:
        return {
            name: (
                expand(stage.reads),
                expand(stage.writes),
                (*stage.after, *(source.stage for source in stage.sources.values())),
            )
            for name, stage in self.stages.items()
        }

    def notebook(self, stage: str) -> Path:
        """Return the notebook's file of a stage."""
        return self.folder / self.stages[stage].notebook

    def select(self, *, start: str | None = None, only: str | None = None) -> tuple[str, ...]:
        """Return the stages to run, in order: from ``start`` on, or ``only`` one, or all.

        Raises:
            UsageError: no such stage, or both are given.
        """
        if start is not None and only is not None:
            raise UsageError("--from and --only exclude each other")
        for name in (start, only):
            if name is not None and name not in self.stages:
                raise unknown(f"stage of {self.name}", name, self.stages)
        if only is not None:
            return (only,)
        return self.order if start is None else self.order[self.order.index(start) :]

    def lineage(self, stages: tuple[str, ...] | None = None) -> list[tuple[str, str]]:
        """Return (source, target) of the given stages, all by default, each pair once."""
        pairs = {
            (source, target): None
            for name in (self.order if stages is None else stages)
            for target in expand(self.stages[name].writes)
            for source in map(table_of, expand(self.stages[name].reads))
            if source != target
        }
        return list(pairs)


def find_pipelines(settings: Settings | None = None) -> dict[str, Path]:
    """Return the folders of the project's pipelines by name."""
    folder = (settings or get_settings()).root / FOLDER
    return {path.parent.name: path.parent for path in sorted(folder.glob(f"*/{MAP}"))}


def require_pipelines(settings: Settings | None = None) -> None:
    """Refuse a project without a pipeline.

    Raises:
        UsageError: there is none; the text says where the project was looked for.
    """
    if not find_pipelines(settings):
        folder = (settings or get_settings()).root / FOLDER
        raise UsageError(
            f"there is no pipeline in {folder}; say by WORKBENCH_PROJECT where the project is: the folder that "
            f"holds {FOLDER}/ and dbt/"
        )


def load_pipeline(name: str | Path, settings: Settings | None = None) -> Pipeline:
    """Read and check a pipeline's map.

    Args:
        name: a pipeline of the project, or a folder with a ``pipeline.yaml``, or that file.
        settings: where the project is; read afresh if None.

    Raises:
        UsageError: no such pipeline, or its map is wrong; the message names what and where.
    """
    known = find_pipelines(settings)
    path = Path(name).expanduser()
    if path.name == MAP:
        path = path.parent
    folder = known.get(str(name), path)
    if not (folder / MAP).is_file():
        if folder.is_dir():
            raise UsageError(f"no {MAP} in {folder}")
        require_pipelines(settings)
        raise unknown("pipeline", str(name), known)
    folder = folder.resolve()
    pipeline = _read(folder)
    for stage, problem in _undeclared(pipeline):
        raise UsageError(f"{folder / MAP}: stage {stage}: {problem}")
    for stage in pipeline.stages:
        if not pipeline.notebook(stage).is_file():
            raise UsageError(f"{folder / MAP}: stage {stage}: no notebook {pipeline.notebook(stage)}")
    _check_sources(pipeline)
    pipeline.order  # noqa: B018  a wrong order is found here
    if pipeline.schedule:
        check_schedule(pipeline.schedule, str(folder / MAP))
    return pipeline


def _undeclared(pipeline: Pipeline) -> Iterator[tuple[str, object]]:
    for name, stage in pipeline.stages.items():
        for each in filter(in_warehouse, (*stage.reads, *stage.writes)):
            table = table_of(each)
            if not fitting(table):
                yield name, unknown("table", table, TABLES)
            elif table != each:
                column = each.removeprefix(f"{table}.")
                if each in stage.writes or not table.startswith("raw.") or "*" in table:
                    yield name, f"{each}: a column can be named of a raw table that is read"
                elif column not in TABLES[table].column_names:
                    yield name, unknown(f"column of {table}", column, TABLES[table].column_names)


def _check_sources(pipeline: Pipeline) -> None:
    """Raise a UsageError where a recorded value or a path of code comes from nowhere."""
    for name, stage in pipeline.stages.items():
        where = f"{pipeline.folder / MAP}: stage {name}"
        for parameter, source in stage.sources.items():
            if source.stage not in pipeline.stages:
                raise UsageError(
                    f"{where}: parameter {parameter}: {unknown('stage', source.stage, pipeline.stages)}"
                )
            if source.stage == name:
                raise UsageError(f"{where}: parameter {parameter} would come from the stage itself")
            if pipeline.stages[source.stage].over:
                raise UsageError(
                    f"{where}: parameter {parameter}: {source.stage} goes over a list, so it records many"
                )
        for path in stage.code:
            if not (pipeline.folder / path).exists():
                raise UsageError(f"{where}: code: no file or folder {pipeline.folder / path}")


def _read(folder: Path) -> Pipeline:
    path = folder / MAP
    try:
        content = read_document(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise UsageError(f"{path}: a map has a name and stages")
    # YAML 1.1 reads the word `on` as true.
    if isinstance(schedule := content.get("schedule"), dict) and True in schedule:
        content["schedule"] = {("on" if key is True else key): value for key, value in schedule.items()}
    try:
        return Pipeline.model_validate({"name": folder.name} | content | {"folder": folder})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "[key]")
        if first["type"] == "extra_forbidden":
            models: dict[int, type[BaseModel]] = {1: Pipeline, 3: Stage}
            parts: dict[str, type[BaseModel]] = {"size": Size, "retries": Retries, "partitioned": Partitioned}
            model = models.get(len(first["loc"]), parts.get(str(first["loc"][-2]), Schedule))
            reason = str(unknown("key", str(first["loc"][-1]), model.model_fields))
        else:
            reason = plainly(first)
        raise UsageError(f"{path}: {where}: {reason}") from None
