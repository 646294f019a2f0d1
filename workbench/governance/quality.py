"""Keep what checks found: ``ops.quality_results``. A check has one result a run, the last one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal

from workbench.schema import cut
from workbench.warehouse import Session, Warehouse

Status = Literal["pass", "warn", "fail", "error"]
BY_HAND = "by-hand"
"""The run of what nobody scheduled."""


@dataclass(frozen=True)
class CheckResult:
    """What one check found: ``failures`` is how many rows broke it, None where that isn't known."""

    check_name: str
    table_name: str | None
    status: Status
    failures: int | None = None
    message: str | None = None


def record_checks(warehouse: Warehouse, results: Sequence[CheckResult], run_id: str | None = None) -> int:
    """Write the results of a run's checks in one transaction, each in place of an earlier one; return how many.

    The run is ``WORKBENCH_RUN_ID`` if none is given, or ``by-hand`` in a notebook that nobody scheduled.
    """
    if not results:
        return 0
    run_id = run_id or os.environ.get("WORKBENCH_RUN_ID") or BY_HAND
    about = {"run_id": run_id, "checked_at": datetime.now(UTC).replace(tzinfo=None)}
    named = {result.check_name: result for result in results}
    rows = [
        about | asdict(result) | {"message": cut(result.message, 2048) if result.message else None}
        for result in named.values()
    ]
    marks = ", ".join("?" * len(named))
    with warehouse.prepare("ops.quality_results", rows) as staged_rows:

        def work(session: Session) -> int:
            session.execute(
                f"DELETE FROM ops.quality_results WHERE run_id = ? AND check_name IN ({marks})",
                [run_id, *named],
            )
            return staged_rows.load(session)

        return warehouse.run(work, repeatable=True)
