"""What is finished already, by the ledger and the record of runs: a repeat of it is nothing to do."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from workbench.execution.pipeline.graph import LANDING, expand, in_warehouse
from workbench.execution.pipeline.pipeline import Pipeline, find_pipelines, load_pipeline
from workbench.execution.records.model import Run
from workbench.settings import Settings
from workbench.sources.landing import IdentifiedFile, KnownFiles
from workbench.warehouse import Warehouse
from workbench.warehouse.bookkeeping import bookkeeping

LEDGER = "ops.batches"


@dataclass(frozen=True)
class Intake:
    """A pipeline that takes in what landed, and the stage it begins with."""

    pipeline: Pipeline
    stage: str

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages to run."""
        return self.pipeline.select(start=self.stage)

    @property
    def pages(self) -> tuple[str, ...]:
        """Those of its stages that write no table, and that none waits for: they may be made once no file waits."""
        if not self.keeps_ledger:
            return ()
        needed = frozenset[str]().union(*self.pipeline.before.values())
        return tuple(
            name
            for name in self.stages
            if name not in needed and not any(map(in_warehouse, self.pipeline.stages[name].writes))
        )

    @property
    def keeps_ledger(self) -> bool:
        """Whether it writes a line of the ledger for each file."""
        return any(LEDGER in expand(self.pipeline.stages[name].writes) for name in self.stages)


def intakes(settings: Settings) -> list[Intake]:
    """Return the project's pipelines that read landing or are scheduled on it."""
    found = []
    for name in find_pipelines(settings):
        pipeline = load_pipeline(name, settings)
        stage = next((stage for stage in pipeline.order if LANDING in pipeline.stages[stage].reads), None)
        if stage is None and pipeline.schedule and LANDING in pipeline.schedule.on:
            stage = pipeline.order[0]
        if stage is not None:
            found.append(Intake(pipeline, stage))
    return found


def complete_runs(intake: Intake) -> tuple[str, list[Any]]:
    """Return a query for the runs in which no stage of an intake is missing or failed, but that may lack pages.

    Its columns are ``parent_run_id``, ``ended``, and the number of ``pages`` that the run made; its values come
    with it.
    """
    pages, stages = intake.pages, intake.stages
    tables = [name for name in stages if name not in pages]
    done = "state IN ('succeeded', 'skipped')"
    is_page = f"stage IN ({marks(pages)})" if pages else "1 = 0"
    return (
        f"SELECT parent_run_id, max(finished_at) AS ended, count(CASE WHEN {is_page} THEN 1 END) AS pages "
        f"FROM ops.runs WHERE pipeline = ? AND parent_run_id IS NOT NULL AND stage IN ({marks(stages)}) "
        "GROUP BY parent_run_id "
        f"HAVING count(DISTINCT CASE WHEN {done} AND stage IN ({marks(tables)}) THEN stage END) = ? "
        f"AND count(CASE WHEN {done} THEN NULL ELSE 1 END) = 0",
        [*pages, intake.pipeline.name, *stages, *tables, len(tables)],
    )


def _arrival(file: IdentifiedFile) -> datetime:
    """Return when a file came to be in landing, or last changed there; UTC."""
    return datetime.fromtimestamp(file.landed.arrived / 1e9, UTC).replace(tzinfo=None)


def marks(values: Sized) -> str:
    """Return a place for each of some values of a statement."""
    return ", ".join("?" * len(values))


