"""What a build did: one result a model or test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from workbench.errors import WorkFailed
from workbench.schema import TABLES, Table

if TYPE_CHECKING:
    import pandas

_WRITTEN_BY_PYTHON = {"marts.sales_anomalies", "marts.fraud_scores", "marts.customer_segment_history"}
_STAGING = {
    "staging.customer_totals", "staging.product_totals", "staging.month_totals", "staging.event_actors", "staging.reading_days",
    "staging.series_intervals", "staging.batch_days", "staging.receipt_matches", "staging.purchase_matches",
}  # fmt: skip
MODELS: dict[str, Table] = {
    table.name: table
    for table in TABLES.values()
    if (table.schema in ("core", "marts") and not table.view and table.full_name not in _WRITTEN_BY_PYTHON)
    or table.full_name in _STAGING
}
"""The tables that dbt fills, by the name of their model."""

Status = Literal["pass", "warn", "fail", "error", "skipped"]


@dataclass(frozen=True)
class Changes:
    """What one build did to a table, in rows: ``offered = inserted + updated + unchanged``.

    ``now`` is how many it has since. ``why`` says why all of it was built, and is empty where only what is new was.
    """

    offered: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    now: int = 0
    why: str = ""


@dataclass(frozen=True)
class NodeResult:
    """What became of one model or one test.

    ``table`` is the full name of the table that was filled or tested, ``reads`` those of the tables that its
    statement reads. ``rows`` is the number of rows a model's table has now, ``failures`` the number of rows that
    broke a test. A table ``is_unchanged`` of which no row was written or removed, and whose readers wait for none that was
    before.
    """

    name: str
    resource_type: Literal["model", "test"]
    table: str
    status: Status
    seconds: float
    rows: int | None = None
    failures: int | None = None
    message: str = ""
    reads: tuple[str, ...] = ()
    changes: Changes | None = None
    is_unchanged: bool = False

    @property
    def filled(self) -> bool:
        """True for a model whose table was filled."""
        return self.resource_type == "model" and self.status == "pass"


@dataclass(frozen=True)
class TransformResult:
    """What one build did; ``seconds`` is its wall time, reading the project included.

    ``known`` tells that dbt itself wasn't called, but the statements were executed that it made before.
    """

    results: tuple[NodeResult, ...]
    seconds: float
    known: bool = False

    @property
    def models(self) -> tuple[NodeResult, ...]:
        """The tables that were filled."""
        return tuple(result for result in self.results if result.resource_type == "model")

    @property
    def tests(self) -> tuple[NodeResult, ...]:
        """The checks that were made."""
        return tuple(result for result in self.results if result.resource_type == "test")

    @property
    def offered(self) -> int:
        """How many rows were worked out."""
        return sum(result.changes.offered for result in self.results if result.changes)

    def frame(self) -> pandas.DataFrame:
        """Return one row a node, for display; without what it reads."""
        import pandas

        columns = [
            name
            for name in NodeResult.__dataclass_fields__
            if name not in ("reads", "changes", "is_unchanged")
        ]
        rows = []
        for result in self.results:
            changes = result.changes or Changes()
            told = {"inserted": changes.inserted, "updated": changes.updated, "removed": changes.removed}
            more = {**told, "why": changes.why} if result.changes else dict.fromkeys([*told, "why"])
            rows.append({name: getattr(result, name) for name in columns} | more)
        counts = ["inserted", "updated", "removed"]
        frame = pandas.DataFrame(rows, columns=[*columns, *counts, "why"])
        return frame.astype(dict.fromkeys(["rows", "failures", *counts], "Int64"))


def in_order(results: Sequence[NodeResult]) -> tuple[NodeResult, ...]:
    """Return the results by kind, table and name, each model's with the rows its table has."""
    ordered = sorted(results, key=lambda result: (result.resource_type, result.table, result.name))
    return tuple(replace(each, rows=each.changes.now) if each.changes else each for each in ordered)


def raise_for(results: Sequence[NodeResult]) -> None:
    """Raise if a model or a test failed.

    Raises:
        WorkFailed: naming the first five with what they said, and how many nodes weren't run after them.
    """
    broken = [result for result in results if result.status in ("fail", "error")]
    if not broken:
        return
    messages = "; ".join(f"{result.resource_type} {result.name}: {result.message}" for result in broken[:5])
    more = f"; and {len(broken) - 5} more" if len(broken) > 5 else ""
    skipped = sum(result.status == "skipped" for result in results)
    after = f" ({skipped} not run after that)" if skipped else ""
    raise WorkFailed(f"dbt: {len(broken)} of {len(results)} failed: {messages}{more}{after}")
