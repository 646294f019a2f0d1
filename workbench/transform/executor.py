"""Execute what dbt compiled: each model takes in what is new, all in one transaction, tests included.

A model that declares by which columns its rows are replaced (``by``) works out the members, days, ... that something
touched, and nothing else. What it works out is compared with what its table has, and only differences are written and
told to the models that read it. A model that was never built, whose statement has changed, or whose table was emptied
is built whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Literal

import duckdb

from workbench.errors import UsageError, WorkFailed, one_line
from workbench.governance.ledger import after
from workbench.schema import DATASETS, Table, quote
from workbench.transform.compiled import Node, Touches, fingerprint
from workbench.transform.days import Days, members_of
from workbench.transform.differences import changed_members, replaced_rows, same_key
from workbench.transform.judging import judge
from workbench.transform.results import MODELS, Changes, NodeResult
from workbench.warehouse import Session

START = datetime(1, 1, 1)
_LITERAL = re.compile(r"/\*(seen|until) (\w+)\*/.*?/\*\*/", re.DOTALL)
_LATER = re.compile(r"/\*later\*/.*?/\*end later\*/", re.DOTALL)


@dataclass
class _Fill:
    """One model's build.

    ``why`` says why it is whole, and is empty where it isn't; ``was_lost`` that its table had been emptied by others, so
    that nobody knows what it told them; ``is_moved`` that a table it reads told it of something.
    """

    node: Node
    table: Table
    why: str
    was_lost: bool
    is_moved: bool
    changes: Changes = field(default_factory=Changes)


class Build:
    """One transaction's work.

    Args:
        session: of the transaction.
        nodes: all of the project, in order.
        run_id: that the account names.
        analyze: whether the engine must be told to look how many rows a table has.
    """

    def __init__(self, session: Session, nodes: Sequence[Node], run_id: str, *, analyze: bool) -> None:
        self._session, self._run_id, self._must_analyze = session, run_id, analyze
        self._nodes = {node.name: node for node in nodes}
        marks = session.execute("SELECT model, seen_until, fingerprint FROM ops.watermarks").fetchall()
        self._seen: dict[str, datetime] = {model: seen for model, seen, _ in marks}
        self._fingerprints: dict[str, str] = {model: mark for model, _, mark in marks}
        latest = " UNION ALL ".join(
            f"SELECT max(_ingested_at) AS t FROM {t.full_name}" for t in DATASETS.values()
        )
        ((newest,),) = session.execute(f"SELECT max(t) FROM ({latest}) AS landed").fetchall()
        self._horizon: datetime = newest or START
        ((last,),) = session.execute("SELECT max(built_at) FROM ops.builds").fetchall()
        # Builds take turns; their times tell in which order, whatever the clocks of their machines do.
        self._now = after(last)
        self._fills: dict[str, _Fill] = {}
        self._asked: dict[str, str] = {}

    def execute(self, nodes: Sequence[Node], *, full: bool, days: Days | None = None) -> list[NodeResult]:
        """Fill the models, then make the tests; return a result for each.

        With ``days`` facts and marts of these are worked out, too, whatever is new.
        """
        results = []
        names = {node.name for node in nodes}
        for touches, members in members_of(days, list(self._nodes.values()), names) if days else ():
            self._touch(touches, members)
            self._asked |= dict.fromkeys(touches.models, f"{days} asked for")
        for node in nodes:
            if node.kind == "model":
                started = monotonic()
                for dimension in self._dimensions(node):
                    if dimension not in names | self._fills.keys():
                        # A stage is skipped that has nothing to do for new lines, but facts wait for its dimension.
                        with _named(self._nodes[dimension]):
                            self._fill(self._nodes[dimension], False)
                with _named(node):
                    fill = self._fill(node, full)
                results.append(self._result(node, monotonic() - started, changes=fill.changes))
        for node in nodes:
            if node.kind == "test":
                started = monotonic()
                with _named(node):
                    status, failures = judge(self._session, node, self._looked_at(node))
                results.append(self._result(node, monotonic() - started, status=status, failures=failures))
        for fill in self._fills.values():
            for part in ("delta", "old", "gone", "fresh"):
                self._session.execute(f"DROP TABLE IF EXISTS {part}_{fill.node.name}")
        return results

    @staticmethod
    def _result(
        node: Node, seconds: float, *, changes: Changes | None = None,
        status: Literal["pass", "warn", "fail"] = "pass", failures: int | None = None,
    ) -> NodeResult:  # fmt: skip
        found = f"Got {failures} result{'' if failures == 1 else 's'}, configured to {status} if {node.check.get('error_if', '')}"
        return NodeResult(
            name=node.name,
            resource_type="test" if node.kind == "test" else "model",
            table=node.table,
            status=status,
            seconds=seconds,
            failures=failures,
            message="" if status == "pass" else found,
            reads=tuple(node.reads),
            changes=changes,
        )

    def _fill(self, node: Node, full: bool) -> _Fill:
        table = MODELS[node.name]
        above = self._above(node)
        mark = fingerprint([node, *above], table)
        is_empty = not self._session.execute(f"SELECT 1 FROM {table.full_name} LIMIT 1").fetchall()
        was_built = node.name in self._seen
        why = (
            "asked for" if full
            else "it was never built" if not was_built
            else "what it is worked out by has changed" if self._fingerprints[node.name] != mark
            else "its table is empty" if is_empty
            else ""
        )  # fmt: skip
        told = "SELECT 1 FROM staging.touched WHERE model = ? LIMIT 1"
        fill = _Fill(
            node, table, why, was_lost=bool(why) and was_built and is_empty,
            is_moved=bool(self._session.execute(told, [node.name]).fetchall()),
        )  # fmt: skip
        self._fills[node.name] = fill
        if self._has_nothing_to_do(fill, above):
            ((now,),) = self._session.execute(f"SELECT count(*) FROM {table.full_name}").fetchall()
            fill.changes = Changes(now=int(now))
            self._mark(node, mark)
            return fill
        before = self._clear(fill) if why else 0
        for each in above:
            self._session.execute(f"DROP TABLE IF EXISTS {each.name}")
            self._session.execute(
                f"CREATE TEMP TABLE {each.name} AS {self._sql(each, node, whole=bool(why))}"
            )
            self._analyze([each.name])
        if why and node.withdrawn:
            self._insert_whole(fill, before)
        else:
            self._insert_differences(fill)
        for each in above:
            self._session.execute(f"DROP TABLE {each.name}")
        self._session.execute("DELETE FROM staging.touched WHERE model = ?", [node.name])
        self._mark(node, mark)
        self._account(fill)
        return fill

    @staticmethod
    def _has_nothing_to_do(fill: _Fill, above: Sequence[Node]) -> bool:
        """Return whether nobody told a model of anything that works out nothing else: it takes no news from raw itself."""
        reads = {name for each in (fill.node, *above) for name in each.reads}
        takes_news = any(name.startswith("raw.") for name in reads)
        return bool(fill.node.by) and not fill.why and not fill.is_moved and not takes_news

    def _clear(self, fill: _Fill) -> int:
        """Empty a table that is to be built whole; what it had, or what that touched, is kept until the end."""
        node, name = fill.node, fill.table.full_name
        ((before,),) = self._session.execute(f"SELECT count(*) FROM {name}").fetchall()
        self._seen[node.name] = START
        self._session.execute("DELETE FROM ops.watermarks WHERE model = ?", [node.name])
        if node.withdrawn:
            for touches in node.touches:
                self._touch(touches, f"SELECT {touches.member} AS member FROM {name}")
        else:
            self._session.execute(f"CREATE TEMP TABLE old_{node.name} AS SELECT * FROM {name}")
        if before:
            self._session.execute(f"DELETE FROM {name}")
        return int(before)

    def _insert_whole(self, fill: _Fill, before: int) -> None:
        """Fill an empty fact without a copy of it beside."""
        node, name = fill.node, fill.table.full_name
        columns = ", ".join(map(quote, fill.table.column_names))
        self._analyze(node.reads)
        sql = self._sql(node, node, whole=True)
        self._session.execute(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM (\n{sql}\n) AS model")
        ((now,),) = self._session.execute(f"SELECT count(*) FROM {name}").fetchall()
        for touches in node.touches:
            self._touch(touches, f"SELECT {touches.member} AS member FROM {name}")
        fill.changes = Changes(int(now), int(now), 0, 0, before, int(now), fill.why)

    def _insert_differences(self, fill: _Fill) -> None:
        """Work the touched rows out, and write those that differ from what is there."""
        node, table, execute = fill.node, fill.table, self._session.execute
        name, columns = table.full_name, ", ".join(map(quote, table.column_names))
        delta, old, gone, fresh = (f"{part}_{node.name}" for part in ("delta", "old", "gone", "fresh"))
        execute(f"CREATE TEMP TABLE {delta} AS SELECT {columns} FROM {name} WHERE 1 = 0")
        execute(
            f"INSERT INTO {delta} ({columns}) SELECT {columns} FROM (\n{self._sql(node, node)}\n) AS model"
        )
        if not fill.why:
            execute(f"CREATE TEMP TABLE {old} AS {replaced_rows(node, table)}")
        execute(
            f"CREATE TEMP TABLE {gone} AS SELECT {columns} FROM {old} EXCEPT SELECT {columns} FROM {delta}"
        )
        execute(
            f"CREATE TEMP TABLE {fresh} AS SELECT {columns} FROM {delta} EXCEPT SELECT {columns} FROM {old}"
        )
        same = same_key(table, "g", "f")
        counts = execute(
            f"SELECT (SELECT count(*) FROM {delta}), (SELECT count(*) FROM {fresh}), (SELECT count(*) FROM {gone}), "
            f"(SELECT count(*) FROM {gone} AS g INNER JOIN {fresh} AS f ON {same})"
        ).fetchone()
        offered, new, lost, updated = map(int, counts or (0, 0, 0, 0))
        if fill.why:
            execute(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {delta}")
        else:
            if lost:
                execute(f"DELETE FROM {name} USING {gone} AS g WHERE {same_key(table, 'g', name)}")
            if new:
                execute(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {fresh}")
        if new or lost or fill.was_lost:
            for touches in node.touches:
                self._touch(
                    touches,
                    changed_members(touches, old, gone, fresh if not fill.was_lost else delta, fill.was_lost),
                )
        ((now,),) = execute(f"SELECT count(*) FROM {name}").fetchall()
        fill.changes = Changes(
            offered, new - updated, updated, offered - new, lost - updated, int(now), fill.why
        )

    def _touch(self, touches: Touches, members: str) -> None:
        """Tell other models which members have changed: ``members`` is a query of one column."""
        # One that was never built takes everything when it is.
        told = [name for name in touches.models if name in self._seen]
        if not told:
            return
        models = " UNION ALL ".join(f"SELECT '{name}' AS model" for name in told)
        self._session.execute(
            "INSERT INTO staging.touched (model, kind, member) "
            f"SELECT models.model, '{touches.kind}', changed.member FROM "
            f"(SELECT DISTINCT CAST(member AS VARCHAR(128)) AS member FROM ({members}) AS m WHERE member IS NOT NULL) "
            f"AS changed CROSS JOIN ({models}) AS models"
        )

    def _analyze(self, tables: Iterable[str]) -> None:
        """Let a cluster know how many rows tables have, which nobody told it in this transaction."""
        if self._must_analyze:
            for name in tables:
                self._session.execute(f"ANALYZE {name}")

    def _sql(self, node: Node, model: Node, *, whole: bool = False) -> str:
        """Return a statement with the times put in, and with the temporary tables of the steps before the model."""

        def literal(found: re.Match[str]) -> str:
            moment = (
                self._seen.get(found[2], START) if found[1] == "seen" else self._until(self._nodes[found[2]])
            )
            return f"timestamp '{moment:%Y-%m-%d %H:%M:%S.%f}'".replace("'1-", "'0001-")

        sql = _LITERAL.sub(literal, _LATER.sub("", node.sql) if whole else node.sql)
        for above in self._above(model):
            sql = sql.replace(above.relation, above.name)
        return sql

    def _above(self, node: Node) -> list[Node]:
        """Return the steps before a model, each after those that it needs itself."""
        return [each for name, each in self._nodes.items() if name in node.parents and each.kind == "step"]

    def _until(self, node: Node) -> datetime:
        """Return up to when a model takes raw rows in: a fact, those that its dimensions have seen."""
        return min((self._seen.get(name, START) for name in self._dimensions(node)), default=self._horizon)

    @staticmethod
    def _dimensions(node: Node) -> list[str]:
        """Return the dimensions that a fact looks keys up in; none for other models."""
        return [name for name in node.parents if node.name.startswith("fact_") and name.startswith("dim_")]

    def _mark(self, node: Node, fingerprint: str) -> None:
        until = self._until(node)
        self._session.execute("DELETE FROM ops.watermarks WHERE model = ?", [node.name])
        self._session.execute(
            "INSERT INTO ops.watermarks (model, seen_until, fingerprint, built_at) VALUES (?, ?, ?, ?)",
            [node.name, until, fingerprint, datetime.now(UTC).replace(tzinfo=None)],
        )
        self._seen[node.name] = until

    def _account(self, fill: _Fill) -> None:
        counts = fill.changes
        if not (counts.offered or counts.removed):
            return
        self._session.execute(
            "INSERT INTO ops.builds (run_id, model, table_name, reason, rows_offered, rows_inserted, rows_updated, "
            "rows_unchanged, rows_removed, rows_now, built_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                self._run_id, fill.node.name, fill.table.full_name, counts.why or self._asked.get(fill.node.name), counts.offered,
                counts.inserted, counts.updated, counts.unchanged, counts.removed, counts.now,
                self._now,
            ],
        )  # fmt: skip

    def _looked_at(self, node: Node) -> str:
        """Return a test's statement; a fact's is about the rows that were written, where no other can have changed.

        Keys that are replaced as a whole stay unique, and a row's dimension keys stay right as long as no dimension
        tells of a change.
        """
        name = node.table.partition(".")[2]
        fill = self._fills.get(name)
        if fill is None or fill.why or not fill.node.withdrawn:
            return node.sql
        if fill.is_moved and not node.name.startswith("unique"):
            return node.sql
        return node.sql.replace(fill.node.relation, f"fresh_{name}")


@contextmanager
def _named(node: Node) -> Iterator[None]:
    """Say which model or test it was whose statement is wrong."""
    try:
        yield
    except (duckdb.Error, UsageError) as error:
        kind = "test" if node.kind == "test" else "model"
        raise WorkFailed(f"dbt: {kind} {node.name}: {one_line(str(error), 300)}") from error
