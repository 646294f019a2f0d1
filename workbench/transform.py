"""Run dbt in this process and hand back what it did as data."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError, WorkFailed
from workbench.schema import TABLES, Dialect, sql_type
from workbench.settings import Settings, get_settings
from workbench.warehouse import connect

if TYPE_CHECKING:
    import pandas

TAGS = ("customers", "products", "transactions", "marts")
_GOOD = {"success", "pass", "warn"}


@dataclass(frozen=True)
class NodeResult:
    """What became of one model or test. ``failures`` counts the rows that broke a test."""

    name: str
    resource_type: str
    table: str | None
    status: str
    seconds: float
    failures: int | None
    message: str


@dataclass(frozen=True)
class TransformResult:
    """What one ``dbt build`` did, in order of execution."""

    results: tuple[NodeResult, ...]
    seconds: float

    @property
    def models(self) -> tuple[NodeResult, ...]:
        """The models among the results."""
        return tuple(result for result in self.results if result.resource_type == "model")

    @property
    def tests(self) -> tuple[NodeResult, ...]:
        """The tests among the results."""
        return tuple(result for result in self.results if result.resource_type == "test")

    def frame(self) -> pandas.DataFrame:
        """One row a model or test, for display."""
        import pandas

        columns = ["name", "resource_type", "status", "seconds", "failures", "message"]
        rows = [{name: getattr(result, name) for name in columns} for result in self.results]
        return pandas.DataFrame(rows, columns=columns).round({"seconds": 2})


def build(*tags: str) -> TransformResult:
    """Build and test the models of these tags (of all, without tags) in the settings' warehouse.

    The warehouse must exist. No connection to it stays open.

    Raises:
        UsageError: an unknown tag.
        WorkFailed: a model or test failed; the message names each.
    """
    for tag in tags:
        if tag not in TAGS:
            raise UsageError(f"no models are tagged {tag!r}; tags: {', '.join(TAGS)}")
    settings = get_settings()
    warehouse = connect(settings.warehouse)
    # Waits for the file while another process holds it, and says who does.
    warehouse.query("SELECT 1 AS ready")
    started = time.monotonic()
    with _environment(settings):
        outcome = _invoke(_arguments("build", settings, tags))
    seconds = time.monotonic() - started
    if outcome.exception is not None:
        raise WorkFailed(f"dbt: {_line(str(outcome.exception))}")
    result = TransformResult(tuple(_node(item) for item in outcome.result.results), seconds)
    failed = [node for node in result.results if node.status not in _GOOD and node.status != "skipped"]
    if failed:
        raise WorkFailed("dbt: " + "; ".join(f"{node.name} {node.status}: {node.message}" for node in failed))
    return result


def columns(dialect: Dialect = "duckdb") -> dict[str, dict[str, str]]:
    """Return the declared columns of core and marts, table to name to type: what the models cast to."""
    return {
        table.full_name: {column.name: sql_type(column, dialect) for column in table.columns}
        for table in TABLES.values()
        if table.schema in ("core", "marts")
    }


def _arguments(
    command: str, settings: Settings, tags: tuple[str, ...], target: Dialect = "duckdb"
) -> list[str]:
    project = str(settings.root / "dbt")
    variables = {"columns": columns(target), "reporting_currency": settings.reporting_currency}
    state = settings.home / "dbt"
    return [
        "--quiet",
        "--no-use-colors",
        "--no-version-check",
        "--log-level-file=none",
        command,
        f"--project-dir={project}",
        f"--profiles-dir={project}",
        f"--target={target}",
        f"--target-path={state / target}",
        f"--log-path={state / 'logs'}",
        f"--vars={json.dumps(variables)}",
        *(["--select", *(f"tag:{tag}" for tag in tags)] if tags else []),
    ]


def _invoke(arguments: list[str]) -> Any:
    from dbt.cli.main import dbtRunner

    try:
        return dbtRunner().invoke(arguments)
    finally:
        _close()


def _close() -> None:
    """Close the connection that dbt-duckdb keeps for the life of the process: it would lock the file."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    DuckDBConnectionManager.close_all_connections()


@contextmanager
def _environment(settings: Settings) -> Iterator[None]:
    path = settings.warehouse.removeprefix("duckdb:///")
    before = os.environ.get("WORKBENCH_DBT_DUCKDB")
    os.environ["WORKBENCH_DBT_DUCKDB"] = path
    os.environ.setdefault("DO_NOT_TRACK", "1")
    try:
        yield
    finally:
        if before is None:
            del os.environ["WORKBENCH_DBT_DUCKDB"]
        else:
            os.environ["WORKBENCH_DBT_DUCKDB"] = before


def _node(item: Any) -> NodeResult:
    node = item.node
    kind = str(getattr(node.resource_type, "value", node.resource_type))
    return NodeResult(
        name=node.name,
        resource_type=kind,
        table=f"{node.schema}.{node.name}" if kind == "model" else None,
        status=str(getattr(item.status, "value", item.status)),
        seconds=float(item.execution_time or 0.0),
        failures=item.failures,
        message=_line(item.message or ""),
    )


def _line(text: str) -> str:
    return " ".join(text.split())[:500]
