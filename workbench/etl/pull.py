"""Pull from the sources that ``sources.yaml`` declares: those that are due, or one by its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workbench.etl.ingestion.trying.fitting import check_file
from workbench.governance.this_run import this_run
from workbench.settings import get_settings
from workbench.sources.landing import open_landing
from workbench.sources.maps import Map
from workbench.sources.pulls.due import Pulled, pull_due
from workbench.sources.pulls.taking import Places
from workbench.warehouse import Warehouse


def places(warehouse: Warehouse, run_id: str | None = None) -> Places:
    """Return where pulls work: this warehouse, and the landing of the settings; ``run_id`` is the run that pulls."""
    settings = get_settings()
    return Places(warehouse, open_landing(settings), settings, fits, run_id)


def fits(path: Path, dataset: str, mapping: Map | None) -> None:
    """Hold a file against what is read, and its map against its columns.

    Raises:
        UsageError: it can't be taken in.
    """
    check_file(path, mapping)


def pull(warehouse: Warehouse, sources: Sequence[str] = ()) -> Pulled:
    """Pull from the sources that are due, or from these; what is wrong with one is told and stops no other.

    Raises:
        UsageError: a name is no source's.
    """
    return pull_due(places(warehouse, this_run()), sources)
