"""Look at each landed file that nobody has looked at: do its rows look like those of the files before?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import pandas as pd

from workbench.anomaly.tables.landed import (
    Waiting,
    judged_columns,
    newest_files,
    rows_of,
    together,
    waiting_files,
)
from workbench.errors import WorkFailed
from workbench.governance.alerts import Alert, put
from workbench.governance.alerts.alert import identity
from workbench.governance.alerts.recorded import now
from workbench.governance.feedback import NEWEST
from workbench.governance.ids import SHORT
from workbench.governance.this_run import this_run
from workbench.numbers import many
from workbench.warehouse import Session, Warehouse
from workbench.warehouse.access import infrastructure

if TYPE_CHECKING:
    from workbench.anomaly.tables.judgement import Fault

KIND = "data_fault"
Gate = Literal["warn", "stop"]
"""What a serious fault does: it is told, or what is made of landed files isn't published until somebody has seen to it."""

MOST_ALERTS = 5
"""Alerts that one look raises about a dataset; the last of them tells how many more files have faults."""

_TABLE = "ops.batch_quality"
_REFERENCE_BATCHES = 30
_REFERENCE_ROWS = 9000
_FEW_ROWS = 1000
# Of a smaller file no share can be told, so what it would be held against need not be found.
_SMALL_FILE = 30
# How many times as many rows as those it is held against a file may have: a day of returns says nothing of a year of sales.
_COMPARABLE = 20
_JUDGED_ROWS = 20_000
_FALSE_ALERTS = 0.25
_SERIOUS = 0.2
_NAMED = 3


@dataclass(frozen=True)
class BatchVerdict:
    """What a look at one landed file found.

    Attributes:
        batch_id, dataset, uri: of the file.
        status: ``usual``, ``faulty``, or ``reference`` where it was taken as it is, for others to be held against.
        rows: how many of its rows were judged; of a large file every n-th is.
        faults: what is wrong with it, the worst first.
    """

    batch_id: str
    dataset: str
    uri: str
    status: str
    rows: int = 0
    faults: tuple[Fault, ...] = ()

    @property
    def file(self) -> str:
        """The name of its file, without the folders."""
        return self.uri.replace("\\", "/").rpartition("/")[2]


@dataclass(frozen=True)
class QualityResult:
    """What a look at all new files found; ``notes`` say what couldn't be judged, one sentence each."""

    verdicts: tuple[BatchVerdict, ...]
    alerts: int
    notes: tuple[str, ...] = ()

    @property
    def faulty(self) -> tuple[BatchVerdict, ...]:
        """The files with faults."""
        return tuple(each for each in self.verdicts if each.status == "faulty")

    @property
    def summary(self) -> str:
        """One sentence for a person."""
        judged = sum(each.status != "reference" for each in self.verdicts)
        if not self.verdicts:
            return "No file has come that was not looked at before."
        return (
            f"{len(self.faulty)} of {many(judged, 'new file has', 'new files have')} faults; {len(self.verdicts) - judged} more are what others "
            f"are held against; {many(self.alerts, 'new alert')}."
        )

    def frame(self) -> pd.DataFrame:
        """Return one row a fault, for display: ``share`` of the rows and ``usual``, the most of files before, 0 to 1."""
        return pd.DataFrame(
            [
                {
                    "dataset": each.dataset, "file": each.file, "batch": each.batch_id[:SHORT],
                    "column": fault.column, "fault": fault.kind, "rows": fault.rows, "share": fault.share,
                    "usual": fault.usual, "what": fault.message,
                }
                for each in self.faulty
                for fault in each.faults
            ],
            columns=["dataset", "file", "batch", "column", "fault", "rows", "share", "usual", "what"],
        )  # fmt: skip


