"""What dbt makes of the project: a statement for each model and test, kept as long as dbt would make the same.

To read and render the project takes dbt longer than small tables take to fill. So its statements are left in the
project, in ``dbt/target/statements``, and taken again, for whatever home or warehouse, while the project, the settings it
reads, the declared tables and the packages are as they were. Where the project can't be written to, they are left in
``home/dbt``. dbt compiles; :mod:`workbench.transform.executor` executes.
"""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from graphlib import TopologicalSorter
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from workbench.errors import UsageError, WorkFailed, one_line
from workbench.files import write_newest
from workbench.libraries.seldom import seldom
from workbench.libraries.slim_imports import import_dbt
from workbench.schema import TABLES
from workbench.settings import Settings
from workbench.transform.nodes import Node, Touches
from workbench.transform.results import MODELS
from workbench.warehouse import Warehouse
from workbench.warehouse.access import infrastructure
from workbench.warehouse.dbt import environment

# The adapter of the other engine need not be installed.
_PACKAGES = ("dbt-core", "dbt-{dialect}", "duckdb")
_NOT_SOURCES = {"target", "logs"}
_EXPRESSIONS = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
# What makes a project compile to another statement without a change of its files.
_VARYING = re.compile(
    r"\b(run_query|run_started_at|invocation_id|execute|graph|modules|flags|selected_resources|var)\b"
    r"|env_var\((?!'WORKBENCH_(REPORTING_CURRENCY|FISCAL_CALENDAR|READING_INTERVALS|SESSION_GAP|RETURN_WINDOW)')|call statement"
)
# Neither is part of a statement.
_NO_STATEMENTS, _MATERIALIZATION = {"profiles.yml", "dbt_project.yml"}, "{% materialization"
_MEMORY = re.compile(r"memory_limit: *(\w+)")
_KEPT = 16
"""Projects, or states of one, whose statements a folder keeps, the newest."""


