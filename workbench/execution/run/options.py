"""What a caller may ask of a run, beside the values of its parameters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from workbench.execution.run.progress import Progress
from workbench.execution.run.remote import MakeRemote
from workbench.execution.run.signals import StopSwitch
from workbench.settings import Settings


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a pipeline is run; as it stands, all of it, here, and only what has changed."""

    start: str | None = None
    """The stage to begin with."""
    only: str | None = None
    """The one stage to run."""
    if_changed: bool = False
    """Skip a stage that is named by ``start`` or ``only`` too, if it hasn't changed."""
    run_id: str | None = None
    """The identity of the run; a new one if None."""
    without: Collection[str] = ()
    """Stages to leave out; no other may wait for them."""
    force: bool = False
    """Run also what hasn't changed."""
    full: bool = False
    """Run everything, and have stages work out all of their tables rather than what is new."""
    resume: str | None = None
    """A run that didn't succeed, or ``latest`` of this pipeline: its overrides are taken, under those of this call,
    and what it got done is skipped."""
    request: str | None = None
    """What of its schedule asks for it; kept in the record."""
    cold: bool = False
    """Start a kernel afresh for each notebook, don't fork."""
    strict: bool = False
    """Have a stage fail that touches other tables than its map says, rather than warn; so it is, too, where the
    settings say so."""
    executor: str | None = None
    """What executes all stages, ``local`` or ``ecs``; as their maps say if None."""
    executors: Mapping[str, MakeRemote] = field(default_factory=dict)
    """Makes the executors other than the local one, by name."""
    part_of: str | None = None
    """The run on another machine that this one executes a stage of. It takes over its identity and leaves the
    warehouse's records to it."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Variables for every notebook's environment, over all others."""
    publish: Callable[[], object] | None = None
    """Called once readers may have what the run wrote, to let them later; it is done there and then if None."""
    followed: bool = False
    """Runs of the same stages follow in this process: what only functions import is loaded once, ahead of them all."""
    switch: StopSwitch | None = None
    """Ends the run from another thread, as a signal does; by itself nothing does."""
    settings: Settings | None = None
    """Read afresh if None."""
    progress: Progress | None = None
    """Who is told of every step, from several threads; nobody if None."""

    @property
    def named(self) -> tuple[str, ...]:
        """Stages that a person asks for, which always run."""
        return () if self.if_changed else tuple(name for name in (self.start, self.only) if name)