def check_batches(warehouse: Warehouse, *, trees: int = 20, run_id: str | None = None) -> QualityResult:
    """Judge the accepted rows of every landed file that wasn't judged yet; write it down and raise alerts.

    A file is held against the newest 30 files of its dataset that are without fault, or whose faults somebody judged false
    or expected; against more where those are of few rows. Where none was judged before, the older half of the files is
    taken as it is. A false alert a dataset comes once in four months at most of files as usual; an alert is one a file. A
    dataset that can't be judged is no reason not to judge the others.

    Args:
        warehouse: with raw and the ledger.
        trees: of each forest.
        run_id: the run this belongs to; ``WORKBENCH_RUN_ID`` if None.
    """
    run_id = run_id or this_run()
    verdicts: list[BatchVerdict] = []
    notes: list[str] = []
    raised = 0
    for dataset, waiting in waiting_files(warehouse, KIND).items():
        found, note = _judge(warehouse, dataset, waiting, trees)
        raised += _keep(warehouse, found, run_id)
        verdicts += found
        notes += [note] if note else []
    return QualityResult(tuple(verdicts), raised, tuple(notes))


def pass_gate(warehouse: Warehouse, gate: Gate) -> None:
    """End here if a file has a serious fault that nobody has seen to, and the gate is to stop.

    A fault is serious if it concerns a fifth of the rows or more. It is seen to when the file is withdrawn, its alert is
    closed, or judged ``false`` or ``expected``.

    Raises:
        WorkFailed: there is such a file; the text says which, and what to do.
    """
    if gate == "warn":
        return
    found = warehouse.rows(
        f"SELECT DISTINCT q.batch_id, q.dataset, b.ingested_at FROM {_TABLE} AS q "
        "JOIN ops.batches AS b ON b.batch_id = q.batch_id "
        f"LEFT JOIN ({NEWEST} AND kind = '{KIND}') AS f ON f.batch_id = q.batch_id "
        "WHERE q.status = 'faulty' AND q.fault <> 'extreme' AND q.share >= ? AND b.withdrawn_at IS NULL "
        "AND (f.verdict IS NULL OR f.verdict = 'real') ORDER BY b.ingested_at, q.batch_id",
        [_SERIOUS],
    )
    # As a table that the stage reads, each new alert about anything would have it run again.
    with infrastructure():
        alerts = warehouse.rows("SELECT alert_id FROM ops.alerts WHERE kind = ? AND NOT is_open", [KIND])
    closed = {row["alert_id"] for row in alerts}
    waiting = [row for row in found if identity(KIND, row["batch_id"]) not in closed]
    if waiting:
        first = waiting[0]["batch_id"][:SHORT]
        named = ", ".join(f"{row['dataset']} {row['batch_id'][:SHORT]}" for row in waiting[:_NAMED])
        more = f" and {len(waiting) - _NAMED} more" if len(waiting) > _NAMED else ""
        raise WorkFailed(
            f"{many(len(waiting), 'file has', 'files have')} serious faults that nobody has seen to ({named}{more}), so "
            f"nothing is published: look with workbench alerts list --kind {KIND}, then withdraw the file (workbench "
            f"batches withdraw {first}), or say that it is as it should be (workbench alerts feedback ID --verdict "
            "expected), and run again"
        )


