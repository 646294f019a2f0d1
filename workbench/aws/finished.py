"""What is finished already, by the ledger and the record of runs: a repeat of it is nothing to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from workbench.execution.graph import expand
from workbench.execution.pipeline import Pipeline, find_pipelines, load_pipeline
from workbench.execution.run_record import Run
from workbench.settings import Settings
from workbench.sources.files import Landed
from workbench.warehouse import Warehouse

LANDING = "landing"
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


class Finished:
    """Asks the warehouse what is done.

    A file is done when the ledger has it and a run, complete from its first stage on, took in landing no
    earlier than that. So it doesn't matter who ran the pipeline, nor what was killed in between.
    """

    def __init__(self, warehouse: Warehouse, chosen: Iterable[Intake]) -> None:
        self._warehouse, self._intakes = warehouse, list(chosen)

    def pending(self, files: Iterable[Landed]) -> dict[str, list[Intake]]:
        """Return the pipelines that still have to take in each batch; a batch refused whole has none."""
        files = list(files)
        ledger = self._ledger(file.batch_id for file in files)
        runs = {intake.pipeline.name: self._last(intake) for intake in self._intakes}
        pending: dict[str, list[Intake]] = {}
        for file in files:
            entry = ledger.get(file.batch_id)
            if entry is not None and entry["status"] == "rejected":
                continue
            for intake in self._intakes:
                began, ended = runs[intake.pipeline.name]
                if intake.keeps_ledger:
                    done = entry is not None and ended is not None and entry["ingested_at"] <= ended
                else:
                    changed = datetime.fromtimestamp(file.path.stat().st_ctime, UTC).replace(tzinfo=None)
                    done = began is not None and changed <= began
                if not done:
                    pending.setdefault(file.batch_id, []).append(intake)
        return pending

    def refused(self, files: Iterable[Landed]) -> dict[str, str]:
        """Return why batches were refused whole, for those that were."""
        ledger = self._ledger(file.batch_id for file in files)
        return {
            batch: str(entry["message"] or "refused whole")
            for batch, entry in ledger.items()
            if entry["status"] == "rejected"
        }

    def refuses(self, run: Run) -> bool:
        """Return whether a run refused a file whole, and so failed, though all others are in."""
        rows = self._warehouse.query(
            "SELECT count(*) AS refused FROM ops.batches WHERE run_id = ? AND status = 'rejected'",
            [run.run_id],
        )
        return bool(rows.to_pylist()[0]["refused"])

    def _ledger(self, batches: Iterable[str]) -> dict[str, dict[str, Any]]:
        wanted = sorted(set(batches))
        if not wanted:
            return {}
        marks = ", ".join("?" for _ in wanted)
        rows = self._warehouse.query(
            f"SELECT batch_id, status, message, ingested_at FROM ops.batches WHERE batch_id IN ({marks})",
            wanted,
        )
        return {row["batch_id"]: row for row in rows.to_pylist()}

    def _last(self, intake: Intake) -> tuple[datetime | None, datetime | None]:
        """Return when the first stage of the newest complete run began and ended."""
        stages = intake.stages
        marks = ", ".join("?" for _ in stages)
        rows = self._warehouse.query(
            "WITH complete AS (SELECT parent_run_id FROM ops.runs WHERE pipeline = ? "
            "AND state IN ('succeeded', 'skipped') "
            f"AND parent_run_id IS NOT NULL AND stage IN ({marks}) GROUP BY parent_run_id "
            "HAVING count(DISTINCT stage) = ?) "
            "SELECT max(started_at) AS began, max(finished_at) AS ended FROM ops.runs "
            "WHERE stage = ? AND parent_run_id IN (SELECT parent_run_id FROM complete)",
            [intake.pipeline.name, *stages, len(stages), intake.stage],
        )
        (row,) = rows.to_pylist()
        return row["began"], row["ended"]

    def run_of(self, request: str, pipeline: str) -> str | None:
        """Return the run that did a request, if one did."""
        rows = self._warehouse.query(
            "SELECT run_id FROM ops.requests WHERE request_id = ? AND pipeline = ?", [request, pipeline]
        ).to_pylist()
        return rows[0]["run_id"] if rows else None

    def note(self, request: str, pipeline: str, run_id: str) -> None:
        """Record that a run did a request."""
        self._warehouse.execute(
            "INSERT INTO ops.requests (request_id, pipeline, run_id, finished_at) VALUES (?, ?, ?, ?)",
            [request, pipeline, run_id, datetime.now(UTC).replace(tzinfo=None)],
        )
