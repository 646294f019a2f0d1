"""Hold a statement to reading: one statement, and nothing in it that writes or reaches outside the warehouse."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB

from workbench.errors import UsageError, first_line, one_line
from workbench.schema import Dialect

_READS = (exp.Query, exp.Describe, exp.Show, exp.Values, exp.Summarize, exp.Pivot)
_WRITES = (
    exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter, exp.TruncateTable, exp.Copy,
    exp.Attach, exp.Detach, exp.Command, exp.Set, exp.Pragma, exp.Use, exp.Transaction, exp.Commit, exp.Rollback,
    exp.Into, exp.Install, exp.Kill, exp.Lock,
)  # fmt: skip
_OUTSIDE = (
    "read_",
    "parquet_",
    "glob",
    "sniff_",
    "query",
    "getenv",
    "sql_auto",
    "from_substrait",
    "json_execute",
)
_ACTS = ("checkpoint", "force_checkpoint", "enable_", "disable_", "write_log", "truncate_duckdb_logs")

# The parser takes it for an operator; PostgreSQL, for a name of which no letter needs to be seen.
_ESCAPED_NAME = re.compile(r"\bU&\"", re.IGNORECASE)


def one_read_only_statement(sql: str, dialect: Dialect = "duckdb") -> Calls:
    """Check that ``sql`` is one statement that only reads tables.

    Returns:
        The functions it calls that the parser doesn't know: for the engine to say whether they only read.

    Raises:
        UsageError: it can't be parsed, is more than one statement, writes, or reads files.
    """
    # The parser logs a warning for statements it doesn't know; they are refused here, in one line.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        found = [tree for tree in sqlglot.parse(_explained(sql), read=dialect) if tree is not None]
    except sqlglot.errors.SqlglotError as error:
        raise UsageError(f"can't read the statement: {one_line(first_line(str(error)))}") from None
    if _ESCAPED_NAME.search(sql) and dialect == "redshift":
        raise UsageError(
            'a name in the form U&"…" is refused in a statement that only reads; write it plainly'
        )
    if len(found) != 1:
        raise UsageError(f"one statement is wanted, not {len(found)}")
    tree = found[0]
    if not isinstance(tree, _READS) or tree.find(*_WRITES):
        raise UsageError("only a statement that reads is run; to change the warehouse, add --write")
    for call in tree.find_all(exp.Func):
        name = (call.name if isinstance(call, exp.Anonymous) else call.sql_name()).lower()
        if name.startswith(_OUTSIDE):
            raise UsageError(f"{name}() reaches outside the warehouse; load files with: workbench load")
        if name.startswith(_ACTS):
            raise does_more(name)
    files = [table.name for table in tree.find_all(exp.Table) if _is_file(table)]
    if isinstance(tree, exp.Summarize) and isinstance(tree.this, exp.Literal):
        files.append(tree.this.name)
    if files:
        raise UsageError(f"{files[0]!r} is a file, not a table; load files with: workbench load")
    calls = list(tree.find_all(exp.Anonymous))
    return Calls(
        frozenset(call.name.lower() for call in calls),
        frozenset(call.name.lower() for call in calls if isinstance(call.parent, exp.Table)),
    )


def does_more(name: str) -> UsageError:
    """Return the error for a function that may do more than read."""
    return UsageError(
        f"{name}() does more than read, as far as is known; with --write it is called nevertheless"
    )


@dataclass(frozen=True)
class Calls:
    """Names of functions that a statement calls, in lower case: all of them, and those in the place of a table."""

    names: frozenset[str]
    tables: frozenset[str]


def _is_file(table: exp.Table) -> bool:
    return isinstance(table.this, exp.Literal) or any(mark in table.name for mark in "./*:")


def _explained(sql: str) -> str:
    """Return the statement behind EXPLAIN [ANALYZE], which the parser doesn't look into; else ``sql``."""
    for word in ("EXPLAIN", "ANALYZE"):
        tokens = DuckDB().tokenize(sql)
        if not tokens or tokens[0].text.upper() != word:
            return sql
        sql = sql[tokens[0].end + 1 :]
    return sql
