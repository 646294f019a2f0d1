"""What a person sees while a run goes on, on stderr: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import statistics
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from workbench.execution.records.model import Run, StageRun
from workbench.execution.records.store import list_runs
from workbench.numbers import many
from workbench.settings import Settings
from workbench.terminal import printable, tell

if TYPE_CHECKING:
    from rich.console import Group

COLORS = {
    "succeeded": "green", "failed": "red", "running": "cyan", "stopped": "yellow", "lost": "yellow",
    "skipped": "blue",
}  # fmt: skip
SIGNS = {
    "succeeded": "✓", "failed": "✗", "running": "▸", "stopped": "■", "not_run": "-", "skipped": "=",
}  # fmt: skip
STOPPING = "stopping; what is done is kept"
BAR = 10
# No run ends because its terminal has.
_GONE = suppress(OSError, ValueError)
_TIME = 12
_HISTORY, _LOOKED_AT = 5, 50


class Progress(Protocol):
    """Told of every step of a run; :meth:`cell` is called from any thread."""

    def begin(self, run: Run) -> None:
        """A run starts."""

    def update(self, run: Run, stage: StageRun) -> None:
        """A stage has another state."""

    def cell(self, stage: StageRun, done: int, total: int) -> None:
        """A stage has finished ``done`` of its cells."""

    def stopping(self, run: Run) -> None:
        """A signal ends the run; what is running is being stopped."""

    def warn(self, run: Run, text: str) -> None:
        """Something beside the work went wrong, for which no run fails."""

    def end(self, run: Run) -> None:
        """The run has ended."""


class Silence:
    """Shows nothing."""

    def begin(self, run: Run) -> None:
        """Do nothing."""

    def update(self, run: Run, stage: StageRun) -> None:
        """Do nothing."""

    def cell(self, stage: StageRun, done: int, total: int) -> None:
        """Do nothing."""

    def stopping(self, run: Run) -> None:
        """Do nothing."""

    def warn(self, run: Run, text: str) -> None:
        """Do nothing."""

    def end(self, run: Run) -> None:
        """Do nothing."""


class Lines(Silence):
    """Prints a line as each stage starts and ends."""

    def begin(self, run: Run) -> None:
        """Name the run."""
        tell(f"run {run.run_id} of {run.pipeline}")

    def update(self, run: Run, stage: StageRun) -> None:
        """Print the stage's state."""
        if stage.state == "waiting":
            return
        timed = stage.state not in ("running", "not_run", "skipped")
        note = f" in {stage.seconds or 0:.1f} s" if timed else ""
        if stage.state in ("running", "skipped") and stage.why:
            note = f", {stage.why}"
        error = f": {stage.error}" if stage.error else ""
        tell(f"  {stage.name} {stage.state}{note}{error}")

    def stopping(self, run: Run) -> None:
        """Say so at once."""
        tell(STOPPING)

    def warn(self, run: Run, text: str) -> None:
        """Print it."""
        tell(f"  warning: {text}")


class Live(Silence):
    """A table of the stages that redraws itself.

    Args:
        usual: seconds that each stage usually takes, by its name.
    """

    def __init__(self, usual: Mapping[str, float] | None = None) -> None:
        from rich.console import Console
        from rich.live import Live as RichLive

        self._usual = dict(usual or {})
        self._run: Run | None = None
        self._cells: dict[str, tuple[int, int]] = {}
        self._stopping = False
        self._lock = threading.Lock()
        self._live = RichLive(
            console=Console(stderr=True), refresh_per_second=4, get_renderable=self.table, transient=False
        )

    def begin(self, run: Run) -> None:
        """Start to draw."""
        self._run = run
        with _GONE:
            self._live.start()

    def update(self, run: Run, stage: StageRun) -> None:
        """Draw the new state."""
        self._run = run
        with _GONE:
            self._live.refresh()

    def cell(self, stage: StageRun, done: int, total: int) -> None:
        """Note how far the stage is."""
        with self._lock:
            self._cells[stage.name] = (done, total)

    def stopping(self, run: Run) -> None:
        """Draw that it stops."""
        self._stopping = True
        with _GONE:
            self._live.refresh()

    def warn(self, run: Run, text: str) -> None:
        """Print it above what is drawn."""
        with _GONE:
            self._live.console.print(printable(f"warning: {text}"), markup=False, highlight=False)

    def end(self, run: Run) -> None:
        """Draw a last time."""
        self._run = run
        with _GONE:
            self._live.stop()

    def table(self) -> Group:
        """Return what is drawn: for each stage its state, its cells, its seconds and what came of it.

        A line that is too long for the terminal goes on in the next.
        """
        from rich.console import Group
        from rich.text import Text

        stages = list(self._run.stages) if self._run else []
        names = max((len(stage.name) for stage in stages), default=0)
        bars = [self._bar(stage) for stage in stages]
        widest = max(map(len, bars), default=0)
        lines = []
        for stage, bar in zip(stages, bars, strict=True):
            color = COLORS.get(stage.state, "dim")
            line = Text(overflow="fold")
            line.append(f"{SIGNS.get(stage.state, '·')} {stage.name:<{names}}", color)
            line.append(f" {self._time(stage):>{_TIME}}", "" if stage.started_at else "dim")
            line.append(f"  {bar:<{widest}}" if widest else "", "cyan")
            line.append(printable(f"  {self._note(stage)}"))
            line.rstrip()
            lines.append(line)
        if self._stopping and self._run and self._run.state == "running":
            lines.append(Text(STOPPING, "yellow"))
        return Group(*lines)

    def _bar(self, stage: StageRun) -> str:
        with self._lock:
            done, total = self._cells.get(stage.name, (0, 0))
        if stage.state != "running" or not total:
            return ""
        full = min(BAR, BAR * done // total)
        return f"{'━' * full}{'╌' * (BAR - full)} {done}/{total}"

    def _time(self, stage: StageRun) -> str:
        usual = self._usual.get(stage.name)
        if stage.state == "skipped":
            return ""
        if stage.seconds is None:
            return f"~{usual:.0f} s" if usual is not None and stage.state == "waiting" else ""
        if stage.state == "running" and usual is not None:
            return f"{stage.seconds:.0f} s of ~{usual:.0f} s"
        return f"{stage.seconds:.1f} s"

    def _note(self, stage: StageRun) -> str:
        if stage.error:
            return stage.error
        if stage.state == "not_run":
            return "not run"
        if stage.state == "skipped" or (stage.state == "running" and stage.rows is None):
            return stage.why
        return many(stage.rows, "row") if stage.rows is not None else ""


def usual_seconds(pipeline: str, settings: Settings) -> dict[str, float]:
    """Return the median seconds of the last few times that each stage of a pipeline succeeded."""
    found: dict[str, list[float]] = {}
    for run in list_runs(settings, _LOOKED_AT):
        for stage in run.stages if run.pipeline == pipeline else ():
            if stage.state == "succeeded" and stage.seconds is not None:
                found.setdefault(stage.name, []).append(stage.seconds)
    return {name: statistics.median(seconds[:_HISTORY]) for name, seconds in found.items()}


def choose_progress(pipeline: str | None = None, settings: Settings | None = None) -> Live | Lines:
    """Return a live table if a person watches a terminal, else plain lines.

    With a pipeline and settings the table sets the time against its history.
    """
    if not sys.stderr.isatty():
        return Lines()
    return Live(usual_seconds(pipeline, settings) if pipeline and settings else None)
