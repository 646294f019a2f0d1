"""What a person sees while a run goes on, on stderr: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol

from workbench.execution.runs import Run, StageRun

if TYPE_CHECKING:
    from rich.table import Table

COLORS = {"succeeded": "green", "failed": "red", "running": "cyan", "stopped": "yellow", "lost": "yellow"}


class Progress(Protocol):
    """Told of every step of a run."""

    def begin(self, run: Run) -> None:
        """A run starts."""

    def update(self, run: Run, stage: StageRun) -> None:
        """A stage has another state."""

    def cell(self, stage: StageRun, done: int, total: int) -> None:
        """A stage has finished ``done`` of its cells."""

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

    def end(self, run: Run) -> None:
        """Do nothing."""


class Lines(Silence):
    """Prints a line as each stage starts and ends."""

    def begin(self, run: Run) -> None:
        """Name the run."""
        print(f"run {run.run_id} of {run.pipeline}", file=sys.stderr, flush=True)

    def update(self, run: Run, stage: StageRun) -> None:
        """Print the stage's state."""
        if stage.state == "waiting":
            return
        seconds = "" if stage.state in ("running", "not_run") else f" in {stage.seconds or 0:.1f} s"
        error = f": {stage.error}" if stage.error else ""
        print(f"  {stage.name} {stage.state}{seconds}{error}", file=sys.stderr, flush=True)


class Live(Silence):
    """A table of the stages that redraws itself."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live as RichLive

        self._run: Run | None = None
        self._cells: dict[str, tuple[int, int]] = {}
        self._live = RichLive(
            console=Console(stderr=True), refresh_per_second=4, get_renderable=self._table, transient=False
        )

    def begin(self, run: Run) -> None:
        """Start to draw."""
        self._run = run
        self._live.start()

    def update(self, run: Run, stage: StageRun) -> None:
        """Draw the new state."""
        self._live.refresh()

    def cell(self, stage: StageRun, done: int, total: int) -> None:
        """Note how far the stage is."""
        self._cells[stage.name] = (done, total)

    def end(self, run: Run) -> None:
        """Draw a last time."""
        self._live.stop()

    def _table(self) -> Table:
        from rich.markup import escape
        from rich.table import Table

        table = Table(box=None, pad_edge=False, show_header=False)
        for justify in ("left", "left", "right", "left"):
            table.add_column(justify=justify)
        for stage in self._run.stages if self._run else []:
            color = COLORS.get(stage.state, "dim")
            seconds = f"{stage.seconds:.1f} s" if stage.seconds is not None else ""
            table.add_row(
                f"[{color}]{_SIGNS.get(stage.state, '·')}[/]",
                f"[{color}]{stage.name}[/]",
                seconds,
                escape(self._note(stage)),
            )
        return table

    def _note(self, stage: StageRun) -> str:
        if stage.state == "running" and stage.name in self._cells:
            done, total = self._cells[stage.name]
            return f"cell {done + 1} of {total}"
        if stage.error or stage.state == "not_run":
            return stage.error or "not run"
        return f"{stage.rows:,} rows" if stage.rows is not None else ""


_SIGNS: dict[str, Any] = {"succeeded": "✓", "failed": "✗", "running": "▸", "stopped": "■", "not_run": "-"}


def choose_progress() -> Progress:
    """Return a live table if a person watches a terminal, else plain lines."""
    return Live() if sys.stderr.isatty() else Lines()
