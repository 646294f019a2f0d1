"""What came of a stage, put into its record: of one that ran, and of one that would only repeat its last run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.execution.notebook.notebook import Outcome
from workbench.execution.pipeline.differences import differences
from workbench.execution.pipeline.stage import Stage
from workbench.execution.records.model import StageRun, Version
from workbench.execution.run.attempts import Ended
from workbench.secrets.redact import Redactor
from workbench.settings import Settings


def end(ended: Ended, stage: Stage | None, settings: Settings, by: str) -> None:
    """Record how a stage ended, and what it left.

    Args:
        ended: with its record, which says that it began.
        stage: its place on the map; None for a notebook by itself.
        settings: of the run.
        by: the signal that stopped it; empty if none did.
    """
    outcome, record = ended.outcome, ended.unit.record
    record.attempts = ended.attempts
    if outcome is not None:
        _apply_outcome(record, outcome)
    _apply_rows(record, ended.rows)
    if outcome is None:
        record.reason = "error"
        record.end("failed", f"the runner failed: {type(ended.problem).__name__}: {ended.problem}")
    elif outcome.reason == "stopped":
        record.end("stopped", f"stopped by {by}" if by else "stopped")
    elif error := outcome.error or (ended.problem and f"its tables can't be counted: {ended.problem}"):
        record.end("failed", Redactor(settings.secrets).text(str(error)))
    else:
        _succeed(record, stage, strict=settings.strict)


def _apply_outcome(record: StageRun, outcome: Outcome) -> None:
    """Take over what a notebook recorded, what it took and what ended it; not its state."""
    for part, values in outcome.record.items():
        setattr(record, part, values)
    record.reason, record.process_kind = outcome.reason, outcome.process_kind
    record.cell_seconds = [round(seconds, 4) for seconds in outcome.cells]
    peak = outcome.usage.get("peak_memory")
    record.peak_memory = None if peak is None else int(peak)
    record.cpu_seconds = outcome.usage.get("cpu_seconds")
    record.cost = outcome.cost
    if outcome.access is not None:
        record.reads, record.writes = outcome.access.reads, outcome.access.writes
        record.unknown, record.unchanged = outcome.access.unknown, outcome.access.unchanged


def _succeed(record: StageRun, stage: Stage | None, *, strict: bool) -> None:
    """Record that a stage did its work, and where the tables that it was seen to touch differ from its map.

    If that is held to (``strict``), one that touched others has failed. Without a map there is nothing to differ from.
    """
    if stage and record.reads is not None and record.writes is not None:
        record.differences = differences(stage, record.reads, record.writes, record.unknown)
    if record.differences and strict:
        record.reason = "error"
        record.end("failed", f"its map isn't true: {'; '.join(record.differences)}")
    else:
        record.end("succeeded")


def _apply_rows(record: StageRun, rows: Mapping[str, int]) -> None:
    """Take over how many rows the tables have that the stage wrote, by their names.

    Those in which the platform accounts for itself are no tables of the stage's, though it writes to them.
    """
    for name, count in rows.items():
        record.outputs[name].rows = count
    record.tables |= {name: count for name, count in rows.items() if not name.startswith("ops.")}


def copy_previous(record: StageRun, row: Mapping[str, Any]) -> None:
    """Give a skipped stage what its last run recorded, a row of ``ops.runs``, so that later stages find it."""
    record.begin()
    record.reason, record.unchanged_since = "skipped", row["run_id"]
    record.counts, record.tables, record.metrics = row["counts"], row["tables"], row["metrics"]
    record.results = row["results"]
    record.outputs = {name: Version.model_validate(each) for name, each in row["outputs"].items()}
    record.notebook, record.report = (
        Path(row[name]) if row[name] else None for name in ("notebook", "report")
    )
    record.end("skipped")
