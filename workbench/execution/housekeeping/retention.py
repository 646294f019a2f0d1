"""How long runs are kept: old ones are deleted, with their notebooks and pages, unless something still needs them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from workbench.execution.housekeeping.recovery import alone, recover
from workbench.execution.records.model import now
from workbench.execution.records.store import iterate_runs
from workbench.execution.reports.pages import write_index
from workbench.settings import Settings

_DOOMED = ".pruned-"


@dataclass(frozen=True)
class _Past:
    """What is to be known of a run: whether it is old, whether it is needed, and which runs it leads to."""

    run_id: str
    old: bool
    needed: bool
    leads_to: frozenset[str]


def prune(settings: Settings) -> list[str]:
    """Delete old runs from the folders of runs and pages; their rows in ``ops.runs`` stay. Return their ids.

    Old is what isn't among the newest ``keep_runs``, or began more than ``keep_days`` days ago. Kept all the same are
    runs that go on or aren't recorded, the newest of each pipeline, each stage's last success, and runs that
    those which are kept lead to.

    Raises:
        OSError: a folder can't be changed.
    """
    recover(settings)
    with alone(settings):
        runs = {run.run_id: run for run in _survey(settings)}
        kept = {name for name, run in runs.items() if run.needed or not run.old}
        new = kept
        while new := {other for name in new for other in runs[name].leads_to if other in runs} - kept:
            kept |= new
        pruned = [name for name in runs if name not in kept]
        for folder in (settings.runs, settings.site):
            for name in pruned:
                _doom(folder / name)
            # Those of a process that was killed at it, too.
            for path in folder.glob(f"{_DOOMED}*"):
                shutil.rmtree(path)
        if pruned:
            write_index(settings)
    return pruned


def _survey(settings: Settings) -> Iterator[_Past]:
    """Look at all runs, newest first."""
    since = now() - timedelta(days=settings.keep_days) if settings.keep_days else None
    seen: set[tuple[str, ...]] = set()
    for place, run in enumerate(iterate_runs(settings)):
        beyond = bool(settings.keep_runs) and place >= settings.keep_runs
        aged = since is not None and run.started_at is not None and run.started_at < since
        # What the next run of the pipeline looks at: its last run, and each stage's last success.
        looked_at: list[tuple[str, ...]] = [(run.kind, run.pipeline)]
        looked_at += [(run.pipeline, stage.name, "") for stage in run.stages if stage.state == "succeeded"]
        needed = run.state == "running" or not run.recorded or not seen.issuperset(looked_at)
        seen.update(looked_at)
        led = {stage.unchanged_since.partition(".")[0] for stage in run.stages if stage.unchanged_since}
        yield _Past(run.run_id, beyond or aged, needed, frozenset({*led, *filter(None, [run.resumed])}))


def _doom(folder: Path) -> None:
    """Take a folder out of sight at once; it is deleted after that."""
    if folder.is_dir():
        folder.replace(folder.with_name(f"{_DOOMED}{folder.name}"))
