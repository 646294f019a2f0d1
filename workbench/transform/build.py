"""One build of the dbt project, or of parts of it."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence

from workbench.errors import UsageError, unknown
from workbench.governance.this_run import this_run
from workbench.schema import TABLES
from workbench.settings import get_settings
from workbench.transform.compiled import Project
from workbench.transform.days import Days
from workbench.transform.executor import Build
from workbench.transform.nodes import Node
from workbench.transform.results import MODELS, NodeResult, TransformResult, in_order, raise_for
from workbench.warehouse import Session, Warehouse, connect
from workbench.warehouse.access import infrastructure, note_tables

TAGS = ("customers", "products", "transactions", "events", "measurements", "marts")
"""Parts of the project that can be built alone, in the order in which they depend on one another."""
_ACCOUNTS = {"ops.watermarks", "staging.touched"}
"""What builds know of one another: no data, so no stage's work."""


_VIEWS_OF = {"core": "customers", "marts": "marts"}
"""The part of the project that the views of a schema are as new as."""


def build(
    *tags: str,
    full_refresh: bool = False,
    first_day: dt.date | None = None,
    last_day: dt.date | None = None,
) -> TransformResult:
    """Bring the tables of these parts of the project, or of all, up to date, and test them.

    dbt makes the statements, which are kept as long as it would make the same (:mod:`workbench.transform.compiled`), and
    each model takes in what is new since its last build, in one transaction (:mod:`workbench.transform.executor`): others
    see all of it at once, or nothing where a test fails. A table of core or marts that no longer has its declared shape
    is made anew first. Beside the warehouse only ``dbt/target`` and ``home/dbt`` are written to.

    Args:
        tags: the parts; all of them if none is given.
        full_refresh: build every table whole; so it is, too, where the settings say so (``WORKBENCH_FULL``).
        first_day: work out the facts and marts of the days from it on anew, whatever is new.
        last_day: the last of these days; one is given with the other.

    Raises:
        UsageError: there is no such tag, no project, no warehouse, or no range of days.
        WorkFailed: a model or a test failed, the project can't be read, or another process holds the warehouse.
    """
    for tag in tags:
        if tag not in TAGS:
            raise unknown("tag", tag, TAGS)
    if (first_day is None) != (last_day is None):
        raise UsageError("a first and a last day are given together, or neither")
    days = Days(first_day, last_day) if first_day and last_day else None
    warehouse = connect()
    started = time.monotonic()
    settings = get_settings()
    project = Project(settings, warehouse)
    warehouse.require()
    nodes, known = project.statements()
    wanted = of_parts(nodes, tags or TAGS)
    results = _execute(warehouse, project, nodes, wanted, full_refresh or settings.full, days)
    filled = [result.table for result in results if result.filled]
    views = [
        name for name, table in TABLES.items() if table.view and (not tags or _VIEWS_OF[table.schema] in tags)
    ]
    reads = {name for result in results for name in result.reads} - _ACCOUNTS
    unchanged = [each.table for each in results if each.is_unchanged]
    note_tables(reads=sorted(reads), writes=[*filled, *views], unchanged=unchanged)
    warehouse.refresh(filled)
    return TransformResult(in_order(results), time.monotonic() - started, known)


def of_parts(nodes: Sequence[Node], tags: Sequence[str]) -> list[Node]:
    """Return the models of parts of the project and their tests, in order; not the steps."""
    models = {node.table for node in nodes if node.kind == "model" and set(node.tags) & set(tags)}
    return [node for node in nodes if node.table in models]


@infrastructure()
def _execute(
    warehouse: Warehouse,
    project: Project,
    nodes: Sequence[Node],
    wanted: Sequence[Node],
    full: bool,
    days: Days | None,
) -> list[NodeResult]:
    run_id = this_run() or "by-hand"
    warehouse.remake([table.full_name for table in MODELS.values()])

    def work(session: Session) -> list[NodeResult]:
        # Two builds at once would each take the same rows for new.
        warehouse.lock(session, "ops.watermarks")
        if warehouse.is_embedded and project.memory_limit:
            session.execute(f"SET memory_limit = '{project.memory_limit}'")
        results = Build(session, nodes, run_id, analyze=not warehouse.is_embedded).execute(
            wanted, full=full, days=days
        )
        raise_for(results)
        return results

    return warehouse.run(work, repeatable=True)
