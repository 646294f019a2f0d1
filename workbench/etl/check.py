"""Hold the rows of one landed file to the contract of their dataset."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import duckdb

from workbench.etl.read import Rows, open_rows
from workbench.schema import DATASETS, EXTRA, Column, Table, quote
from workbench.schema.contract import Rule, compile_rule
from workbench.sources.files import Landed
from workbench.sources.maps import Map


@dataclass(frozen=True)
class Checked:
    """The outcome for one file: how many rows went where, and what a person should know."""

    accepted: int
    quarantined: int
    status: Literal["loaded", "partial", "empty", "rejected"]
    message: str | None


@dataclass(frozen=True)
class Staged:
    """A landed file, read inside a connection and ready to be split; ``rows`` is None if it has no byte."""

    file: Landed
    table: Table
    rows: Rows | None


def stage(connection: duckdb.DuckDBPyConnection, file: Landed, scratch: Path) -> Staged:
    """Read a landed file into temporary tables.

    Raises:
        UnreadableFile: the file can't be read at all.
    """
    table = DATASETS[file.dataset]
    return Staged(file, table, open_rows(connection, file.path, scratch, _known(table, file.map)))


def split(connection: duckdb.DuckDBPyConnection, staged: Staged, moment: datetime) -> Checked:
    """Put the rows of a file that keep the contract into raw, and the others into the table ``refused``.

    ``refused`` has ``n``, ``record`` and ``reasons``, and is temporary. Nothing is committed.

    Args:
        connection: the one the file was staged in, in a transaction.
        staged: the file.
        moment: the batch's time, later than every other's.
    """
    file, table, rows = staged.file, staged.table, staged.rows
    connection.execute("CREATE OR REPLACE TEMP TABLE refused (n BIGINT, record VARCHAR, reasons VARCHAR[])")
    if rows is None:
        return Checked(0, 0, "empty", "the file is empty")
    if rows.headless:
        refused = _refuse_all(connection, rows, ["line:unknown_header"])
        return Checked(0, refused, "rejected", f"no column of {file.dataset} in the first line")
    theirs = {name.lower(): name for name in rows.columns}
    missing = _missing(table, file.map, theirs)
    if missing:
        refused = _refuse_all(connection, rows, [f"{name}:missing_column" for name in missing])
        return Checked(0, refused, "rejected", f"required column missing: {', '.join(missing)}")
    accepted = _split(connection, staged, rows, theirs, moment)
    quarantined = _first(connection.execute("SELECT count(*) FROM refused").fetchone())
    extra = sorted(set(rows.columns) - _used(table, file.map, theirs))
    message = f"kept in {EXTRA}: {', '.join(extra)}" if extra else None
    if not accepted and not quarantined:
        return Checked(0, 0, "empty", "a header and no rows")
    return Checked(accepted, quarantined, "partial" if quarantined else "loaded", message)


def refuse_file(connection: duckdb.DuckDBPyConnection, uri: str, why: str) -> Checked:
    """Refuse a file that can't be read at all: it counts as one row, whose record is its address."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE refused AS SELECT 1 AS n, ? AS record, ['file:unreadable'] AS reasons",
        [uri],
    )
    return Checked(0, 1, "rejected", f"the file can't be read: {why}")


def _ours(table: Table) -> list[Column]:
    return [column for column in table.columns if not column.name.startswith("_")]


def _known(table: Table, mapping: Map | None) -> frozenset[str]:
    if mapping is None:
        return frozenset(column.name for column in _ours(table))
    return frozenset(name.lower() for names in mapping.sources().values() for name in names)


def _missing(table: Table, mapping: Map | None, theirs: dict[str, str]) -> list[str]:
    if mapping is None:
        return [column.name for column in _ours(table) if column.required and column.name not in theirs]
    return [
        name
        for name, used in mapping.sources().items()
        if any(source.lower() not in theirs for source in used)
    ]


def _used(table: Table, mapping: Map | None, theirs: dict[str, str]) -> set[str]:
    return {theirs[name] for name in _known(table, mapping) if name in theirs}


