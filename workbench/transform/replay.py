"""What dbt compiled, executed again as long as it would compile the same: a small build is then a tenth of the work.

dbt reads its project, renders it and tells of every step anew for each build, which takes longer than the statements do
where tables are small. So a build that went well leaves its statements in ``home/dbt``. They are taken again while the
project, the settings it reads, the declared tables and the packages are as they were. Only what goes well is done so:
where a statement fails or a test finds something, dbt itself is called, and what it says counts.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import version
from typing import Any, Literal

import duckdb

from workbench.files import write_text
from workbench.schema import TABLES, quote
from workbench.settings import Settings
from workbench.transform.results import MODELS, NodeResult
from workbench.warehouse import Warehouse
from workbench.warehouse.access import infrastructure

_PACKAGES = ("dbt-core", "dbt-duckdb", "duckdb")
_NOT_SOURCES = {"target", "logs"}
_EXPRESSIONS = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
# What makes a project compile to another statement without a change of its files.
_VARYING = re.compile(
    r"\b(run_query|run_started_at|invocation_id|execute|graph|modules|flags|selected_resources|var)\b"
    r"|env_var\((?!'WORKBENCH_REPORTING_CURRENCY')|call statement"
)
# Neither is part of a statement.
_PROFILES, _MATERIALIZATION = "profiles.yml", "{% materialization"
_TEST = {
    "fail_calc": "count(*)",
    "warn_if": "!= 0",
    "error_if": "!= 0",
    "limit": None,
    "store_failures": None,
}
_MEMORY = re.compile(r"memory_limit: *(\w+)")


@dataclass(frozen=True)
class Step:
    """A model or a test, in an order that dbt took, the statement that it is, and the tables that this reads."""

    name: str
    resource_type: Literal["model", "test"]
    table: str
    sql: str
    reads: Sequence[str]


class Replay:
    """The statements of a build on the embedded warehouse, if they are known and still those that dbt would make.

    Args:
        settings: where the project and the place for statements are.
        warehouse: which is built; an embedded one, so that its scratch is itself.
        tags: the parts of the project that are built.
    """

    def __init__(self, settings: Settings, warehouse: Warehouse, tags: Sequence[str]) -> None:
        self._warehouse = warehouse
        self._project = settings.root / "dbt"
        self._path = settings.home / "dbt" / "target" / "replay" / f"{'-'.join(tags) or 'all'}.json"
        self._sources = {
            path.relative_to(self._project).as_posix(): path.read_text(encoding="utf-8", errors="replace")
            for path in sorted(self._project.rglob("*"))
            if path.is_file() and not _NOT_SOURCES & set(path.relative_to(self._project).parts)
        }
        parts = [
            warehouse.database,
            settings.reporting_currency,
            [(table.full_name, table.column_names) for table in TABLES.values()],
            [version(name) for name in _PACKAGES],
            self._sources,
        ]
        self._key = sha256(json.dumps(parts).encode()).hexdigest()

    @infrastructure()
    def execute(self) -> list[NodeResult] | None:
        """Execute the statements; None if there are none, or dbt should have a look."""
        steps = self._read()
        if steps is None:
            return None
        results = []
        with self._warehouse.scratch() as connection:
            self._warehouse.remake([table.full_name for table in MODELS.values()])
            if limit := _MEMORY.search(self._sources.get(_PROFILES, "")):
                connection.execute(f"SET memory_limit = '{limit[1]}'")
            for step in steps:
                started = time.monotonic()
                try:
                    if not _take(connection, step):
                        return None
                except duckdb.Error:
                    return None
                results.append(
                    NodeResult(
                        name=step.name,
                        resource_type=step.resource_type,
                        table=step.table,
                        status="pass",
                        seconds=time.monotonic() - started,
                        failures=0 if step.resource_type == "test" else None,
                        reads=tuple(step.reads),
                    )
                )
        return results

    def _read(self) -> list[Step] | None:
        try:
            known = json.loads(self._path.read_text())
            return [Step(**step) for step in known["steps"]] if known["key"] == self._key else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, nodes: Sequence[Any], results: Sequence[NodeResult]) -> None:
        """Keep the statements of a build that dbt has done, if all went well and they would be the same again.

        Args:
            nodes: dbt's own results.
            results: the same as ours.
        """
        self._path.unlink(missing_ok=True)
        well = all(result.status == "pass" for result in results)
        varies = any(name != _PROFILES and _varies(source) for name, source in self._sources.items())
        if not well or varies or not all(map(_is_plain, nodes)):
            return
        steps = [
            Step(result.name, result.resource_type, result.table, node.node.compiled_code, result.reads)
            for node, result in zip(nodes, results, strict=True)
        ]
        write_text(self._path, json.dumps({"key": self._key, "steps": [asdict(step) for step in steps]}))


def _is_plain(result: Any) -> bool:
    """Return whether a node is a statement and nothing else: no hooks, no thresholds, no rows kept."""
    node = result.node
    config = node.config
    if not getattr(node, "compiled_code", None):
        return False
    if node.resource_type == "model":
        return bool(config.materialized == "declared" and not config.pre_hook and not config.post_hook)
    return node.resource_type == "test" and all(config.get(name) == value for name, value in _TEST.items())


def _varies(source: str) -> bool:
    return _MATERIALIZATION not in source and any(map(_VARYING.search, _EXPRESSIONS.findall(source)))


def _take(connection: duckdb.DuckDBPyConnection, step: Step) -> bool:
    """Fill a table in a transaction of its own, as the materialization does, or return whether a test found nothing."""
    if step.resource_type == "test":
        return connection.execute(f"SELECT count(*) FROM ({step.sql}) AS found").fetchone() == (0,)
    table = MODELS[step.table.partition(".")[2]]
    columns = ", ".join(map(quote, table.column_names))
    connection.begin()
    try:
        connection.execute(f"DELETE FROM {table.full_name}")
        connection.execute(f"INSERT INTO {table.full_name} ({columns}) {step.sql}")
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
    return True
