"""Keep what checks found: ``ops.quality_results``. A check has one result a run, the last one.

One that found something is an alert, until it passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal

from workbench.governance.alerts import Alert, put
from workbench.governance.alerts.recorded import close_subjects
from workbench.governance.this_run import this_run
from workbench.schema import cut
from workbench.warehouse import Session, Warehouse
from workbench.warehouse.access import infrastructure

Status = Literal["pass", "warn", "fail", "error"]
KIND = "quality"
BY_HAND = "by-hand"
"""The run of what nobody scheduled."""


@dataclass(frozen=True)
class CheckResult:
    """What one check found: ``failures`` is how many rows broke it, None where that isn't known.

    Of a check that ``tells_growth`` another alert is raised each time that the most rows since it passed get another digit:
    some rows are always wrong there, and a flood of them would be told by nothing.
    """

    check_name: str
    table_name: str | None
    status: Status
    failures: int | None = None
    message: str | None = None
    tells_growth: bool = False


def record_checks(warehouse: Warehouse, results: Sequence[CheckResult], run_id: str | None = None) -> int:
    """Write the results of a run's checks in one transaction, each in place of an earlier one; return how many.

    In the same transaction an alert is raised for each check that found something, and closed for each that passes.

    The run is ``WORKBENCH_RUN_ID`` if none is given, or ``by-hand`` in a notebook that nobody scheduled.
    """
    if not results:
        return 0
    run_id = run_id or this_run() or BY_HAND
    timestamp = datetime.now(UTC).replace(tzinfo=None)
    about = {"run_id": run_id, "checked_at": timestamp}
    named = {result.check_name: result for result in results}
    rows = [
        about | asdict(result) | {"message": cut(result.message, 2048) if result.message else None}
        for result in named.values()
    ]
    for row in rows:
        del row["tells_growth"]
    marks = ", ".join("?" * len(named))
    with warehouse.prepare("ops.quality_results", rows) as staged_rows:

        def work(session: Session) -> int:
            session.execute(
                f"DELETE FROM ops.quality_results WHERE run_id = ? AND check_name IN ({marks})",
                [run_id, *named],
            )
            stored = staged_rows.load(session)
            _tell(session, list(named.values()), run_id, timestamp)
            return stored

        return warehouse.run(work, repeatable=True)


@infrastructure()
def _tell(session: Session, results: Sequence[CheckResult], run_id: str, timestamp: datetime) -> None:
    """Raise and close alerts; whoever checks something needn't say in a map that they may be written."""
    close_subjects(session, KIND, [each.check_name for each in results if each.status == "pass"], timestamp)
    put(
        session,
        [_alert(session, each) for each in results if each.status != "pass"],
        run_id if run_id != BY_HAND else None,
    )


def _alert(session: Session, result: CheckResult) -> Alert:
    """Return the alert of a check that found something; after the check has passed it is another one."""
    ((passed,),) = session.execute(
        "SELECT max(checked_at) FROM ops.quality_results WHERE check_name = ? AND status = 'pass'",
        [result.check_name],
    ).fetchall()
    finding: tuple[str, ...] = (result.check_name, result.status, str(passed or ""))
    if result.tells_growth:
        ((most,),) = session.execute(
            "SELECT max(failures) FROM ops.quality_results WHERE check_name = ? AND checked_at > ?",
            [result.check_name, passed or datetime.min],
        ).fetchall()
        finding = (*finding, str(len(str(most))))
    found = (
        ""
        if result.failures is None
        else f" found {result.failures:,} row{'' if result.failures == 1 else 's'}"
    )
    where = f" of {result.table_name}" if result.table_name else ""
    told = f": {result.message}" if result.message else ""
    return Alert(
        KIND,
        "warning" if result.status == "warn" else "critical",
        result.check_name,
        f"the check {result.check_name}{where}{found or ' failed'}{told}",
        finding=finding,
    )
