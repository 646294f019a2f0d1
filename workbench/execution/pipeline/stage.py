"""What a pipeline's map may say of a stage, of its retries, of its lists and of its schedule."""

from __future__ import annotations

import json
import math
import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from workbench.documents import no_flag
from workbench.execution.records.model import Failure
from workbench.times.durations import read_duration

LOCAL = "local"
TROUBLE_RETRIES = 3
"""How often a scheduler of others starts a stage again that never got to run; its own retries happen inside it."""
START_SECONDS = 300
"""What a machine and its image may take before a stage's own time begins."""

_SOURCE = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)\.(counts|tables|metrics|values)\.(.+)")


def _seconds(value: Any) -> Any:
    """Return a duration that is written out in seconds; a bare number is seconds."""
    if not isinstance(value, str) or re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
        return value
    return read_duration(value).total_seconds()


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", value):
        raise ValueError("a name is made of letters from a to z, digits, _ and -, and begins with a letter")
    return value


def _times(value: Any) -> Any:
    return {"times": value} if isinstance(value, int) and not isinstance(value, bool) else value


Name = Annotated[str, AfterValidator(_name)]
Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0)]
Names = tuple[str, ...]


class Part(BaseModel):
    """A piece of a map: it can't be changed, and a key it doesn't know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    _no_flags = field_validator("*", mode="before")(no_flag)


class Schedule(Part):
    """When a pipeline runs: by the clock (``cron``, five fields), or when a table or landing changes.

    ``missed`` says what becomes of times at which no scheduler ran: one run for all of them, a run for each, or none.
    """

    cron: str | None = None
    timezone: str = "UTC"
    on: Names = ()
    missed: Literal["once", "all", "skip"] = "once"


class Size(Part):
    """What a stage needs: processors and memory, the latter in MiB, and the image it runs in on ECS, if not the usual one.

    A stage whose map names its memory ends when it takes more, here as on ECS. The image is that of the task definition
    whose family is the usual one's with it behind: ``workbench-dev-stage-spark-processor``.
    """

    cpu: float = Field(default=1, gt=0)
    memory: int = Field(default=2048, gt=0)
    image: str = Field(default="", pattern=r"^([a-z][a-z0-9-]{0,62})?$")

    def definition(self, usual: str) -> str:
        """Return the task definition, by family or ARN, where ``usual`` is that of stages; of another family the newest."""
        if not self.image:
            return usual
        place, slash, family = usual.rpartition("/")
        return f"{place}{slash}{family.partition(':')[0]}-{self.image}"


class Retries(Part):
    """Further attempts after a failed one: how many, after how many seconds, and after which failures."""

    times: int = Field(default=0, ge=0, le=10)
    delay: Annotated[float, BeforeValidator(_seconds), Field(ge=0)] = 0
    on: tuple[Failure, ...] = ("error", "timeout", "memory", "died")


class Source(Part):
    """A value that an earlier stage recorded: ``stage``, ``part`` of its record, and ``name`` in there."""

    stage: str
    part: Literal["counts", "tables", "metrics", "values"]
    name: str

    def __str__(self) -> str:
        return f"{self.stage}.{self.part}.{self.name}"


class Partitioned(Part):
    """The parameters by which a stage takes a range of days, both inclusive; without values it works on all of them."""

    first_day: str
    last_day: str

    @model_validator(mode="after")
    def _differ(self) -> Partitioned:
        if self.first_day == self.last_day:
            raise ValueError(f"first_day and last_day are two parameters, not {self.first_day} twice")
        return self

    @property
    def names(self) -> tuple[str, str]:
        """The parameters of the first and of the last day."""
        return self.first_day, self.last_day


def read_source(value: Any) -> Source | None:
    """Return the source that ``{from: stage.part.name}`` speaks of; None if the value is another one.

    Raises:
        ValueError: it begins so, but isn't of that form.
    """
    if not isinstance(value, dict) or list(value) != ["from"]:
        return None
    found = _SOURCE.fullmatch(str(value["from"]))
    if not found:
        raise ValueError(
            "a recorded value is named as STAGE.PART.NAME, where PART is counts, tables, metrics or values, "
            f"not {value['from']!r}"
        )
    return Source.model_validate({"stage": found[1], "part": found[2], "name": found[3]})


def instance_name(stage: str, value: Any) -> str:
    """Return the name of a stage's instance for one value of a list, fit for a file's name."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    slug = re.sub(r"[^\w.-]+", "_", text)[:40]
    if slug != text:
        from hashlib import sha256

        slug = f"{slug}-{sha256(text.encode()).hexdigest()[:6]}"
    return f"{stage}[{slug}]"


