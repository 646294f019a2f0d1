"""Tables that aren't as fresh as the schedules of their pipelines promise."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from workbench.execution.pipeline.graph import expand
from workbench.execution.pipeline.pipeline import Pipeline
from workbench.execution.pipeline.schedule import latest_time
from workbench.execution.scheduling.timetable import LATE, shown
from workbench.execution.scheduling.whole import last_whole
from workbench.governance.alerts import Alert, put
from workbench.governance.alerts.recorded import close_subjects
from workbench.governance.alerts.recorded import now as present
from workbench.schema import PUBLISHED
from workbench.warehouse.access import infrastructure
from workbench.warehouse.bookkeeping import bookkeeping

if TYPE_CHECKING:
    from workbench.warehouse import Session, Warehouse

KIND = "stale"
_LONGEST_PERIOD = timedelta(days=367)
_NAMED = 5


@infrastructure()
def check_fresh(warehouse: Warehouse, pipelines: Iterable[Pipeline], now: datetime) -> list[Alert]:
    """Raise an alert for each pipeline with tables that are too old, and close those of the others; return them.

    A table of core or marts is too old where its stage hasn't come to a good end since the clock said so, an hour ago or
    more; a run over a few given days is none. A stage that never has promises nothing.

    Args:
        warehouse: with ``ops.runs``, which all who run pipelines write.
        pipelines: all that there are.
        now: the present moment.
    """
    found: dict[str, Alert | None] = {}
    for pipeline in pipelines:
        if pipeline.schedule and (due := latest_time(pipeline.schedule, now - _LONGEST_PERIOD, now - LATE)):
            found[pipeline.name] = _look(warehouse, pipeline, due)
    stale = [alert for alert in found.values() if alert]

    def work(session: Session) -> None:
        fresh = [name for name, alert in found.items() if alert is None]
        close_subjects(session, KIND, fresh, present())
        put(session, stale)

    with bookkeeping():
        warehouse.run(work, repeatable=True)
    return stale


def _look(warehouse: Warehouse, pipeline: Pipeline, due: datetime) -> Alert | None:
    ends = {
        name: end.replace(tzinfo=UTC) for name, end in last_whole(warehouse, pipeline, "finished_at").items()
    }
    late = {name: end for name, end in ends.items() if end < due}
    tables = [
        table
        for name in pipeline.order
        if name in late
        for table in expand(pipeline.stages[name].writes)
        if table.partition(".")[0] in PUBLISHED
    ]
    if not tables or not pipeline.schedule:
        return None
    last = min(late.values())
    more = f" and {len(tables) - _NAMED} more" if len(tables) > _NAMED else ""
    return Alert(
        KIND,
        "warning",
        pipeline.name,
        f"{pipeline.name} was due {shown(due, pipeline.schedule)}, and what it wrote is of "
        f"{shown(last, pipeline.schedule)}: {', '.join(tables[:_NAMED])}{more}",
        finding=(pipeline.name, str(last)),
    )
