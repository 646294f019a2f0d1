"""Hold a statement to reading: one statement, and nothing in it that writes or reaches outside the warehouse."""

from __future__ import annotations

import sqlglot
from sqlglot import exp

from workbench.errors import UsageError

_WRITES = (
    exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter, exp.TruncateTable, exp.Copy,
    exp.Attach, exp.Detach, exp.Command, exp.Set, exp.Pragma, exp.Use, exp.Transaction, exp.Commit, exp.Rollback,
    exp.Into, exp.Install, exp.Kill,
)  # fmt: skip
_OUTSIDE = ("read_", "parquet_", "glob", "sniff_", "query", "getenv", "sql_auto", "from_substrait")


def one_read_only_statement(sql: str) -> None:
    """Check that ``sql`` is one statement that only reads tables.

    Raises:
        UsageError: it can't be parsed, is more than one statement, writes, or reads files.
    """
    try:
        found = [tree for tree in sqlglot.parse(sql, read="duckdb") if tree is not None]
    except sqlglot.errors.SqlglotError as error:
        raise UsageError(
            f"can't read the statement: {' '.join(str(error).splitlines()[0].split())}"
        ) from None
    if len(found) != 1:
        raise UsageError(f"one statement is wanted, not {len(found)}")
    tree = found[0]
    if not isinstance(tree, exp.Query | exp.Describe | exp.Show | exp.Values) or tree.find(*_WRITES):
        raise UsageError("only a statement that reads is run; to change the warehouse, add --write")
    for call in tree.find_all(exp.Func):
        name = (call.name if isinstance(call, exp.Anonymous) else call.sql_name()).lower()
        if name.startswith(_OUTSIDE):
            raise UsageError(f"{name}() reaches outside the warehouse; load files with: workbench load")
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Literal) or any(mark in table.name for mark in "./*:"):
            raise UsageError(f"{table.name!r} is a file, not a table; load files with: workbench load")
