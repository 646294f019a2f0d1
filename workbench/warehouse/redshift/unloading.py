"""Very many rows out of Redshift: UNLOAD as Parquet to S3, and from there into Arrow."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
from sqlglot import exp

from workbench.warehouse.redshift.connection import RedshiftSession
from workbench.warehouse.redshift.results import as_lists, table_of
from workbench.warehouse.redshift.staging import Staging

MANY = 100_000
"""From so many rows on, as the planner guesses them, files in S3 are quicker than the driver."""
_WRITES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Into)
_ROWS = re.compile(r"\brows=(\d+)\b")


def can_unload(sql: str, parameters: Sequence[Any]) -> bool:
    """Return whether UNLOAD can run a statement: a mere select, without a LIMIT at its end and without parameters."""
    if parameters or "$$" in sql:
        return False
    tree = _parsed(sql)
    return isinstance(tree, exp.Query) and not tree.args.get("limit") and not list(tree.find_all(*_WRITES))


def is_large(session: RedshiftSession, sql: str) -> bool:
    """Return whether a statement gives so many rows that it should be unloaded, as far as the planner knows.

    A statement that sums up or reads no table isn't asked about: that would cost more than it brings.
    """
    tree = _parsed(sql)
    if (
        not isinstance(tree, exp.Select)
        or tree.args.get("group")
        or any(isinstance(column.unalias(), exp.AggFunc) for column in tree.expressions)
        or tree.find(exp.Table) is None
    ):
        return False
    plan = session.execute(f"EXPLAIN {_bare(sql)}").fetchall()
    found = _ROWS.search(str(plan[0][0])) if plan else None
    return bool(found and int(found.group(1)) >= MANY)


@lru_cache(maxsize=64)
def _parsed(sql: str) -> exp.Expr | None:
    """Return a statement's tree, which nobody changes; stages ask the same again and again."""
    try:
        return sqlglot.parse_one(sql, read="redshift")
    except sqlglot.errors.SqlglotError:
        # The server says what is wrong with it.
        return None


def unload(session: RedshiftSession, sql: str, staging: Staging) -> pa.Table:
    """Return the rows of a statement through files in S3.

    Rows keep the order of a statement's ORDER BY: they go to one file after the other then, else side by side.
    """
    names, empty = _described(session, sql)
    ordered = bool(sqlglot.parse_one(sql, read="redshift").args.get("order"))
    with staging.prefix("unload") as prefix:
        session.execute(
            f"UNLOAD ($$ {_bare(sql)} $$) TO '{prefix.uri}' {staging.authorization} "
            f"FORMAT AS PARQUET PARALLEL {'OFF' if ordered else 'ON'}"
        )
        with tempfile.TemporaryDirectory(prefix="workbench-unload-") as folder:
            tables = [pq.read_table(file) for file in prefix.download(Path(folder))]
    if not tables:
        return empty
    whole = pa.concat_tables(tables).rename_columns(names)
    columns = [_exact(column, field.type) for column, field in zip(whole.columns, empty.schema, strict=True)]
    return as_lists(pa.Table.from_arrays(columns, names=names))


def _described(session: RedshiftSession, sql: str) -> tuple[list[str], pa.Table]:
    """Return the names of a statement's columns, and a table of them without rows."""
    session.execute(f"SELECT * FROM ({_bare(sql)}) AS described LIMIT 0")
    empty = table_of(session)
    return empty.column_names, empty


def _bare(sql: str) -> str:
    return sql.strip().rstrip(";")


def _exact(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Give a column of a file the type that the driver would have given it, where the file's is another spelling."""
    if column.type == kind or pa.types.is_list(kind):
        return column
    if pa.types.is_decimal(kind) and pa.types.is_decimal(column.type):
        return column
    if pa.types.is_timestamp(kind) and pa.types.is_timestamp(column.type):
        return column.cast(kind, safe=False)
    return column.cast(kind)


__all__ = ["MANY", "can_unload", "is_large", "unload"]
