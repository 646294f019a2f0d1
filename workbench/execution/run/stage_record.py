"""What came of a stage, put into its record: of one that ran, and of one that would only repeat its last run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.execution.notebook.notebook import Outcome
from workbench.execution.pipeline.differences import differences
from workbench.execution.pipeline.stage import Stage
from workbench.execution.records.model import StageRun, Version


def apply_outcome(record: StageRun, outcome: Outcome) -> None:
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


def succeed(record: StageRun, stage: Stage | None, *, strict: bool) -> None:
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


def apply_rows(record: StageRun, rows: Mapping[str, int]) -> None:
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
