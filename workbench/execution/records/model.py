"""The record of a run: one versioned structure, in ``run.json`` and in ``ops.runs``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, PrivateAttr, computed_field, model_validator

VERSION = 2
# What version 1 called them.
_OF_RUNS = {"given": "overrides"}
_OF_STAGES = {
    "key": "key_parts",
    "values": "results",
    "cells": "cell_seconds",
    "output": "notebook",
    "executor": "process_kind",
}
State = Literal["waiting", "running", "succeeded", "skipped", "failed", "stopped", "not_run", "lost"]
Failure = Literal["error", "timeout", "memory", "died"]
"""Ways in which a stage fails; its map may say after which of them it is tried again."""
ExitReason = Literal[Failure, "done", "stopped", "skipped"]
"""Every way in which a stage ends."""


def now() -> datetime:
    """Return the present moment, UTC."""
    return datetime.now(UTC)


def _renamed(content: Any, names: Mapping[str, str]) -> Any:
    if not isinstance(content, dict):
        return content
    return {names.get(name, name): value for name, value in content.items()}


class _Timed(BaseModel):
    state: State = Field(default="waiting", description="how far it is, or how it ended")
    started_at: datetime | None = Field(default=None, description="when it began, UTC")
    finished_at: datetime | None = Field(
        default=None,
        description="when it ended, UTC: the beginning and the seconds of a clock that never jumps",
    )
    error: str | None = Field(default=None, description="why it failed, one line")
    report: Path | None = Field(default=None, description="the rendered page")
    _since: float | None = PrivateAttr(default=None)

    @computed_field(description="wall time; up to now while it runs")  # type: ignore[prop-decorator]
    @property
    def seconds(self) -> float | None:
        """Wall time; up to now while it runs."""
        if self.started_at is None or (self.finished_at is None and self.state != "running"):
            return None
        if self._since is not None:
            return round(time.monotonic() - self._since, 3)
        return round(max(0.0, ((self.finished_at or now()) - self.started_at).total_seconds()), 3)

    def begin(self) -> None:
        """Note that it runs from now on."""
        self.state, self.started_at, self._since = "running", now(), time.monotonic()

    def end(self, state: State, error: str | None = None) -> None:
        """Note how it ended, now."""
        self.state, self.error = state, error
        if self.started_at is None:
            self.started_at = now()
        if self.finished_at is None:
            elapsed = 0.0 if self._since is None else time.monotonic() - self._since
            self.finished_at = self.started_at + timedelta(seconds=elapsed)
        self._since = None


class Version(BaseModel):
    """What a table or a file was like: the id of the stage run that wrote it, or a hash; and its rows."""

    version: str | None = Field(description="a stage run's id, or the hash of a listing; null if not known")
    rows: int | None = Field(default=None, description="rows of the table; null if it isn't one")
    files: str | None = Field(
        default=None,
        description="hash of the listing of the file or folder of that name, or the model's newest version; null if there is none",
    )


class StageRun(_Timed):
    """One notebook of a run: how it went, what it was called with and what it handed back."""

    name: str = Field(description="the stage, with the value in brackets if it goes over a list")
    stage: str = Field(default="", description="the stage in the map; empty if it has the same name")
    source: Path = Field(description="the notebook as it was found")
    notebook: Path | None = Field(default=None, description="the executed notebook")
    attempts: int = Field(default=0, description="how often it was tried")
    why: str = Field(default="", description="why it ran, or why it was skipped")
    reason: ExitReason | None = Field(default=None, description="what ended it; null if it never began")
    unchanged_since: str | None = Field(
        default=None, description="the stage run that a skipped stage repeats"
    )
    parameters: dict[str, Any] = Field(
        default={}, description="what it was called with, secrets by reference"
    )
    key_parts: dict[str, str] = Field(
        default={},
        description="hash of everything its result depends on, by name; empty where it was skipped",
    )
    inputs: dict[str, Version] = Field(default={}, description="what it read, by name")
    outputs: dict[str, Version] = Field(default={}, description="what it wrote, by name")
    reads: dict[str, list[int]] | None = Field(
        default=None,
        description="tables that it was seen to read, each with the cells that did, from 0; null if nobody looked",
    )
    writes: dict[str, list[int]] | None = Field(
        default=None, description="tables that it was seen to write, likewise"
    )
    unknown: list[int] = Field(
        default=[], description="cells with a statement that wasn't understood: its tables aren't known"
    )
    unchanged: list[str] = Field(
        default=[], description="tables that it was to write, of which it found every row to be as it should"
    )
    differences: list[str] = Field(
        default=[], description="where the tables it was seen to touch differ from its map, one sentence each"
    )
    counts: dict[str, int | None] = Field(default={}, description="whole numbers that the notebook recorded")
    tables: dict[str, int] = Field(
        default={}, description="rows of the tables it wrote, but ops, and of those the notebook named"
    )
    metrics: dict[str, float | None] = Field(default={}, description="measures that the notebook recorded")
    results: dict[str, Any] = Field(default={}, description="values that the notebook handed to later stages")
    timings: dict[str, float] = Field(default={}, description="seconds of own work by kind: sql, dbt, model")
    cell_seconds: list[float] = Field(
        default=[], description="wall seconds of each code cell that ran, in order"
    )
    peak_memory: int | None = Field(default=None, description="most memory of its process, bytes")
    cpu_seconds: float | None = Field(default=None, description="processor time of its process")
    process_kind: str | None = Field(
        default=None, description="what ran its cells: fork, kernel, or ecs where that isn't known"
    )
    mlflow_run_ids: list[str] = Field(
        default=[], description="MLflow runs that the notebook had made when it called record"
    )
    cost: float | None = Field(default=None, description="what it cost, US dollars; null if it isn't known")

    @model_validator(mode="before")
    @classmethod
    def _of_version_1(cls, content: Any) -> Any:
        return _renamed(content, _OF_STAGES)

    def handed_over(self, part: str) -> dict[str, Any]:
        """Return what it recorded under a name that maps use: counts, tables, metrics or values."""
        found: dict[str, Any] = self.results if part == "values" else getattr(self, part)
        return found

    @property
    def warnings(self) -> list[str]:
        """What a person should see to.

        The sentences that it handed over as the value ``warnings``, and where it touched other tables than its map says.
        """
        warnings = self.results.get("warnings")
        found = [str(each) for each in warnings] if isinstance(warnings, list) else []
        found += [f"{self.name}: {difference}" for difference in self.differences]
        if self.unknown:
            cells = ", ".join(map(str, self.unknown))
            found.append(
                f"{self.name}: a statement of cell {cells} isn't understood: which tables it touches isn't known"
            )
        return found

    @property
    def written(self) -> list[str]:
        """Full names of the tables of the warehouse that it was seen to write; by its map, if nobody looked."""
        return list(self.outputs if self.writes is None else self.writes)

    @property
    def rows(self) -> int | None:
        """Rows in the tables it wrote."""
        return sum(self.tables.values()) if self.tables else None


class Run(_Timed):
    """One run of a pipeline, or of a single notebook."""

    version: int = Field(default=VERSION, description="version of this structure")
    run_id: str = Field(description="identity of the run; a stage's is this, a dot and its name")
    pipeline: str = Field(description="name of the pipeline, or of the notebook")
    kind: Literal["pipeline", "notebook"] = Field(default="pipeline", description="pipeline or notebook")
    owner: str = Field(default="", description="who sees to the pipeline, by its map")
    stages: list[StageRun] = Field(default=[], description="its stages, in order")
    parameters: dict[str, Any] = Field(default={}, description="values of all stages, secrets by reference")
    overrides: dict[str, Any] = Field(default={}, description="those of them that the caller gave")
    resumed: str | None = Field(default=None, description="the run that this one goes on with")
    request: str | None = Field(
        default=None, description="what of its schedule asked for it; null if it was called for"
    )
    pid: int = Field(default=0, description="process that ran it")
    pid_created: float = Field(default=0.0, description="when that process began, seconds since 1970")
    host: str = Field(default="", description="name of the machine")
    executor: str = Field(default="local", description="what it was to be executed by: local or ecs")
    is_part: bool = Field(default=False, description="whether it executed one stage of another machine's run")
    code_version: str | None = Field(default=None, description="git commit, with -dirty if files differ")
    mlflow_run_id: str | None = Field(default=None, description="the parent run in MLflow")
    recorded: bool = Field(default=True, description="whether its end is in ops.runs too, and on its pages")

    @model_validator(mode="before")
    @classmethod
    def _of_version_1(cls, content: Any) -> Any:
        content = _renamed(content, _OF_RUNS)
        if isinstance(content, dict) and content.get("version", VERSION) == 1:
            content["version"] = VERSION
            if content.get("executor") == "part":
                content |= {"executor": "local", "is_part": True}
        return content

    @property
    def warnings(self) -> list[str]:
        """What a person should see to, by its stages; what a skipped one last said holds."""
        return [warnings for stage in self.stages for warnings in stage.warnings]

    @property
    def rows(self) -> int | None:
        """Rows in the tables its stages wrote."""
        known = [stage.rows for stage in self.stages if stage.rows is not None and stage.state != "skipped"]
        return sum(known) if known else None

    @property
    def cost(self) -> float | None:
        """What its stages cost, US dollars; None if none is known to have cost anything."""
        known = [stage.cost for stage in self.stages if stage.cost is not None]
        return round(sum(known), 6) if known else None

    @computed_field(description="seconds of own work by kind, over all stages that ran")  # type: ignore[prop-decorator]
    @property
    def timings(self) -> dict[str, float]:
        """Seconds of own work by kind, over all stages that ran."""
        total: dict[str, float] = {}
        for stage in self.stages:
            for kind, value in stage.timings.items():
                total[kind] = round(total.get(kind, 0.0) + value, 4)
        return total
