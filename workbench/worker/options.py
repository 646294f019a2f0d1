"""How a worker works."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.worker.landing_watcher import SETTLE


@dataclass(frozen=True)
class Options:
    """How a worker works.

    ``batch`` is how many messages it takes together at most; ``visibility`` for how many seconds a message is
    ours between two heartbeats; ``retry`` the seconds before the first further attempt, doubled each time;
    ``settle`` for how many seconds a file must not change to be complete; ``executor`` what executes all stages.
    """

    batch: int = 100
    visibility: int = 60
    retry: float = 10
    settle: float = SETTLE
    executor: str | None = None