class Project:
    """The dbt project as it is now, for a warehouse.

    Raises:
        UsageError: there is no project.
    """

    def __init__(self, settings: Settings, warehouse: Warehouse) -> None:
        self._settings, self._warehouse = settings, warehouse
        self._variables = {
            "WORKBENCH_REPORTING_CURRENCY": settings.reporting_currency,
            "WORKBENCH_FISCAL_CALENDAR": settings.fiscal_calendar,
            "WORKBENCH_READING_INTERVALS": settings.reading_intervals,
            "WORKBENCH_SESSION_GAP": str(settings.session_gap),
            "WORKBENCH_RETURN_WINDOW": str(settings.return_window),
        }
        self.folder = settings.root / "dbt"
        if not (self.folder / "dbt_project.yml").is_file():
            raise UsageError(
                f"no dbt project at {self.folder}; WORKBENCH_PROJECT names the folder that holds dbt/"
            )
        self._sources = {
            path.relative_to(self.folder).as_posix(): path.read_text(encoding="utf-8", errors="replace")
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and not _NOT_SOURCES & set(path.relative_to(self.folder).parts)
        }
        parts = [
            warehouse.dialect,
            self._variables,
            [(table.full_name, table.column_names) for table in TABLES.values()],
            [version(name.format(dialect=warehouse.dialect)) for name in _PACKAGES],
            self._sources,
        ]
        key = sha256(json.dumps(parts).encode()).hexdigest()
        self._paths = [
            folder / "statements" / f"{warehouse.dialect}-{key}.json"
            for folder in (self.folder / "target", settings.home / "dbt")
        ]

    @property
    def memory_limit(self) -> str:
        """How much memory the profile lets an embedded engine take; empty if it doesn't say."""
        found = _MEMORY.search(self._sources.get("profiles.yml", ""))
        return found[1] if found else ""

    def statements(self) -> tuple[list[Node], bool]:
        """Return the nodes, each after those that it reads, and whether they were known.

        Raises:
            WorkFailed: dbt can't make statements of the project.
        """
        for path in self._paths:
            if (known := _read(path)) is not None:
                return known, True
        varies = any(name not in _NO_STATEMENTS and _varies(source) for name, source in self._sources.items())
        nodes = self._compile(introspect=varies)
        if not varies:
            self._keep(nodes)
        return nodes, False

    def _keep(self, nodes: Sequence[Node]) -> None:
        content = json.dumps([asdict(node) for node in nodes])
        for path in self._paths:
            with suppress(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
                write_newest(path, content, _KEPT)
                return

    @seldom
    @infrastructure()
    def _compile(self, *, introspect: bool) -> list[Node]:
        import_dbt()
        from dbt.adapters.factory import get_adapter_by_type
        from dbt.cli.main import dbtRunner

        from workbench.transform.quiet import only_warnings

        state = self._settings.home / "dbt"
        with (
            environment(self._variables),
            self._warehouse.dbt_target() as target,
            only_warnings(),
            _uncollected(),
        ):
            arguments = [
                "--quiet", "--log-level", "none", "--log-level-file", "warn", "--log-path", str(state / "logs"),
                "--no-use-colors", "--no-send-anonymous-usage-stats", "--no-version-check", "--no-write-json",
                "--partial-parse", "--no-populate-cache",
                "compile", "--introspect" if introspect else "--no-introspect", "--project-dir", str(self.folder), "--profiles-dir", str(self.folder),
                "--target", target.name, "--target-path", str(state / target.folder),
            ]  # fmt: skip
            outcome = dbtRunner().invoke(arguments)
            if outcome.exception is not None:
                raise WorkFailed(f"dbt can't read its project: {one_line(str(outcome.exception), 300)}")
            # It is no part of the outcome.
            manifest = get_adapter_by_type(target.name).get_macro_resolver()
            results = list(getattr(outcome.result, "results", ()))
        for result in results:
            if str(result.status) != "success":
                raise WorkFailed(
                    f"dbt can't compile {result.node.resource_type} {result.node.name}: "
                    f"{one_line(result.message or '', 300)}"
                )
        nodes = [_node(result.node, manifest) for result in results]
        return [_anywhere(node, self._warehouse.database) for node in _in_order(nodes)]


def _read(path: Path) -> list[Node] | None:
    try:
        known = json.loads(path.read_text())
        nodes = [Node(**{**node, "touches": [Touches(**each) for each in node["touches"]]}) for node in known]
        return nodes or None
    except (OSError, ValueError, TypeError):
        return None


def _anywhere(node: Node, database: str) -> Node:
    """Return a node whose statement names no database, so that it is as good for any."""
    prefix = re.compile(rf'(?<![\w".])"{re.escape(database)}"\.(?="\w+"\.")')
    return replace(node, sql=prefix.sub("", node.sql), relation=prefix.sub("", node.relation))


def _node(node: Any, manifest: Any) -> Node:
    model = node.name
    if node.resource_type == "test":
        model = (node.attached_node or next(iter(node.depends_on.nodes), "")).split(".")[-1]
    elif node.config.get("pre_hook") or node.config.get("post_hook"):
        raise WorkFailed(f"model {node.name} has hooks, and those aren't run; write a model instead")
    meta = node.config.get("meta") or {}
    check = {}
    if node.resource_type == "test":
        check = {
            "fail_calc": node.config.fail_calc, "warn_if": node.config.warn_if, "error_if": node.config.error_if,
            "severity": str(node.config.severity).lower(), "limit": str(node.config.limit or ""),
        }  # fmt: skip
    return Node(
        name=node.name,
        kind="test" if node.resource_type == "test" else "model" if node.name in MODELS else "step",
        table=MODELS[model].full_name if model in MODELS else model,
        sql=node.compiled_code,
        reads=sorted(_tables(node.depends_on.nodes, manifest)),
        relation=getattr(node, "relation_name", "") or "",
        tags=list(node.tags),
        parents=[name.split(".")[-1] for name in node.depends_on.nodes if name.startswith("model.")],
        by=meta.get("by", ()),
        touches=[Touches(**each) for each in meta.get("touches", ())],
        withdrawn=meta.get("withdrawn", ""),
        at=meta.get("at", ""),
        check=check,
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


def _in_order(nodes: Sequence[Node]) -> list[Node]:
    """Return models and what they need, each after what it reads, then the tests."""
    models = {node.name: node for node in nodes if node.kind != "test"}
    graph = {name: sorted(_above(node, nodes) & set(models)) for name, node in sorted(models.items())}
    tests = sorted((node for node in nodes if node.kind == "test"), key=lambda node: (node.table, node.name))
    return [models[name] for name in TopologicalSorter(graph).static_order()] + tests


def _above(node: Node, nodes: Sequence[Node]) -> set[str]:
    tables = {table.full_name: name for name, table in MODELS.items()}
    return {tables[name] for name in node.reads if name in tables and tables[name] != node.name} | set(
        node.parents
    )


def _varies(source: str) -> bool:
    return _MATERIALIZATION not in source and any(map(_VARYING.search, _EXPRESSIONS.findall(source)))


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
