"""Which tables a statement reads and writes."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.files import append_line
from workbench.private import private_folder
from workbench.schema import REPORTS, SCHEMAS, TABLES, Dialect

if TYPE_CHECKING:
    from sqlglot import exp

_FORMAT = 1
_LARGEST = 1 << 20
# They touch no rows, or none that a stage would see.
_NO_ROWS = {
    "ANALYZE", "ATTACH", "BEGIN", "CHECKPOINT", "CLOSE", "COMMENT", "COMMIT", "DEALLOCATE", "DETACH", "EXPLAIN",
    "GRANT", "INSTALL", "LOAD", "LOCK", "REFRESH", "RESET", "REVOKE", "ROLLBACK", "SET", "SHOW", "USE", "VACUUM",
}  # fmt: skip
_AROUND = re.compile(
    r"\s*(?:EXPLAIN\s+ANALYZE|DECLARE\b.*?\bFOR|PREPARE\b.*?\bAS)\b(.*)", re.DOTALL | re.IGNORECASE
)
_APPEND = re.compile(r"\s*ALTER\s+TABLE\s+([\w.\"]+)\s+APPEND\s+FROM\s+([\w.\"]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Tables:
    """The tables of a statement, in lower case, with their schema if it names one.

    ``made`` are those that end with the connection. If the statement isn't ``understood``, nothing is known.
    """

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    made: frozenset[str] = frozenset()
    understood: bool = True


def tables_of(sql: str, dialect: Dialect) -> Tables:
    """Return the tables that a statement, or several, read and write; whatever the text is, it is no error."""
    return _tables_of(sql, dialect)


def full_names(names: frozenset[str], made: frozenset[str] | set[str] = frozenset()) -> set[str]:
    """Return the full names of those that are tables of the warehouse's schemas.

    A name without a schema is looked for in marts, then core, unless it was ``made`` for the connection alone. A
    report's view stands for the tables that it is made from.
    """
    found: set[str] = set()
    for name in names:
        schema, dot, _ = name.rpartition(".")
        if dot and schema in SCHEMAS:
            found.update(_reports().get(name, (name,)))
        elif not dot and name not in made:
            candidates = [f"{place}.{name}" for place in ("marts", "core")]
            if known := next((each for each in candidates if each in TABLES or each in _reports()), None):
                found.update(_reports().get(known, (known,)))
    return found


@lru_cache(maxsize=1)
def _reports() -> dict[str, tuple[str, ...]]:
    return {name: report.reads for report in REPORTS for name in (report.full_name, report.materialized_name)}


class Statements:
    """What is known of statements, kept in a file: to parse one takes longer than many take to run.

    Args:
        path: the file; it is made, and begun anew when it has become large.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, Tables] | None = None

    def tables(self, sql: str, dialect: Dialect) -> Tables:
        """Return the tables of a statement."""
        if self._known is None:
            self._known = dict(self._read())
        key = sha256(f"{_FORMAT} {dialect} {sql}".encode()).hexdigest()[:24]
        if key not in self._known:
            found = tables_of(sql, dialect)
            self._known[key] = found
            if found.understood:
                self._keep(key, found)
        return self._known[key]

    def _read(self) -> Iterator[tuple[str, Tables]]:
        with suppress(OSError):
            if self._path.stat().st_size > _LARGEST:
                self._path.unlink()
            for line in self._path.read_text().splitlines():
                with suppress(ValueError, TypeError):
                    key, reads, writes, made = json.loads(line)
                    yield str(key), Tables(frozenset(reads), frozenset(writes), frozenset(made))

    def _keep(self, key: str, found: Tables) -> None:
        line = json.dumps([key, sorted(found.reads), sorted(found.writes), sorted(found.made)])
        # It is then parsed again.
        with suppress(OSError):
            private_folder(self._path.parent)
            append_line(self._path, line)


