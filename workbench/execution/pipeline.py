"""The map of a pipeline: its stages, what each reads and writes, and the order that follows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from workbench.errors import UsageError, unknown
from workbench.execution.graph import expand, fitting, in_warehouse, stage_order
from workbench.schema import TABLES
from workbench.settings import Settings, get_settings

MAP = "pipeline.yaml"
FOLDER = "pipeline_notebooks"
_UNITS = {"s": 1, "m": 60, "h": 3600}


def _seconds(value: Any) -> Any:
    if isinstance(value, str) and (found := re.fullmatch(r"(\d+)\s*([smh])", value.strip())):
        return int(found[1]) * _UNITS[found[2]]
    return value


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", value):
        raise ValueError("a name is made of letters, digits, _ and -, and begins with a letter")
    return value


Name = Annotated[str, AfterValidator(_name)]
Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0)]
Names = tuple[str, ...]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Schedule(_Part):
    """When a pipeline runs: by the clock (``cron``, five fields), or when a table or landing changes."""

    cron: str | None = None
    timezone: str = "UTC"
    on: Names = ()


class Size(_Part):
    """What a stage needs: processors and memory, the latter in MiB."""

    cpu: float = Field(default=1, gt=0)
    memory: int = Field(default=2048, gt=0)


class Stage(_Part):
    """One notebook of a pipeline.

    ``reads`` and ``writes`` are table names, patterns over the declared tables (``raw.*``), or names outside
    of the warehouse. ``retries`` are further attempts after a failed one; ``timeout`` is in seconds, over all
    cells, and may be written as ``90s``, ``15m`` or ``2h``.
    """

    notebook: str
    reads: Names = ()
    writes: Names = ()
    after: Names = ()
    parameters: dict[str, Any] = {}
    retries: int = Field(default=0, ge=0, le=10)
    timeout: Seconds | None = None
    size: Size = Size()
    executor: Literal["local", "ecs"] | None = None
    pool: str | None = None


class Pipeline(_Part):
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
        return stage_order(
            {
                name: (expand(stage.reads), expand(stage.writes), stage.after)
                for name, stage in self.stages.items()
            },
            str(self.folder / MAP),
        )

    def notebook(self, stage: str) -> Path:
        """Return the notebook's file of a stage."""
        return self.folder / self.stages[stage].notebook

    def select(self, *, start: str | None = None, only: str | None = None) -> tuple[str, ...]:
        """Return the stages to run, in order: from ``start`` on, or ``only`` one, or all.

        Raises:
            UsageError: no such stage, or both are given.
        """
        if start and only:
            raise UsageError("--from and --only exclude each other")
        for name in (start, only):
            if name and name not in self.stages:
                raise unknown(f"stage of {self.name}", name, self.stages)
        if only:
            return (only,)
        return self.order[self.order.index(start) :] if start else self.order

    def lineage(self, stages: tuple[str, ...] | None = None) -> list[tuple[str, str]]:
        """Return (source, target) of the given stages, all by default, each pair once."""
        pairs = {
            (source, target): None
            for name in (self.order if stages is None else stages)
            for target in expand(self.stages[name].writes)
            for source in expand(self.stages[name].reads)
            if source != target
        }
        return list(pairs)


def find_pipelines(settings: Settings | None = None) -> dict[str, Path]:
    """Return the folders of the project's pipelines by name."""
    folder = (settings or get_settings()).root / FOLDER
    return {path.parent.name: path.parent for path in sorted(folder.glob(f"*/{MAP}"))}


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
        raise unknown("pipeline", str(name), known)
    folder = folder.resolve()
    pipeline = _read(folder)
    for stage, found in _undeclared(pipeline):
        raise UsageError(f"{folder / MAP}: stage {stage}: {unknown('table', found, TABLES)}")
    for stage in pipeline.stages:
        if not pipeline.notebook(stage).is_file():
            raise UsageError(f"{folder / MAP}: stage {stage}: no notebook {pipeline.notebook(stage)}")
    pipeline.order  # noqa: B018  a wrong order is found here
    return pipeline


def _undeclared(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    for name, stage in pipeline.stages.items():
        for table in (*stage.reads, *stage.writes):
            if in_warehouse(table) and not fitting(table):
                yield name, table


class _UniqueKeys(yaml.SafeLoader):
    """A loader that takes no key twice; YAML's own would let the last one win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.YAMLError(f"{key.value} is there twice, line {key.start_mark.line + 1}")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _read(folder: Path) -> Pipeline:
    path = folder / MAP
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)  # noqa: S506  a SafeLoader
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
            model = models.get(len(first["loc"]), Size if "size" in first["loc"] else Schedule)
            reason = str(unknown("key", str(first["loc"][-1]), model.model_fields))
        else:
            reason = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{path}: {where}: {reason}") from None
