"""What one pull did."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.sources.pulls.entries import Status


@dataclass(frozen=True)
class Outcome:
    """What one pull did; counts are of rows, and None where the source doesn't know them.

    ``read = repeated + landed``. ``files`` are the addresses of what landed. ``message`` is what a person should know.
    """

    source: str
    status: Status
    said: int | None = None
    read: int | None = None
    repeated: int | None = None
    landed: int | None = None
    files: tuple[str, ...] = ()
    cursor: str | None = None
    message: str | None = None

    @property
    def sentence(self) -> str:
        """All of it in a line for a person."""
        if self.read is None:
            return f"{self.source}: {self.message}"
        said = f"source said {self.said:,}, " if self.said is not None else ""
        repeats = f", {self.repeated:,} had landed before" if self.repeated else ""
        more = f"; {self.message}" if self.message else ""
        return f"{self.source}: {said}read {self.read:,}, landed {self.landed:,}{repeats}{more}"