class Finished:
    """Asks the warehouse what is done.

    A file is done when the ledger has it and a run, complete from its first stage on, took in landing no
    earlier than that. A run that left out pages is complete without them. So it doesn't matter who ran the
    pipeline, nor what was killed in between.
    """

    def __init__(self, warehouse: Warehouse, chosen: Iterable[Intake]) -> None:
        self._warehouse, self._intakes = warehouse, list(chosen)

    def pending(self, files: Iterable[IdentifiedFile]) -> dict[str, list[Intake]]:
        """Return the pipelines that still have to take in each batch; a batch refused whole has none."""
        files = list(files)
        ledger = self._ledger(file.batch_id for file in files)
        runs = {intake.pipeline.name: self._last(intake) for intake in self._intakes}
        # By itself the time would not do: the clock may have been ahead as a file was taken in.
        takers = sorted({entry["run_id"] for entry in ledger.values() if entry["run_id"]})
        complete = {intake.pipeline.name: self._complete(intake, takers) for intake in self._intakes}
        pending: dict[str, list[Intake]] = {}
        for file in files:
            entry = ledger.get(file.batch_id)
            if entry is not None and entry["status"] == "rejected":
                continue
            for intake in self._intakes:
                began, ended = runs[intake.pipeline.name]
                if intake.keeps_ledger:
                    done = entry is not None and (
                        (ended is not None and entry["ingested_at"] <= ended)
                        or entry["run_id"] in complete[intake.pipeline.name]
                    )
                else:
                    done = began is not None and _arrival(file) <= began
                if not done:
                    pending.setdefault(file.batch_id, []).append(intake)
        return pending

    def known_files(self) -> KnownFiles:
        """Return what is known of files without reading them."""
        return KnownFiles(self._warehouse)

    def refused(self, files: Iterable[IdentifiedFile]) -> dict[str, str]:
        """Return why batches were refused whole, for those that were."""
        ledger = self._ledger(file.batch_id for file in files)
        return {
            batch: str(entry["message"] or "refused whole")
            for batch, entry in ledger.items()
            if entry["status"] == "rejected"
        }

    def refuses(self, run: Run) -> bool:
        """Return whether a run refused a file whole, and so failed, though all others are in."""
        rows = self._warehouse.rows(
            "SELECT count(*) AS refused FROM ops.batches WHERE run_id = ? AND status = 'rejected'",
            [run.run_id],
        )
        return bool(rows[0]["refused"])

    def _ledger(self, batches: Iterable[str]) -> dict[str, dict[str, Any]]:
        wanted = sorted(set(batches))
        if not wanted:
            return {}
        rows = self._warehouse.rows(
            "SELECT batch_id, status, message, run_id, ingested_at FROM ops.batches "
            f"WHERE batch_id IN ({marks(wanted)})",
            wanted,
        )
        return {row["batch_id"]: row for row in rows}

    def _last(self, intake: Intake) -> tuple[datetime | None, datetime | None]:
        """Return when the first stage of the newest complete run began and ended."""
        complete, values = complete_runs(intake)
        rows = self._warehouse.rows(
            "SELECT max(started_at) AS began, max(finished_at) AS ended FROM ops.runs "
            f"WHERE stage = ? AND parent_run_id IN (SELECT parent_run_id FROM ({complete}) AS complete)",
            [intake.stage, *values],
        )
        (row,) = rows
        return row["began"], row["ended"]

    def _complete(self, intake: Intake, run_ids: list[str]) -> set[str]:
        """Return those of some runs that are complete."""
        if not run_ids:
            return set()
        complete, values = complete_runs(intake)
        rows = self._warehouse.rows(
            f"SELECT parent_run_id FROM ({complete}) AS complete WHERE parent_run_id IN ({marks(run_ids)})",
            [*values, *run_ids],
        )
        return {row["parent_run_id"] for row in rows}

    def run_of(self, request: str, pipeline: str) -> str | None:
        """Return the run that did a request, if one did."""
        rows = self._warehouse.rows(
            "SELECT run_id FROM ops.requests WHERE request_id = ? AND pipeline = ?", [request, pipeline]
        )
        return rows[0]["run_id"] if rows else None

    def note(self, request: str, pipeline: str, run_id: str) -> None:
        """Record that a run did a request."""
        with bookkeeping():
            self._warehouse.execute(
                "INSERT INTO ops.requests (request_id, pipeline, run_id, finished_at) VALUES (?, ?, ?, ?)",
                [request, pipeline, run_id, datetime.now(UTC).replace(tzinfo=None)],
            )