def _judge(
    warehouse: Warehouse, dataset: str, waiting: Waiting, trees: int
) -> tuple[list[BatchVerdict], str]:
    new = [BatchVerdict(each.batch_id, dataset, each.uri, "usual") for each in waiting.new]
    taken: list[BatchVerdict] = []
    usual = waiting.usual
    if not usual:
        half = (len(new) + 1) // 2
        taken = [replace(each, status="reference") for each in new[:half]]
        usual, new = waiting.new[:half], new[half:]
    if not new:
        return taken, ""
    from workbench.anomaly.tables.judgement import Reference

    files = waiting.new[-len(new) :]
    largest = max(each.rows for each in files)
    held_against = newest_files(usual, _REFERENCE_BATCHES, _FEW_ROWS if largest >= _SMALL_FILE else 0)
    known = sum(each.rows for each in held_against)
    beyond = {each.batch_id for each in files if each.rows > _COMPARABLE * known}
    files = [each for each in files if each.batch_id not in beyond]
    reference = None
    if files:
        rows = rows_of(warehouse, dataset, held_against, _REFERENCE_ROWS)
        reference = Reference.learn(judged_columns(rows), rows["_batch_id"].to_numpy(), trees=trees)
    # What can't be held against others is what later files can be held against.
    unjudged = [each for each in new if reference is None or each.batch_id in beyond]
    taken += [replace(each, status="reference") for each in unjudged]
    note = f"{dataset}: too few rows came before to hold new ones against" if unjudged else ""
    if reference is None:
        return taken, note
    verdicts = {each.batch_id: each for each in new if each.batch_id not in beyond}
    chance = _FALSE_ALERTS / max(waiting.a_month, 1)
    for some in together(files, _JUDGED_ROWS):
        rows = rows_of(warehouse, dataset, some, _JUDGED_ROWS)
        batches = rows["_batch_id"].to_numpy()
        found = reference.judge_each(judged_columns(rows), batches, chance) if len(rows) else {}
        for batch_id, faults in found.items():
            numbers = rows["_row_number"].to_numpy()[batches == batch_id]
            named = tuple(
                fault if fault.row is None else replace(fault, row=int(numbers[fault.row]))
                for fault in faults
            )
            verdicts[batch_id] = replace(
                verdicts[batch_id], status="faulty" if faults else "usual", rows=len(numbers), faults=named
            )
    return taken + list(verdicts.values()), note


def _keep(warehouse: Warehouse, verdicts: list[BatchVerdict], run_id: str | None) -> int:
    """Write a dataset's verdicts and raise its alerts in one transaction; return how many are new."""
    moment = now()
    rows = []
    for verdict in verdicts:
        about = {
            "batch_id": verdict.batch_id, "dataset": verdict.dataset, "status": verdict.status,
            "rows_judged": verdict.rows, "run_id": run_id, "judged_at": moment,
        }  # fmt: skip
        empty = dict.fromkeys(("fault", "rows_affected", "share", "usual_share", "row_number", "message"))
        rows.append({**about, **empty, "column_name": ""})
        rows += [
            {
                **about, "column_name": fault.column, "fault": fault.kind, "rows_affected": fault.rows,
                "share": fault.share, "usual_share": fault.usual, "row_number": fault.row, "message": fault.message,
            }
            for fault in verdict.faults
        ]  # fmt: skip
    found = _alerts([verdict for verdict in verdicts if verdict.status == "faulty"])
    with warehouse.prepare(_TABLE, rows) as staged:

        def work(session: Session) -> int:
            warehouse.lock(session, _TABLE)
            marks = ", ".join("?" * len(verdicts))
            session.execute(
                f"DELETE FROM {_TABLE} WHERE batch_id IN ({marks})", [each.batch_id for each in verdicts]
            )
            staged.load(session)
            return put(session, found, run_id)

        return warehouse.run(work, repeatable=True)


def _alerts(faulty: list[BatchVerdict]) -> list[Alert]:
    """Return one alert a file, the newest files first, and never more than the budget."""
    newest = faulty[::-1]
    more = len(newest) - MOST_ALERTS
    return [
        _alert(verdict, more if more > 0 and place == MOST_ALERTS - 1 else 0)
        for place, verdict in enumerate(newest[:MOST_ALERTS])
    ]


def _alert(verdict: BatchVerdict, others: int) -> Alert:
    said = "; ".join(fault.message for fault in verdict.faults[:_NAMED])
    if len(verdict.faults) > _NAMED:
        said += f"; and {len(verdict.faults) - _NAMED} more columns"
    if others:
        said += f". {others} older files of {verdict.dataset} have faults as well"
    is_serious = any(fault.kind != "extreme" and fault.share >= _SERIOUS for fault in verdict.faults)
    return Alert(
        KIND, "critical" if is_serious else "warning",
        f"{verdict.dataset} batch {verdict.batch_id[:SHORT]}",
        f"{verdict.file}: {said}", finding=(verdict.batch_id,),
    )  # fmt: skip
