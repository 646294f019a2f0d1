"""One build of the dbt project, or of parts of it."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from workbench.errors import UsageError, WorkFailed, one_line, unknown
from workbench.settings import Settings, get_settings
from workbench.transform.replay import Replay
from workbench.transform.results import (
    MODELS,
    NodeResult,
    TransformResult,
    in_order,
    raise_for,
    read_result,
)
from workbench.warehouse import Warehouse, connect
from workbench.warehouse.access import note_tables
from workbench.warehouse.dbt import Target, environment

TAGS = ("customers", "products", "transactions", "marts")
"""Parts of the project that can be built alone, in the order in which they depend on one another."""

_ATTEMPTS = 3


def build(*tags: str, full_refresh: bool = False) -> TransformResult:
    """Fill the tables of these parts of the project, or of all, and test them.

    Nothing is written beside the warehouse but ``home/dbt``. A table of core or marts that no longer has its
    declared shape is made anew first, with ``full_refresh`` every one. No connection stays open. Where other
    transactions were in the way of one of its own, the build is done again, up to twice: it fills the same tables.
    On the embedded warehouse dbt's statements are kept, and taken again while nothing about the project has changed
    (:mod:`workbench.transform.replay`).

    Raises:
        UsageError: there is no such tag, or no warehouse.
        WorkFailed: a model or a test failed, the project can't be read, or another process holds the warehouse.
    """
    for tag in tags:
        if tag not in TAGS:
            raise unknown("tag", tag, TAGS)
    settings = get_settings()
    project = settings.root / "dbt"
    if not (project / "dbt_project.yml").is_file():
        raise UsageError(f"no dbt project at {project}; WORKBENCH_PROJECT names the folder that holds dbt/")
    warehouse = connect()
    started = time.monotonic()
    replay = Replay(settings, warehouse, tags) if warehouse.is_embedded else None
    results = replay.execute() if replay and not full_refresh else None
    replayed = results is not None
    if results is None:
        results = _with_dbt(settings, warehouse, tags, full_refresh, replay)
    filled = [result.table for result in results if result.filled]
    # dbt has connections of its own, and statements that are executed again are known already.
    note_tables(
        reads=sorted({name for result in results if result.status != "skipped" for name in result.reads}),
        writes=filled,
    )
    rows = warehouse.counts(*filled) if filled else {}
    warehouse.refresh(filled)
    raise_for(results)
    return TransformResult(in_order(results, rows), time.monotonic() - started, replayed)


def _with_dbt(
    settings: Settings, warehouse: Warehouse, tags: Sequence[str], full_refresh: bool, replay: Replay | None
) -> list[NodeResult]:
    currency = {"WORKBENCH_REPORTING_CURRENCY": settings.reporting_currency}
    with environment(currency), warehouse.dbt_target() as target:
        warehouse.remake([table.full_name for table in MODELS.values()], always=full_refresh)
        for attempt in range(1, _ATTEMPTS + 1):
            nodes, manifest = _invoke(settings, target, tags)
            results = [read_result(node, manifest) for node in nodes]
            failed = [result for result in results if result.status == "error"]
            if attempt == _ATTEMPTS or not any(warehouse.is_conflict(each.message) for each in failed):
                break
    if replay:
        replay.keep(nodes, results)
    return results


def _invoke(settings: Settings, target: Target, tags: Sequence[str]) -> tuple[list[Any], Any]:
    """Run ``dbt build``; return dbt's own results, one a node, and its manifest."""
    from dbt.adapters.factory import get_adapter_by_type
    from dbt.cli.main import dbtRunner

    from workbench.transform.quiet import only_warnings

    project = settings.root / "dbt"
    state = settings.home / "dbt"
    arguments = [
        "--quiet", "--log-level", "none", "--log-level-file", "warn", "--log-path", str(state / "logs"),
        "--no-use-colors", "--no-send-anonymous-usage-stats", "--no-version-check", "--no-write-json",
        "--partial-parse", "--cache-selected-only",
        "build", "--project-dir", str(project), "--profiles-dir", str(project), "--target", target.name,
        "--target-path", str(state / target.folder), "--indirect-selection", "buildable",
        *(part for tag in tags for part in ("--select", f"tag:{tag}")),
    ]  # fmt: skip
    with only_warnings(), _uncollected():
        outcome = dbtRunner().invoke(arguments)
    if outcome.exception is not None:
        raise WorkFailed(f"dbt can't read its project: {one_line(str(outcome.exception), 300)}")
    # It is no part of the outcome, and to read the project twice would take as long as to build it.
    manifest = get_adapter_by_type(target.name).get_macro_resolver()
    return list(getattr(outcome.result, "results", ())), manifest


@contextmanager
def _uncollected() -> Iterator[None]:
    """Leave cycles of objects alone for a while: dbt makes a million objects and little garbage."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
