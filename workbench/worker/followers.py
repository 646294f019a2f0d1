"""Pipelines to run when tables have changed: ``schedule: {on: [marts.retail_sales]}``, and pages that were left out."""

from __future__ import annotations

import time
from collections.abc import Iterable

from workbench.execution import load_pipeline
from workbench.execution.pipeline.pipeline import find_pipelines
from workbench.execution.scheduling.following import Following
from workbench.queue.base import Queue
from workbench.queue.messages import RunRequest
from workbench.settings import Settings
from workbench.warehouse import Warehouse
from workbench.worker.completed import Intake, complete_runs, marks

# A queue that is never empty may keep them waiting for so many seconds.
LONGEST = 900
_ANEW = 30


class Followers:
    """Asks ``ops.runs`` which pipelines are due, and puts a request for each into the queue.

    Besides those that follow tables, one that takes in landing is due while its last complete run left out pages
    that weren't made since. Nothing is kept in mind that a crash could lose.
    """

    def __init__(
        self, queue: Queue, warehouse: Warehouse, settings: Settings, intakes: Iterable[Intake] = ()
    ) -> None:
        self._queue, self._warehouse = queue, warehouse
        self._intakes = [intake for intake in intakes if intake.pages]
        self._sent: set[str] = set()
        self._looked, self._runs = time.monotonic(), -1
        self._following = Following(load_pipeline(name, settings) for name in find_pipelines(settings))

    def late(self) -> bool:
        """Whether they have waited for an empty queue long enough."""
        return time.monotonic() - self._looked > LONGEST

    def send(self, runs: int) -> int:
        """Send a request for each pipeline that is due; return how many.

        ``runs`` is how many there were in this process: after each one it looks, and else twice a minute, for
        somebody else may have run something.
        """
        if runs == self._runs and time.monotonic() - self._looked < _ANEW:
            return 0
        self._looked, self._runs = time.monotonic(), runs
        causes = [(each.pipeline.name, self._left_out(each)) for each in self._intakes]
        causes += [(name, self._following.cause(self._warehouse, name)) for name in self._following.writers]
        count = 0
        for name, cause in causes:
            if cause is None or (request := f"{name} after {cause}") in self._sent:
                continue
            self._queue.send(RunRequest(pipeline=name, id=request).model_dump_json())
            self._sent.add(request)
            count += 1
        return count

    def _left_out(self, intake: Intake) -> str | None:
        """Return the complete run that left out pages which nobody has made since, or None."""
        complete, values = complete_runs(intake)
        rows = self._warehouse.rows(
            f"SELECT parent_run_id AS run_id FROM ({complete}) AS complete WHERE pages = 0 "
            "AND ended > (SELECT coalesce(max(started_at), CAST('1970-01-01' AS TIMESTAMP)) FROM ops.runs "
            f"WHERE pipeline = ? AND stage IN ({marks(intake.pages)}) AND state IN ('succeeded', 'skipped')) "
            "ORDER BY ended DESC LIMIT 1",
            [*values, intake.pipeline.name, *intake.pages],
        )
        return rows[0]["run_id"] if rows else None