def _refuse_all(connection: duckdb.DuckDBPyConnection, rows: Rows, reasons: list[str]) -> int:
    rows.judge_lines(connection)
    connection.execute(
        f"""
        INSERT INTO refused
        SELECT n, record, list_concat(?, CASE WHEN reason IS NULL OR list_contains(?, reason) THEN [] ELSE [reason] END)
        FROM {rows.records} LEFT JOIN (SELECT n, reason FROM line_errors) USING (n)
        """,
        [reasons, reasons],
    )
    return _first(connection.execute("SELECT count(*) FROM refused").fetchone())


def _split(
    connection: duckdb.DuckDBPyConnection,
    staged: Staged,
    rows: Rows,
    theirs: dict[str, str],
    moment: datetime,
) -> int:
    table, mapping = staged.table, staged.file.map
    source = _sources(table, mapping, theirs)
    extra = _extra(sorted(set(rows.columns) - _used(table, mapping, theirs)))
    picked = ", ".join(f"{expression} AS {quote('s:' + name)}" for name, expression in source.items())
    shaped = f"SELECT n, {picked}, {extra} AS {EXTRA} FROM (SELECT n, n AS _row_number, * EXCLUDE (n) FROM "
    landed = f"({shaped}{rows.relation}))"
    if mapping is not None:
        # A window looks at all rows: it is worked out once, before any row is set aside.
        connection.execute(f"CREATE OR REPLACE TEMP TABLE mapped AS SELECT * FROM {landed}")
        landed = "mapped"
    if mapping is None:
        types = {f"s:{name}": rows.columns.get(theirs.get(name, ""), "VARCHAR") for name in source}
    else:
        described = connection.execute(f"DESCRIBE SELECT * FROM {landed}").fetchall()
        types = {row[0]: row[1] for row in described}
    rules = [
        compile_rule(column, quote(f"s:{column.name}"), types[f"s:{column.name}"], quote(column.name))
        for column in _ours(table)
    ]
    # Blanks around a text are taken off once, below everything that looks at it.
    texts = [] if rows.trimmed and mapping is None else _texts(types)
    bare = f"REPLACE ({', '.join(f'trim({name}) AS {name}' for name in texts)})" if texts else ""
    values = ", ".join(f"{rule.value} AS {quote(rule.column.name)}" for rule in rules)

    def typed(source: str) -> str:
        return f"(SELECT *, {values} FROM (SELECT * {bare} FROM {source}))"

    ok = " AND ".join(rule.ok for rule in rules)
    columns = ", ".join(quote(rule.column.name) for rule in rules)
    accept = (
        f"INSERT INTO {table.full_name} ({columns}, {EXTRA}, _batch_id, _row_number, _ingested_at) "
        f"SELECT {columns}, {EXTRA}, ?, n, ? FROM {typed(landed)} WHERE {ok}"
    )
    with _values_worked_out_once(connection):
        (accepted,) = connection.execute(accept, [staged.file.batch_id, moment]).fetchone() or (0,)
    if accepted < _first(connection.execute(f"SELECT count(*) FROM {rows.records}").fetchone()):
        doubt = f"n NOT IN (SELECT _row_number FROM {_batch(table, moment)})"
        doubtful = rows.pick(connection, doubt)
        doubtful.judge_lines(connection)
        in_doubt = f"SELECT * FROM mapped WHERE {doubt}" if mapping else f"{shaped}{doubtful.relation})"
        connection.execute(f"CREATE OR REPLACE TEMP TABLE doubtful AS {in_doubt}")
        connection.execute(
            f"""
            INSERT INTO refused
            SELECT n, record, list_filter([{", ".join(map(_reason, rules))}], lambda reason: reason IS NOT NULL)
            FROM {typed("doubtful")} JOIN {rows.records} USING (n)
            UNION ALL SELECT n, record, [reason] FROM line_errors
            """
        )
    return int(accepted)


