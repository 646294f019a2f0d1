"""Alerts of failed runs: one for each pipeline, stage and error, until that stage succeeds again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from workbench.errors import one_line
from workbench.governance.alerts.alert import Alert, Raised
from workbench.governance.alerts.recorded import close_subjects, insert, raised

if TYPE_CHECKING:
    from workbench.warehouse import Session

KIND = "run_failed"
OUTBOX = ".alerts.json"
"""The file of the outbox, in the folder of runs."""

_LONGEST = 1000
# Numbers, identities and times differ from one failure to the next that is the same.
_VARIES = re.compile(r"\b[0-9a-fA-F-]{8,}\b|\d+")


@dataclass(frozen=True)
class Failure:
    """A run, or a stage of one, that failed; ``stage`` is empty where it was none. ``raised_at`` is UTC, without zone."""

    pipeline: str
    stage: str
    error: str
    raised_at: datetime
    run_id: str | None = None
    link: str | None = None
    owner: str | None = None

    @property
    def identity(self) -> tuple[str, str, str]:
        """What makes two failures the same: their errors may differ in figures."""
        return self.pipeline, self.stage, _VARIES.sub("#", self.error)

    @property
    def subject(self) -> str:
        """What the alert is about."""
        return subject_of(self.pipeline, self.stage)

    def raised(self, last_success: str = "") -> Raised:
        """Return the alert; after another success it is another one."""
        what = f"stage {self.stage} of {self.pipeline}" if self.stage else self.pipeline
        message = f"{what} failed: {one_line(self.error, _LONGEST)}"
        finding = (*self.identity, last_success)
        alert = Alert(KIND, "critical", self.subject, message, finding, self.link, owner=self.owner)
        return raised(alert, self.run_id, self.raised_at)


def subject_of(pipeline: str, stage: str) -> str:
    """Return what alerts call a stage of a pipeline, or the pipeline itself."""
    return f"{pipeline}/{stage}" if stage else pipeline


def last_success(session: Session, pipeline: str, stage: str) -> tuple[str, datetime | None]:
    """Return the last run in which a stage, or the pipeline, came to a good end, and when; ``("", None)`` if none did."""
    which, values = ("stage = ?", [stage]) if stage else ("stage IS NULL", [])
    found = session.execute(
        f"SELECT run_id, finished_at FROM ops.runs WHERE pipeline = ? AND {which} "
        "AND state IN ('succeeded', 'skipped') ORDER BY finished_at DESC LIMIT 1",
        [pipeline, *values],
    ).fetchone()
    return (found[0], found[1]) if found else ("", None)


def record_failure(session: Session, failure: Failure) -> Raised | None:
    """Record an alert inside the caller's transaction, unless it is there; return it.

    None if the stage has succeeded since.
    """
    run, finished_at = last_success(session, failure.pipeline, failure.stage)
    if finished_at and finished_at > failure.raised_at:
        return None
    alert = failure.raised(run)
    insert(session, [alert])
    return alert


def is_told(session: Session, run_id: str) -> bool:
    """Whether a run has told of its failure itself: whoever started it tells of it in other words."""
    return bool(
        session.execute(
            "SELECT 1 FROM ops.runs WHERE run_id = ? AND state IN ('failed', 'lost') "
            "UNION ALL SELECT 1 FROM ops.alerts WHERE run_id = ? AND kind = ?",
            [run_id, run_id, KIND],
        ).fetchone()
    )


def record_ends(
    session: Session,
    pipeline: str,
    ends: Mapping[str, str | None],
    run_id: str,
    finished_at: datetime,
    owner: str | None = None,
) -> None:
    """Record inside the caller's transaction how the stages of a run ended.

    Args:
        session: in which its rows of ``ops.runs`` are written.
        pipeline: its name.
        ends: for each stage that failed its error, for each that came to a good end None; the pipeline itself is ``""``.
        run_id: the run.
        finished_at: when it ended, UTC, without zone.
        owner: who sees to the pipeline.
    """
    for stage, error in ends.items():
        if error is not None:
            record_failure(session, Failure(pipeline, stage, error, finished_at, run_id, owner=owner))
    good = [subject_of(pipeline, stage) for stage, error in ends.items() if error is None]
    close_subjects(session, KIND, good, finished_at)