@lru_cache(maxsize=4096)
def _tables_of(sql: str, dialect: Dialect) -> Tables:
    import sqlglot

    # The parser logs a warning for statements that it doesn't look into.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        found = [
            _of_tree(tree, sql, dialect) for tree in sqlglot.parse(sql, read=dialect) if tree is not None
        ]
    except (sqlglot.errors.SqlglotError, RecursionError, ValueError, KeyError, TypeError, AttributeError):
        return Tables(understood=False)
    return Tables(
        frozenset().union(*(each.reads for each in found)),
        frozenset().union(*(each.writes for each in found)),
        frozenset().union(*(each.made for each in found)),
        all(each.understood for each in found),
    )


def _of_tree(tree: exp.Expr, sql: str, dialect: Dialect) -> Tables:
    from sqlglot import exp

    if isinstance(tree, exp.Command):
        return _of_command(str(tree.this).upper(), sql, dialect)
    if isinstance(tree, (exp.Describe, exp.Comment, exp.Grant, exp.Analyze, exp.Pragma, exp.Set, exp.Show)):
        return Tables()
    targets = list(_targets(tree))
    written = {_name(table) for table in targets}
    made: set[str] = set()
    if isinstance(tree, exp.Create) and tree.find(exp.TemporaryProperty):
        made = {_name(table).rpartition(".")[2] for table in targets}
    for into in tree.find_all(exp.Into):
        if into.args.get("temporary"):
            made |= {_name(into.this)}
    made |= {name for name in written if name.startswith("#")}
    own = {id(table) for table in targets}
    reads = {
        _name(table)
        for table in tree.find_all(exp.Table)
        if id(table) not in own and isinstance(table.this, exp.Identifier) and not _is_cte(table)
    }
    return Tables(frozenset(reads), frozenset(written - made), frozenset(made))


def _of_command(word: str, sql: str, dialect: Dialect) -> Tables:
    """Return the tables of a statement that the parser doesn't look into."""
    if around := _AROUND.match(sql):
        return _tables_of(around[1], dialect)
    if append := _APPEND.match(sql):
        return Tables(writes=frozenset(name.replace('"', "").lower() for name in append.groups()))
    return Tables(understood=word in _NO_ROWS)


def _targets(tree: exp.Expr) -> Iterator[exp.Table]:
    """Yield the nodes that name the tables a statement writes."""
    from sqlglot import exp

    kinds = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Into)
    places: list[exp.Expr] = [node.this for node in tree.find_all(*kinds)]
    of_rows = tree.args.get("kind") in ("TABLE", "VIEW")
    if isinstance(tree, exp.Drop) and of_rows:
        places += tree.args.get("tables") or [tree.this]
    elif (
        (isinstance(tree, exp.Create) and of_rows)
        or isinstance(tree, exp.Alter)
        or (isinstance(tree, exp.Copy) and tree.args.get("kind"))
    ):
        places.append(tree.this)
    elif isinstance(tree, exp.TruncateTable):
        places += tree.expressions
    for place in places:
        target = place.this if isinstance(place, exp.Schema) else place
        if isinstance(target, exp.Table):
            yield target


def _name(table: exp.Expr) -> str:
    schema = table.args.get("db")
    return ".".join(part for part in (schema.name.lower() if schema else "", table.name.lower()) if part)


def _is_cte(table: exp.Table) -> bool:
    """Return whether a name is that of a WITH around it; in its own text only where it is recursive."""
    from sqlglot import exp

    if table.args.get("db"):
        return False
    name = table.name.lower()
    child: exp.Expr = table
    node: exp.Expr | None = table.parent
    while node is not None:
        visible: list[exp.Expr] = []
        if isinstance(node, exp.With):
            place = next((i for i, cte in enumerate(node.expressions) if cte is child), 0)
            visible = node.expressions if node.args.get("recursive") else node.expressions[:place]
        elif (clause := node.args.get("with_") or node.args.get("with")) and clause is not child:
            visible = clause.expressions
        if any(cte.alias.lower() == name for cte in visible):
            return True
        child, node = node, node.parent
    return False