def _texts(types: dict[str, str]) -> list[str]:
    return [quote(name) for name, kind in types.items() if kind == "VARCHAR" and name.startswith("s:")]


@contextmanager
def _values_worked_out_once(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Keep DuckDB from pushing conditions on converted values below the conversion, which doubles its work."""
    connection.execute("SET disabled_optimizers = 'filter_pushdown'")
    try:
        yield
    finally:
        connection.execute("RESET disabled_optimizers")


def _batch(table: Table, moment: datetime) -> str:
    """Return SQL for the rows of one batch; by its time, which is its own, DuckDB skips all others."""
    return f"(SELECT * FROM {table.full_name} WHERE _ingested_at = TIMESTAMP '{moment}')"


def _sources(table: Table, mapping: Map | None, theirs: dict[str, str]) -> dict[str, str]:
    if mapping is None:
        return {
            column.name: quote(theirs[column.name]) if column.name in theirs else "CAST(NULL AS VARCHAR)"
            for column in _ours(table)
        }
    return {
        column.name: mapping.sql(column.name) if column.name in mapping.columns else "CAST(NULL AS VARCHAR)"
        for column in _ours(table)
    }


def _extra(names: list[str]) -> str:
    if not names:
        return "CAST(NULL AS JSON)"
    pairs = ", ".join("'" + name.replace("'", "''") + "', " + quote(name) for name in names)
    # Merging drops the keys without a value.
    return f"nullif(json_merge_patch('{{}}', json_object({pairs})), '{{}}')"


def _reason(rule: Rule) -> str:
    cases = " ".join(
        f"WHEN {problem.condition} THEN '{rule.column.name}:{problem.code}'" for problem in rule.problems
    )
    return f"CASE {cases} END" if cases else "NULL"


def count_duplicates(connection: duckdb.DuckDBPyConnection, dataset: str, moment: datetime) -> int:
    """Return how many rows of the batch of a moment repeat exactly a row of it, or of a batch before."""
    table = DATASETS[dataset]
    batch = _batch(table, moment)
    names = [column.name for column in _ours(table)] + [EXTRA]
    columns = ", ".join(map(quote, names))
    key = ", ".join(map(quote, table.key))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE hashes AS SELECT hash({key}) AS h, _row_number AS n FROM {batch}"
    )
    keys = " AND ".join(f"r.{quote(name)} = c.{quote(name)}" for name in table.key)
    same = " AND ".join(f"r.{quote(name)} IS NOT DISTINCT FROM c.{quote(name)}" for name in names)
    before = f"(SELECT * FROM {table.full_name} WHERE _ingested_at < TIMESTAMP '{moment}')"
    # Only rows whose key occurs twice, or is in raw, can be repeats; only those are compared whole.
    suspects = connection.execute(
        f"""
        SELECT (SELECT count(*) - count(DISTINCT h) FROM hashes)
            + (SELECT count(*) FROM {before} WHERE hash({key}) IN (SELECT h FROM hashes))
        """
    ).fetchone()
    if not _first(suspects):
        return 0
    repeats = connection.execute(
        f"""
        WITH twice AS (SELECT n FROM hashes WHERE h IN (SELECT h FROM hashes GROUP BY h HAVING count(*) > 1)),
        candidates AS (SELECT {columns} FROM {batch} WHERE _row_number IN (SELECT n FROM twice))
        SELECT (SELECT count(*) FROM candidates) - (SELECT count(*) FROM (SELECT DISTINCT * FROM candidates))
        """
    ).fetchone()
    known = connection.execute(
        f"""
        SELECT count(*) FROM (
            SELECT DISTINCT {columns} FROM {batch} c WHERE EXISTS (SELECT 1 FROM {before} r WHERE {keys})
        ) c WHERE EXISTS (SELECT 1 FROM {before} r WHERE {keys} AND {same})
        """
    ).fetchone()
    return _first(repeats) + _first(known)


def _first(row: tuple[Any, ...] | None) -> int:
    return int(row[0]) if row else 0
