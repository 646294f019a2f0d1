"""What a person sees while a backfill goes on, on stderr: a bar on a terminal, a line a chunk elsewhere."""

from __future__ import annotations

import sys
from typing import Protocol

from workbench.execution.backfill.outcomes import ChunkOutcome
from workbench.terminal import printable, tell


class Watcher(Protocol):
    """Told of every step of a backfill; called from any thread."""

    def say(self, text: str) -> None:
        """Something is to be known."""

    def begin(self, chunks: int) -> None:
        """So many chunks are to be done."""

    def ended(self, outcome: ChunkOutcome) -> None:
        """A chunk has ended."""

    def end(self) -> None:
        """No chunk goes on any more."""


class ChunkLines:
    """Prints a line as each chunk ends."""

    def say(self, text: str) -> None:
        """Print it."""
        tell(text)

    def begin(self, chunks: int) -> None:
        """Start to count."""
        self._all, self._ended = chunks, 0

    def ended(self, outcome: ChunkOutcome) -> None:
        """Print how it ended."""
        self._ended += 1
        self.say(f"  {self._ended}/{self._all} {_sentence(outcome)}")

    def end(self) -> None:
        """Do nothing."""


class ChunkBar:
    """A bar of the chunks that are done, with the time that is left; what failed stands above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            console=Console(stderr=True),
        )  # fmt: skip

    def say(self, text: str) -> None:
        """Print it, above the bar."""
        self._bar.console.print(printable(text), markup=False, highlight=False)

    def begin(self, chunks: int) -> None:
        """Start to draw."""
        self._task = self._bar.add_task("chunks", total=chunks)
        self._bar.start()

    def ended(self, outcome: ChunkOutcome) -> None:
        """Draw it, and say so where it failed."""
        if outcome.state != "succeeded":
            self.say(_sentence(outcome))
        self._bar.update(self._task, advance=1, description=f"up to {outcome.chunk.last}")

    def end(self) -> None:
        """Draw a last time."""
        self._bar.stop()


def choose_watcher() -> Watcher:
    """Return a bar if a person watches a terminal, else plain lines."""
    return ChunkBar() if sys.stderr.isatty() else ChunkLines()


def _sentence(outcome: ChunkOutcome) -> str:
    seconds = f" in {outcome.seconds:.1f} s" if outcome.seconds is not None else ""
    return f"{outcome.chunk} {outcome.state}{seconds}{f': {outcome.why}' if outcome.why else ''}"
