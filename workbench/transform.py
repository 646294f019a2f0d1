"""Runs the dbt project in this process and hands back what it did."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import UsageError, WorkFailed, unknown
from workbench.schema import TABLES, Table, create_table, sql_type
from workbench.settings import Settings, get_settings
from workbench.warehouse import connect
from workbench.warehouse.duckdb import DuckDBWarehouse

if TYPE_CHECKING:
    import duckdb
    import pandas

TAGS = ("customers", "products", "transactions", "marts")
"""Parts of the project that can be built alone, in the order in which they depend on one another."""

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

    ``table`` is the full name of the table that was filled or tested. ``rows`` is the number of rows a model's
    table has now, ``failures`` the number of rows that broke a test.
    """

    name: str
    resource_type: Literal["model", "test"]
    table: str
    status: Status
    seconds: float
    rows: int | None = None
    failures: int | None = None
    message: str = ""


@dataclass(frozen=True)
class TransformResult:
    """What one build did; ``seconds`` is its wall time, reading the project included."""

    results: tuple[NodeResult, ...]
    seconds: float

    @property
    def models(self) -> tuple[NodeResult, ...]:
        """The tables that were filled."""
        return tuple(result for result in self.results if result.resource_type == "model")

    @property
    def tests(self) -> tuple[NodeResult, ...]:
        """The checks that were made."""
        return tuple(result for result in self.results if result.resource_type == "test")

    def frame(self) -> pandas.DataFrame:
        """Return one row a node, for display."""
        import pandas

        columns = list(NodeResult.__dataclass_fields__)
        frame = pandas.DataFrame([asdict(result) for result in self.results], columns=columns)
        return frame.astype({"rows": "Int64", "failures": "Int64"})


def build(*tags: str, full_refresh: bool = False) -> TransformResult:
    """Fill the tables of these parts of the project, or of all, and test them.

    Nothing is written beside the warehouse but ``home/dbt``. A table of core or marts that no longer has its
    declared shape is made anew first, with ``full_refresh`` every one. No connection stays open.

    Raises:
        UsageError: there is no such tag, no warehouse, or the warehouse is no DuckDB file.
        WorkFailed: a model or a test failed, the project can't be read, or another process holds the warehouse.
    """
    for tag in tags:
        if tag not in TAGS:
            raise unknown("tag", tag, TAGS)
    settings = get_settings()
    warehouse = connect()
    if not isinstance(warehouse, DuckDBWarehouse):
        raise UsageError(f"can't build in {warehouse.url}: only the embedded warehouse is built in process")
    started = time.monotonic()
    # dbt opens the file a second time in this process and so shares this connection's lock: the waiting and the
    # message about who holds the file are the warehouse's, and nobody can slip in between.
    with warehouse.connection() as connection:
        _shape(connection, anew=full_refresh)
        nodes = _invoke(settings, warehouse.path, tags)
        results = tuple(_result(node, connection) for node in nodes)
    _raise_for(results)
    # dbt's order is that of its threads.
    ordered = sorted(results, key=lambda result: (result.resource_type, result.table, result.name))
    return TransformResult(tuple(ordered), time.monotonic() - started)


def _shape(connection: duckdb.DuckDBPyConnection, *, anew: bool) -> None:
    """Make the tables that dbt fills where they are missing or not as declared."""
    present: dict[str, list[tuple[str, str, bool]]] = {}
    for name, column, kind, nullable in connection.execute(
        "SELECT schema_name || '.' || table_name, column_name, data_type, is_nullable FROM duckdb_columns() "
        "WHERE schema_name IN ('core', 'marts') ORDER BY schema_name, table_name, column_index"
    ).fetchall():
        present.setdefault(name, []).append((column, kind, nullable))
    for table in MODELS.values():
        wanted = [(column.name, sql_type(column), column.nullable) for column in table.columns]
        if anew or present.get(table.full_name) != wanted:
            connection.begin()
            connection.execute(f"DROP TABLE IF EXISTS {table.full_name}")
            for statement in create_table(table):
                connection.execute(statement)
            connection.commit()


def _invoke(settings: Settings, path: Path, tags: Sequence[str]) -> list[Any]:
    """Run ``dbt build`` and return dbt's own results, one a node."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    project = settings.root / "dbt"
    if not (project / "dbt_project.yml").is_file():
        raise UsageError(f"no dbt project at {project}; WORKBENCH_PROJECT names the folder that holds dbt/")
    state = settings.home / "dbt"
    arguments = [
        "--quiet", "--log-level", "none", "--log-level-file", "warn", "--log-path", str(state / "logs"),
        "--no-use-colors", "--no-send-anonymous-usage-stats", "--no-version-check", "--no-write-json",
        "--partial-parse", "--cache-selected-only",
        "build", "--project-dir", str(project), "--profiles-dir", str(project), "--target", "duckdb",
        "--target-path", str(state / "target"), "--indirect-selection", "buildable",
        *(part for tag in tags for part in ("--select", f"tag:{tag}")),
    ]  # fmt: skip
    variables = {
        "WORKBENCH_DUCKDB_PATH": str(path),
        "WORKBENCH_REPORTING_CURRENCY": settings.reporting_currency,
    }
    with _environment(variables):
        try:
            outcome = dbtRunner().invoke(arguments)
        finally:
            # dbt-duckdb keeps the database open in the class, beyond the invocation.
            environment, DuckDBConnectionManager._ENV = DuckDBConnectionManager._ENV, None
            if environment is not None:
                environment.close()
    if outcome.exception is not None:
        raise WorkFailed(f"dbt can't read its project: {_one_line(str(outcome.exception))}")
    return list(getattr(outcome.result, "results", ()))


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _result(result: Any, connection: duckdb.DuckDBPyConnection) -> NodeResult:
    node = result.node
    status = _STATUS.get(str(result.status), str(result.status))
    is_model = node.resource_type == "model"
    model = (
        node.name
        if is_model
        else (node.attached_node or next(iter(node.depends_on.nodes), "")).split(".")[-1]
    )
    table = MODELS[model].full_name if model in MODELS else model
    rows = None
    if is_model and status == "pass":
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        rows = int(row[0]) if row else None
    return NodeResult(
        name=node.name,
        resource_type="model" if is_model else "test",
        table=table,
        status=status,  # type: ignore[arg-type]
        seconds=float(result.execution_time),
        rows=rows,
        failures=None if is_model or result.failures is None else int(result.failures),
        message="" if status == "pass" else _one_line(result.message or ""),
    )


def _raise_for(results: Sequence[NodeResult]) -> None:
    broken = [result for result in results if result.status in ("fail", "error")]
    if not broken:
        return
    said = "; ".join(f"{result.resource_type} {result.name}: {result.message}" for result in broken[:5])
    more = f"; and {len(broken) - 5} more" if len(broken) > 5 else ""
    skipped = sum(result.status == "skipped" for result in results)
    after = f" ({skipped} not run after that)" if skipped else ""
    raise WorkFailed(f"dbt: {len(broken)} of {len(results)} failed: {said}{more}{after}")


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()[:300]