class Stage(Part):
    """One notebook of a pipeline.

    ``reads`` and ``writes`` are table names, patterns over the declared tables (``raw.*``), or names outside of
    the warehouse. ``raw.transactions.customer_id`` reads which values there are in one column of a raw table,
    and nothing else of it: rows that bring no other value change nothing for the stage. A value of
    ``parameters`` may be ``{from: STAGE.PART.NAME}``: what an earlier stage recorded. ``over`` runs the stage
    once for each value of a list, ``{parameter: [...]}`` or ``{parameter: {from: ...}}``, at most ``limit`` at
    once. ``timeout`` is in seconds, over all cells, ``cell_timeout`` for each; they may be written as ``90s``,
    ``15m`` or ``2h``. Of the stages of one ``pool`` one runs at a time. ``code`` names files and folders,
    relative to the map, that the stage depends on beyond what its notebook imports.
    ``kernel`` is the one to run it in instead of the one that its notebook names.
    ``partitioned`` names the parameters that take a range of days: a backfill runs it for one range after another, or
    for ``limit`` of them at once.
    ``skip: never`` runs it even if nothing has changed, ``skip: without_files`` does so where a file that it reads is there. ``sometimes`` names those of its ``reads`` that a run may do
    without, as they are needed only at times.
    """

    notebook: str
    reads: Names = ()
    writes: Names = ()
    sometimes: Names = ()
    after: Names = ()
    parameters: dict[str, Any] = {}
    over: dict[str, Any] = Field(default={}, max_length=1)
    limit: int | None = Field(default=None, ge=1)
    partitioned: Partitioned | None = None
    retries: Annotated[Retries, BeforeValidator(_times)] = Retries()
    timeout: Seconds | None = None
    cell_timeout: Seconds | None = None
    size: Size = Size()
    executor: Literal["local", "ecs"] | None = None
    pool: str | None = None
    code: Names = ()
    kernel: str | None = None
    skip: Literal["unchanged", "without_files", "never"] = "unchanged"

    @property
    def restarts(self) -> int:
        """How often a scheduler of others starts it again after it died, which its own retries can't see."""
        return 1 if self.retries.times and "died" in self.retries.on else 0

    @property
    def time_limit(self) -> int | None:
        """Seconds after which a scheduler of others gives it up, with all of its attempts; None if it has no limit."""
        if self.timeout is None:
            return None
        times = self.retries.times
        return math.ceil(self.timeout * (1 + times) + self.retries.delay * times) + START_SECONDS

    @property
    def memory(self) -> int | None:
        """The bytes of memory it may take; None if its map names none."""
        return self.size.memory << 20 if "memory" in self.size.model_fields_set else None

    @model_validator(mode="after")
    def _lists(self) -> Stage:
        for name, values in self.over.items():
            if name in self.parameters:
                raise ValueError(f"over: {name} is among the parameters too")
            if read_source(values) is not None:
                continue
            if not isinstance(values, list) or not values:
                raise ValueError(f"over: {name} needs a list of values, or {{from: STAGE.PART.NAME}}")
            names = [instance_name("", value) for value in values]
            if twice := next((v for v, n in zip(values, names, strict=True) if names.count(n) > 1), None):
                raise ValueError(f"over: {name}: {twice!r} is there twice")
        if unread := [name for name in self.sometimes if name not in self.reads]:
            raise ValueError(f"sometimes: {unread[0]} isn't among the reads")
        if self.limit and not (self.over or self.partitioned):
            raise ValueError("limit is for a stage that goes over a list, or is partitioned")
        if self.partitioned:
            if self.over:
                raise ValueError("partitioned: a stage that goes over a list can't be")
            if given := [name for name in self.partitioned.names if name in self.parameters]:
                raise ValueError(
                    f"partitioned: {given[0]} is among the parameters too; a backfill gives its value"
                )
        list(self.sources)
        return self

    @property
    def sources(self) -> dict[str, Source]:
        """Parameters that take a recorded value, and where from; the list it goes over among them."""
        found = {name: read_source(value) for name, value in {**self.parameters, **self.over}.items()}
        return {name: source for name, source in found.items() if source is not None}


def destination(stage: Stage, asked: str | None) -> str:
    """Return what executes a stage: what the caller asked for, else what its map says."""
    return asked or stage.executor or LOCAL
