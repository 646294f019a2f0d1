"""Execute what dbt compiled: each model takes in what is new, all in one transaction, tests included.

A model that declares by which columns its rows are replaced (``by``) works out the members, days, ... that something
touched, and nothing else. What it works out is compared with what its table has, and only differences are written and
told to the models that read it. A model that was never built, whose statement has changed, or whose table was emptied
is built whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Literal

from workbench.schema import Table, quote
from workbench.transform.days import Days, members_of
from workbench.transform.differences import NEW, changed_members, new_values, replaced_rows, same_key
from workbench.transform.judging import Outcome, judge
from workbench.transform.marks import START, Marks
from workbench.transform.nodes import Node, Touches, fingerprint
from workbench.transform.results import MODELS, Changes, NodeResult
from workbench.transform.statements import Statements, named
from workbench.warehouse import Session

_TABLES = {table.full_name for table in MODELS.values()}


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
        self._session, self._must_analyze = session, analyze
        self._nodes = {node.name: node for node in nodes}
        self._marks = Marks(session, run_id)
        self._statements = Statements(nodes, self._marks)
        self._fills: dict[str, _Fill] = {}
        self._asked: dict[str, str] = {}
        self._temporary: list[str] = []

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
                for dimension in self._statements.dimensions(node):
                    if dimension not in names | self._fills.keys():
                        # A stage is skipped that has nothing to do for new lines, but facts wait for its dimension.
                        with named(self._nodes[dimension]):
                            self._fill(self._nodes[dimension], False)
                with named(node):
                    fill = self._fill(node, full)
                result = self._result(node, monotonic() - started, changes=fill.changes)
                results.append(replace(result, is_unchanged=self._is_unchanged(fill)))
        for node in nodes:
            if node.kind == "test":
                started = monotonic()
                with named(node):
                    status, failures = self._judge(node)
                results.append(self._result(node, monotonic() - started, status=status, failures=failures))
        for name in self._temporary:
            self._session.execute(f"DROP TABLE {name}")
        self._marks.write()
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
        above = self._statements.above(node)
        mark = fingerprint([node, *above], table)
        was_built, had = node.name in self._marks.seen, self._marks.rows[table.full_name]
        is_lost = not had and bool(self._marks.left.get(node.name))
        why = (
            "asked for" if full
            else "it was never built" if not was_built
            else "what it is worked out by has changed" if not self._marks.is_as_before(node.name, mark)
            else "its table was emptied" if is_lost
            else ""
        )  # fmt: skip
        fill = _Fill(
            node, table, why, was_lost=was_built and is_lost,
            is_moved=self._marks.is_told(node.name), changes=Changes(now=had),
        )  # fmt: skip
        self._fills[node.name] = fill
        if not self._has_nothing_to_do(fill, above):
            self._work_out(fill, above)
            if fill.is_moved:
                self._session.execute("DELETE FROM staging.touched WHERE model = ?", [node.name])
            self._marks.account(node.name, fill.changes, fill.changes.why or self._asked.get(node.name))
        self._marks.done(node.name, self._statements.until(node), mark)
        return fill

    def _has_nothing_to_do(self, fill: _Fill, above: Sequence[Node]) -> bool:
        """Return whether no row of raw is new to a model, and nobody told it of anything else."""
        reads = {name for each in (fill.node, *above) for name in each.reads}
        if fill.why or fill.is_moved or self._marks.has_news(fill.node.name, reads):
            return False
        return bool(fill.node.by) or reads <= _TABLES

    def _is_unchanged(self, fill: _Fill) -> bool:
        """Return whether nothing in a model's table is new to who reads it, from this build or one before."""
        changes, table = fill.changes, fill.table.full_name
        if changes.why or changes.inserted or changes.updated or changes.removed:
            return False
        readers = {
            *self._statements.readers(table),
            *(name for each in fill.node.touches for name in each.models),
        }
        return not any(self._marks.is_told(name) for name in readers)

    def _work_out(self, fill: _Fill, above: Sequence[Node]) -> None:
        node, why = fill.node, fill.why
        before = self._clear(fill) if why else 0
        for each in above:
            self._session.execute(
                f"CREATE TEMP TABLE {each.name} AS {self._statements.sql(each, node, whole=bool(why))}"
            )
            self._analyze([each.name])
        if why and node.withdrawn:
            self._insert_whole(fill, before)
        elif why or not self._touches_nothing(node, above):
            self._insert_differences(fill)
        for each in above:
            self._session.execute(f"DROP TABLE {each.name}")

    def _touches_nothing(self, node: Node, above: Sequence[Node]) -> bool:
        """Return whether what is new touches no member of a model; a fact takes rows in itself, too."""
        touched = f"touched_{node.name}"
        if node.withdrawn or touched not in {each.name for each in above}:
            return False
        return not self._session.execute(f"SELECT 1 FROM {touched} LIMIT 1").fetchall()

    def _clear(self, fill: _Fill) -> int:
        """Empty a table that is to be built whole; what it had, or what that touched, is kept until the end."""
        node, name = fill.node, fill.table.full_name
        before = self._marks.rows[name]
        self._marks.seen[node.name] = START
        if node.withdrawn:
            self._touch_all(node)
        else:
            self._keep(f"old_{node.name}", f"SELECT * FROM {name}")
        if before:
            self._session.execute(f"DELETE FROM {name}")
        return before

    def _insert_whole(self, fill: _Fill, before: int) -> None:
        """Fill an empty fact without a copy of it beside."""
        node, name = fill.node, fill.table.full_name
        columns = ", ".join(map(quote, fill.table.column_names))
        self._analyze(node.reads)
        sql = self._statements.sql(node, node, whole=True)
        self._session.execute(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM (\n{sql}\n) AS model")
        ((now,),) = self._session.execute(f"SELECT count(*) FROM {name}").fetchall()
        self._touch_all(node)
        self._tell_readers(node)
        fill.changes = Changes(int(now), int(now), 0, 0, before, int(now), fill.why)

    def _insert_differences(self, fill: _Fill) -> None:
        """Work the touched rows out, and write those that differ from what is there."""
        node, table, execute = fill.node, fill.table, self._session.execute
        name, columns = table.full_name, ", ".join(map(quote, table.column_names))
        delta, old, gone, fresh = (f"{part}_{node.name}" for part in ("delta", "old", "gone", "fresh"))
        self._keep(delta, f"SELECT {columns} FROM {name} WHERE 1 = 0")
        execute(
            f"INSERT INTO {delta} ({columns}) SELECT {columns} FROM (\n{self._statements.sql(node, node)}\n) AS model"
        )
        if not fill.why:
            self._keep(old, replaced_rows(node, table))
        self._keep(gone, f"SELECT {columns} FROM {old} EXCEPT SELECT {columns} FROM {delta}")
        self._keep(fresh, f"SELECT {columns} FROM {delta} EXCEPT SELECT {columns} FROM {old}")
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
            values = (
                {} if fill.was_lost else {each.new: f"new_{each.new}" for each in node.touches if each.new}
            )
            for column, kept in values.items():
                self._keep(kept, new_values(column, name, gone, fresh))
            for touches in node.touches:
                told_else = values.get(touches.new, "")
                if told_else:
                    self._touch(replace(touches, kind=NEW), f"SELECT member FROM {told_else}")
                now = delta if fill.was_lost else fresh
                self._touch(touches, changed_members(touches, old, gone, now, fill.was_lost, told_else))
            self._tell_readers(node)
        ((now,),) = execute(f"SELECT count(*) FROM {name}").fetchall()
        fill.changes = Changes(
            offered, new - updated, updated, offered - new, lost - updated, int(now), fill.why
        )

    def _keep(self, name: str, query: str) -> None:
        """Keep the rows of a query until the end of the build."""
        self._session.execute(f"CREATE TEMP TABLE {name} AS {query}")
        self._temporary.append(name)

    def _tell_readers(self, node: Node) -> None:
        """Tell the models that are always worked out whole, and read a table, that it has changed."""
        table = MODELS[node.name].full_name
        models = self._statements.readers(table)
        self._touch(Touches(models, "table", ""), f"SELECT '{table}' AS member")

    def _touch_all(self, node: Node) -> None:
        """Tell of all members that a fact's rows name, which is built whole."""
        for touches in (each for each in node.touches if not each.unless_whole):
            self._touch(touches, f"SELECT {touches.member} AS member FROM {MODELS[node.name].full_name}")

    def _touch(self, touches: Touches, members: str) -> None:
        """Tell other models which members have changed: ``members`` is a query of one column."""
        # One that was never built takes everything when it is.
        told = [name for name in touches.models if name in self._marks.seen]
        if not told:
            return
        self._marks.tell(told)
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

    def _judge(self, node: Node) -> Outcome:
        """Make a test: a fact's is about the rows that were written, where no other can have changed.

        Keys that are replaced as a whole stay unique, and a row's dimension keys stay right as long as no dimension
        tells of a change.
        """
        name = node.table.partition(".")[2]
        fill = self._fills.get(name)
        is_of_rows = fill and fill.node.withdrawn and not fill.why
        if fill is None or not is_of_rows or (fill.is_moved and not node.name.startswith("unique")):
            return judge(self._session, node, node.sql)
        if f"fresh_{name}" not in self._temporary:
            return "pass", 0
        return judge(self._session, node, node.sql.replace(fill.node.relation, f"fresh_{name}"))
