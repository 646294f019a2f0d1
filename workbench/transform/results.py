"""What a build did: one result a model or test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import WorkFailed, one_line
from workbench.schema import TABLES, Table

if TYPE_CHECKING:
    import pandas

_WRITTEN_BY_PYTHON = {"marts.sales_anomalies", "marts.fraud_scores"}
MODELS: dict[str, Table] = {
    table.name: table
    for table in TABLES.values()
    if table.schema in ("core", "marts") and table.full_name not in _WRITTEN_BY_PYTHON
}
"""The tables that dbt fills, by the name of their model."""

Status = Literal["pass", "warn", "fail", "error", "skipped"]
_STATUS: dict[str, Status] = {"success": "pass", "partial success": "error", "no-op": "skipped"}


@dataclass(frozen=True)
class NodeResult:
    """What became of one model or one test.

    ``table`` is the full name of the table that was filled or tested, ``reads`` those of the tables that its
    statement reads. ``rows`` is the number of rows a model's table has now, ``failures`` the number of rows that
    broke a test.
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

    @property
    def filled(self) -> bool:
        """True for a model whose table was filled."""
        return self.resource_type == "model" and self.status == "pass"


@dataclass(frozen=True)
class TransformResult:
    """What one build did; ``seconds`` is its wall time, reading the project included.

    ``replayed`` tells that dbt itself wasn't called, but the statements were executed that it made before.
    """

    results: tuple[NodeResult, ...]
    seconds: float
    replayed: bool = False

    @property
    def models(self) -> tuple[NodeResult, ...]:
        """The tables that were filled."""
        return tuple(result for result in self.results if result.resource_type == "model")

    @property
    def tests(self) -> tuple[NodeResult, ...]:
        """The checks that were made."""
        return tuple(result for result in self.results if result.resource_type == "test")

    def frame(self) -> pandas.DataFrame:
        """Return one row a node, for display; without what it reads."""
        import pandas

        columns = [name for name in NodeResult.__dataclass_fields__ if name != "reads"]
        frame = pandas.DataFrame([asdict(result) for result in self.results], columns=columns)
        return frame.astype({"rows": "Int64", "failures": "Int64"})


def read_result(result: Any, manifest: Any) -> NodeResult:
    """Return dbt's own result of a node as ours; what it reads is in dbt's manifest."""
    node = result.node
    status = _STATUS.get(str(result.status), str(result.status))
    is_model = node.resource_type == "model"
    model = (
        node.name
        if is_model
        else (node.attached_node or next(iter(node.depends_on.nodes), "")).split(".")[-1]
    )
    return NodeResult(
        name=node.name,
        resource_type="model" if is_model else "test",
        table=MODELS[model].full_name if model in MODELS else model,
        status=status,  # type: ignore[arg-type]
        seconds=float(result.execution_time),
        failures=None if is_model or result.failures is None else int(result.failures),
        message="" if status == "pass" else one_line(result.message or "", 300),
        reads=tuple(sorted(_tables(node.depends_on.nodes, manifest))),
    )


def _tables(nodes: Sequence[str], manifest: Any) -> set[str]:
    """Return the tables that nodes stand for: themselves, or what those read that are only parts of statements."""
    found: set[str] = set()
    for name in nodes:
        if source := manifest.sources.get(name):
            found.add(f"{source.schema}.{source.identifier}")
        elif (node := manifest.nodes[name]).name in MODELS:
            found.add(MODELS[node.name].full_name)
        else:
            found |= _tables(node.depends_on.nodes, manifest)
    return found


def in_order(results: Sequence[NodeResult], rows: Mapping[str, int]) -> tuple[NodeResult, ...]:
    """Return the results by kind, table and name, for dbt's order is that of its threads, each model's with its rows."""
    ordered = sorted(results, key=lambda result: (result.resource_type, result.table, result.name))
    return tuple(replace(each, rows=rows[each.table]) if each.filled else each for each in ordered)


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
