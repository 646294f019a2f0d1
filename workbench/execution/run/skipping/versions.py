"""Versions of what stages read and write: which stage run last wrote a table, and what a folder holds."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.execution.pipeline.graph import LANDING, expand, in_warehouse, table_of
from workbench.execution.records.model import Run, StageRun, Version, now
from workbench.execution.records.store import UNREADABLE, list_runs
from workbench.execution.run.skipping.column_versions import column_versions
from workbench.execution.run.skipping.left_files import LeftFiles, is_file_name, listing
from workbench.governance.withdrawal import LAST_MOVE
from workbench.schema import TABLES
from workbench.settings import Settings

if TYPE_CHECKING:
    from workbench.execution.pipeline.pipeline import Pipeline
    from workbench.execution.pipeline.stage import Stage
    from workbench.warehouse import Warehouse

RECENT = 5
_UNRECORDED = 20
_HISTORY = f"""
SELECT run_id, pipeline, stage, state, started_at, finished_at, seconds, outputs, counts, tables, metrics, results,
    notebook, report, CASE WHEN place = 1 AND state = 'succeeded' THEN key_parts END AS key_parts
FROM (
    SELECT *, row_number() OVER (PARTITION BY pipeline, stage, state ORDER BY finished_at DESC) AS place
    FROM ops.runs WHERE stage IS NOT NULL AND state IN ('succeeded', 'failed', 'stopped', 'lost')
) AS latest
WHERE place <= {RECENT}
ORDER BY finished_at, place DESC
"""


@dataclass(frozen=True)
class Writer:
    """The stage run that last wrote a table, the rows it left there, and when."""

    version: str
    pipeline: str
    stage: str
    rows: int | None
    at: datetime


class Versions:
    """What is known of tables, files and past runs as a run begins; kept up as its stages end.

    Args:
        warehouse: its ``ops.runs`` tells who wrote what.
        settings: where landing and the records of runs are.
        pipeline: the one whose stages ask; names of files are relative to its folder.
        run_id: the run that asks.
    """

    def __init__(self, warehouse: Warehouse, settings: Settings, pipeline: Pipeline, run_id: str) -> None:
        self.warehouse, self.settings = warehouse, settings
        self.left_files = LeftFiles(pipeline.name, pipeline.folder, settings)
        self.past: list[dict[str, Any]] = warehouse.rows(_HISTORY)
        (last,) = warehouse.rows(f"SELECT ({LAST_MOVE}) AS moved")
        # Rows of raw that left it, or came back, may be as many as came otherwise.
        self._moved = f", batches moved {last['moved']}" if last["moved"] else ""
        self._recent: list[Run] = []
        self._writers: dict[str, Writer] = {}
        self._counts: dict[str, int] = {}
        self._surveyed: dict[str, int] = {}
        self._before: dict[str, int] = {}
        self._values: dict[str, str] = {}
        self._columns: set[str] = set()
        for row in self.past:
            for name in ("outputs", "counts", "tables", "metrics", "results"):
                row[name] = json.loads(row[name] or "{}")
            for name, version in row["outputs"].items():
                self._writers[name] = Writer(
                    version["version"], row["pipeline"], row["stage"], version.get("rows"), row["finished_at"]
                )
            self.left_files.wrote(
                row["pipeline"], {n: each.get("files") for n, each in row["outputs"].items()}
            )
        self._unrecorded(run_id)

    def _unrecorded(self, own: str) -> None:
        """Take in runs that began to write but never came to ``ops.runs``: killed ones, and those under way."""
        self._recent = runs = [run for run in list_runs(self.settings, _UNRECORDED) if run.run_id != own]
        if not runs:
            return
        marks = ", ".join("?" * len(runs))
        found = self.warehouse.rows(
            f"SELECT run_id FROM ops.runs WHERE run_id IN ({marks})",
            [run.run_id for run in runs],
        )
        recorded = {row["run_id"] for row in found}
        for run in reversed(runs):
            if run.run_id in recorded:
                continue
            if run.pipeline == UNREADABLE and run.started_at:
                # Nobody knows what it wrote.
                self._distrust(run.run_id, list(self._writers), _naive(run.started_at))
            for stage in run.stages:
                if stage.started_at and stage.state != "skipped":
                    self._distrust(
                        f"{run.run_id}.{stage.name}",
                        stage.outputs,
                        _naive(stage.started_at),
                        run.pipeline,
                        stage.name,
                    )

    def _distrust(
        self, version: str, names: Iterable[str], at: datetime, pipeline: str = "", stage: str = ""
    ) -> None:
        """Take tables for half written, those that nobody has written since."""
        for name in names:
            if name not in self._writers or self._writers[name].at < at:
                self._writers[name] = Writer(version, pipeline, stage, None, at)

    def is_likely(self, pipeline: str, stage: str) -> bool:
        """Whether a stage will run, too, once one before it has: as it was when one did last."""
        for run in self._recent:
            states = {each.stage or each.name: each.state for each in run.stages}
            if run.pipeline == pipeline and stage in states and set(states.values()) != {"skipped"}:
                return states[stage] != "skipped"
        return True

    def count(self, names: Iterable[str]) -> dict[str, int]:
        """Count the rows of those of the names that are tables of the warehouse, now."""
        tables = [name for name in expand(tuple(names)) if in_warehouse(name) and name in TABLES]
        if tables:
            self._counts |= self.warehouse.counts(*tables)
        return {name: self._counts[name] for name in tables}

    def survey(self, stages: Iterable[Stage]) -> None:
        """Count all tables that stages will ask for at once, which serves until the first of them has written."""
        names = {name for stage in stages for name in expand((*stage.reads, *stage.writes))}
        self._columns = {name for name in names if table_of(name) != name}
        tables = [name for name in set(map(table_of, names)) if name in TABLES]
        self._surveyed = self.warehouse.counts(*tables) if tables else {}

    def look(self, names: Iterable[str], *, before: Iterable[str] = ()) -> None:
        """Have at hand what :meth:`version_of` needs to know of these names, asked for at once; keep what is ``before`` a stage."""
        wanted = expand((*names, *before))
        self._count_once(wanted)
        self._before |= {name: self._counts[name] for name in expand(tuple(before)) if name in self._counts}
        columns = [name for name in wanted if table_of(name) != name and name not in self._values]
        if columns:
            tables = set(map(table_of, columns))
            self._count_once(tables)
            # To look at a table's rows for one column or for several takes the same time.
            columns += [name for name in self._columns - self._values.keys() if table_of(name) in tables]
            self._values |= column_versions(self.warehouse, columns, self._counts)

    def _count_once(self, names: Iterable[str]) -> None:
        unknown = [name for name in names if name not in self._counts]
        for name in self._surveyed.keys() & unknown:
            self._counts[name] = self._surveyed[name]
        self.count(name for name in unknown if name not in self._counts)

    def version_of(self, name: str) -> Version:
        """Return the present version of a table, a column, a file or a word; None in it if nobody knows."""
        version = self.left_as(name)
        if name.startswith("raw.") and version.version and self._moved:
            version.version += self._moved
        return version

    def left_as(self, name: str) -> Version:
        """Return the version that whoever wrote it last left, or what is known that is so no more."""
        if name == LANDING:
            if self.settings.landing_place.startswith("s3://"):
                return Version(version=None)
            return Version(version=listing(self.settings.landing))
        if is_file_name(name):
            return Version(version=listing(self.left_files.path(name)))
        if table_of(name) != name:
            self.look([name])
            return Version(version=self._values[name])
        writer, rows = self._writers.get(name), None
        if in_warehouse(name):
            self.look([name])
            rows = self._counts.get(name)
        elif writer is None:
            return Version(version=self.left_files.there(name))
        elif lost := self.left_files.lost(name):
            return Version(version=f"{writer.version}, then {self.left_files.there(name) or lost}")
        if writer is None:
            # People write it, by commands.
            known = f"{rows} rows" if name in TABLES and TABLES[name].only_added_to else None
            return Version(version="empty" if rows == 0 else known, rows=rows)
        if writer.rows is not None and rows != writer.rows:
            return Version(version=f"{writer.version}, then {rows} rows", rows=rows)
        return Version(version=writer.version, rows=rows)

    def recorded(self, pipeline: str) -> dict[str, StageRun]:
        """Return what each stage of a pipeline recorded when it last succeeded, by its name."""
        return {
            row["stage"]: StageRun(
                name=row["stage"],
                source=Path(row["notebook"] or ""),
                **{part: row[part] for part in ("counts", "tables", "metrics")},
                results=row["results"],
            )
            for row in self.past
            if row["pipeline"] == pipeline and row["state"] == "succeeded"
        }

    def writer(self, name: str) -> Writer | None:
        """Return who last wrote a table or word."""
        return self._writers.get(name)

    def wrote(self, run_id: str, pipeline: str, stage: StageRun) -> None:
        """Note what a stage has just written, and in which run.

        A table keeps its version in the stage's record where the stage, to its end, changed none of its rows; one of raw,
        which only grows, if it hasn't grown. As long as nobody knows what it was before, it has a new one.
        """
        timestamp = now().replace(tzinfo=None)
        self._surveyed.clear()
        for name, version in stage.outputs.items():
            last = self._writers.get(name)
            version.version = f"{run_id}.{stage.name}"
            rows = self._before.get(name) if name.startswith("raw.") else version.rows
            is_kept = name.startswith("raw.") or (stage.state == "succeeded" and name in stage.unchanged)
            if is_kept and last is not None and rows is not None and last.rows == rows == version.rows:
                version.version = last.version
            self._writers[name] = Writer(version.version, pipeline, stage.name, version.rows, timestamp)
            if version.rows is not None:
                self._counts[name] = version.rows
            for column in [each for each in self._values if table_of(each) == name]:
                del self._values[column]
            version.files = self.left_files.there(name)
        self.left_files.wrote(pipeline, {name: version.files for name, version in stage.outputs.items()})


def _naive(timestamp: datetime) -> datetime:
    return timestamp.astimezone(UTC).replace(tzinfo=None)
