"""What becomes of the chunks of a backfill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from workbench.execution.backfill.chunks import Chunk
from workbench.execution.records.model import Run

State = Literal["to do", "done before", "succeeded", "failed", "stopped", "not run"]
OPEN: tuple[State, ...] = ("to do", "failed", "stopped", "not run")
"""What the same backfill, called again, goes on with."""


@dataclass
class ChunkOutcome:
    """One chunk of a backfill.

    Attributes:
        chunk: its days.
        state: what has become of it.
        why: why it is to be done again, or why it failed.
        run_id: the run that did it, or tried.
        seconds: wall time of that run in this backfill.
        rows: the sum of the counts ``rows`` that its stages recorded; None if none did.
    """

    chunk: Chunk
    state: State = "to do"
    why: str = ""
    run_id: str | None = None
    seconds: float | None = None
    rows: int | None = None

    def take(self, run: Run) -> None:
        """Note how its run ended."""
        self.state = (
            "succeeded" if run.state == "succeeded" else "stopped" if run.state == "stopped" else "failed"
        )
        self.why, self.run_id, self.seconds = run.error or "", run.run_id, run.seconds
        counted = [rows for stage in run.stages if (rows := stage.counts.get("rows")) is not None]
        self.rows = sum(counted) if counted else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "first_day": str(self.chunk.first), "last_day": str(self.chunk.last), "state": self.state,
            "why": self.why, "run_id": self.run_id, "seconds": self.seconds, "rows": self.rows,
        }  # fmt: skip


@dataclass(frozen=True)
class BackfillResult:
    """What came of a backfill.

    Attributes:
        chunks: in order of time.
        error: what went wrong beside the chunks; empty if nothing did.
        stopped: the signal that ended it; empty if none did.
        changed: tables that have changed since chunks that weren't done again were worked out from them.
    """

    chunks: list[ChunkOutcome]
    error: str = ""
    stopped: str = ""
    changed: tuple[str, ...] = ()

    def count(self, *states: State) -> int:
        """Return how many chunks are in some states."""
        return sum(each.state in states for each in self.chunks)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do."""
        return not (self.error or self.stopped or self.count(*OPEN))
