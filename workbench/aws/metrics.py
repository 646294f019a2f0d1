"""Figures of runs and of the queue in CloudWatch, and log lines that it can search by field."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from workbench.aws.shared_runs import shared
from workbench.boto import aws_errors, client
from workbench.errors import WorkbenchError
from workbench.execution import Run, StageRun
from workbench.execution.run.progress import Progress, Silence
from workbench.queue.base import Message, Queue
from workbench.settings import Settings

NAMESPACE = "Workbench"
RUN_FIGURES = {
    "Runs": "Count", "Failures": "Count", "Seconds": "Seconds", "RowsAccepted": "Count", "RowsQuarantined": "Count",
    "Alerts": "Count", "Cost": "None",
}  # fmt: skip
"""Units of the figures of a run that has ended, by their names; their dimension is ``Pipeline``."""
QUEUE_FIGURES = {"QueueDepth": "Count", "QueueLag": "Seconds", "DeadLetters": "Count"}
"""Units of the figures of the queue; their dimension is ``Queue``."""
_EVERY = 60


def log(message: str, **fields: Any) -> None:
    """Write a line of JSON to stderr, for CloudWatch Logs Insights: time, message, and fields that have a value."""
    content = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "message": message}
    content |= {name: value for name, value in fields.items() if value not in (None, "")}
    print(json.dumps(content, default=str), file=sys.stderr, flush=True)


def put(figures: Mapping[str, tuple[float, str]], **dimensions: str) -> None:
    """Send figures, each a value and its unit, to CloudWatch; one that can't be sent is told and left.

    A figure is no reason for a run to fail.
    """
    content = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    data = [
        {"MetricName": name, "Value": value, "Unit": unit, "Dimensions": content}
        for name, (value, unit) in figures.items()
    ]
    try:
        with aws_errors("metrics"):
            client("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=data)
    except WorkbenchError as problem:
        log(f"metrics can't be sent: {problem}", level="warning")


def of_run(run: Run) -> dict[str, tuple[float, str]]:
    """Return the figures of a run that has ended."""
    counts = [stage.counts for stage in run.stages if stage.state != "skipped"]
    values = {
        "Runs": 1.0,
        "Failures": float(run.state != "succeeded"),
        "Seconds": run.seconds or 0.0,
        "RowsAccepted": float(sum(each.get("rows_accepted") or 0 for each in counts)),
        "RowsQuarantined": float(sum(each.get("rows_quarantined") or 0 for each in counts)),
        "Alerts": float(sum(each.get("alerts") or 0 for each in counts)),
        "Cost": run.cost,
    }
    return {name: (value, RUN_FIGURES[name]) for name, value in values.items() if value is not None}


class Observed(Silence):
    """Tells of a run in structured lines, and sends its figures when it has ended."""

    def begin(self, run: Run) -> None:
        """A run starts."""
        log("run begins", run_id=run.run_id, pipeline=run.pipeline)

    def update(self, run: Run, stage: StageRun) -> None:
        """A stage has another state."""
        if stage.state != "waiting":
            log(
                f"stage {stage.state}",
                level="error" if stage.state == "failed" else "info",
                run_id=run.run_id,
                pipeline=run.pipeline,
                stage=stage.name,
                seconds=None if stage.state == "running" else stage.seconds,
                rows=stage.rows,
                why=stage.why,
                error=stage.error,
            )

    def warn(self, run: Run, text: str) -> None:
        """Something beside the work went wrong."""
        log(text, level="warning", run_id=run.run_id, pipeline=run.pipeline)

    def end(self, run: Run) -> None:
        """The run has ended."""
        level = "info" if run.state == "succeeded" else "error"
        facts = {"run_id": run.run_id, "pipeline": run.pipeline, "seconds": run.seconds, "error": run.error}
        log(f"run {run.state}", level=level, **facts)
        put(of_run(run), Pipeline=run.pipeline)


class QueueFigures:
    """How far behind the queue is, once a minute: its depth, its dead letters, the age of what was last received."""

    def __init__(self, queue: Queue, every: float = _EVERY) -> None:
        self._queue, self._every = queue, every
        self._next, self._lag = 0.0, 0.0

    def saw(self, messages: Sequence[Message]) -> None:
        """Note what was received, and send the figures if it is time."""
        now = datetime.now(UTC)
        ages = [(now - message.sent_at).total_seconds() for message in messages]
        self._lag = max([self._lag, *ages])
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._every
        try:
            counts = self._queue.counts()
        except WorkbenchError as problem:
            log(f"the queue can't be counted: {problem}", level="warning")
            return
        values = {
            "QueueDepth": float(counts.open),
            "QueueLag": max(0.0, self._lag),
            "DeadLetters": float(counts.dead),
        }
        put(
            {name: (value, QUEUE_FIGURES[name]) for name, value in values.items()},
            Queue=self._queue.url.rsplit("/", 1)[-1],
        )
        self._lag = 0.0


def observed(delegate: Callable[[], Progress], settings: Settings) -> Progress:
    """Return who is told of a run: on AWS its log and CloudWatch; and S3, if runs are kept there."""
    return shared(Observed() if settings.profile == "aws" else delegate(), settings)
