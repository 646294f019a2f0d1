"""Hold the rows of one landed file to the contract of their dataset."""

from __future__ import annotations

from dataclasses import dataclass
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
    """The outcome for one file: rows in ``checked`` where ok, rows in ``refused``, and what a person should know."""

    accepted: int
    quarantined: int
    status: Literal["loaded", "partial", "empty", "rejected"]
    message: str | None


def check(connection: duckdb.DuckDBPyConnection, file: Landed, scratch: Path) -> Checked:
    """Split the rows of a file into table ``checked`` (typed, with ``ok``) and table ``refused``.

    ``checked`` has ``n``, the declared columns, ``_extra`` and ``ok``; ``refused`` has ``n``, ``record`` and
    ``reasons``. Both are temporary.

    Raises:
        UnreadableFile: the file can't be read at all.
    """
    table = DATASETS[file.dataset]
    known = _known(table, file.map)
    rows = open_rows(connection, file.path, scratch, known)
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
    accepted = _split(connection, rows, table, file.map, theirs)
    (quarantined,) = connection.execute("SELECT count(*) FROM refused").fetchone() or (0,)
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
    connection.execute(
        f"""
        INSERT INTO refused
        SELECT n, record, list_concat(?, CASE WHEN reason IS NULL OR list_contains(?, reason) THEN [] ELSE [reason] END)
        FROM {rows.records} LEFT JOIN (SELECT n, reason FROM line_errors) USING (n)
        """,
        [reasons, reasons],
    )
    (count,) = connection.execute("SELECT count(*) FROM refused").fetchone() or (0,)
    return int(count)


def _split(
    connection: duckdb.DuckDBPyConnection,
    rows: Rows,
    table: Table,
    mapping: Map | None,
    theirs: dict[str, str],
) -> int:
    source = _sources(table, mapping, theirs)
    extra = _extra(sorted(set(rows.columns) - _used(table, mapping, theirs)))
    picked = ", ".join(f"{expression} AS {quote('s:' + name)}" for name, expression in source.items())
    doubt = "n IN (SELECT n FROM checked WHERE NOT ok)"
    shaped = f"SELECT n, {picked}, {extra} AS {EXTRA} FROM (SELECT n, n AS _row_number, * EXCLUDE (n) FROM "
    landed = f"({shaped}{rows.relation}))"
    if mapping is not None:
        # A window looks at all rows: it is worked out once, before any row is set aside.
        connection.execute(f"CREATE OR REPLACE TEMP TABLE mapped AS SELECT * FROM {landed}")
        landed = "mapped"
    types = {row[0]: row[1] for row in connection.execute(f"DESCRIBE SELECT * FROM {landed}").fetchall()}
    rules = [
        compile_rule(column, quote(f"s:{column.name}"), types[f"s:{column.name}"], quote(column.name))
        for column in _ours(table)
    ]
    # Blanks around a text are taken off once, below everything that looks at it.
    texts = [quote(name) for name, kind in types.items() if kind == "VARCHAR" and name.startswith("s:")]
    bare = f"REPLACE ({', '.join(f'trim({name}) AS {name}' for name in texts)})" if texts else ""
    values = ", ".join(f"{rule.value} AS {quote(rule.column.name)}" for rule in rules)

    def typed(source: str) -> str:
        return f"(SELECT *, {values} FROM (SELECT * {bare} FROM {source}))"

    ok = " AND ".join(rule.ok for rule in rules)
    columns = ", ".join(quote(rule.column.name) for rule in rules)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE checked AS SELECT n, {columns}, {EXTRA}, {ok} AS ok FROM {typed(landed)}"
    )
    in_doubt = (
        f"SELECT * FROM mapped WHERE {doubt}" if mapping else f"{shaped}{rows.only(connection, doubt)})"
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE doubtful AS {in_doubt}")
    connection.execute(
        f"""
        INSERT INTO refused
        SELECT n, record, list_filter([{", ".join(map(_reason, rules))}], lambda reason: reason IS NOT NULL)
        FROM {typed("doubtful")} JOIN {rows.records} USING (n)
        UNION ALL SELECT n, record, [reason] FROM line_errors
        """
    )
    (accepted,) = connection.execute("SELECT count(*) FROM checked WHERE ok").fetchone() or (0,)
    return int(accepted)


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


def count_duplicates(connection: duckdb.DuckDBPyConnection, dataset: str) -> int:
    """Return how many accepted rows of ``checked`` repeat exactly an accepted row, of this file or of one before."""
    table = DATASETS[dataset]
    names = [column.name for column in _ours(table)] + [EXTRA]
    columns = ", ".join(map(quote, names))
    key = ", ".join(map(quote, table.key))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE hashes AS SELECT hash({key}) AS h, n FROM checked WHERE ok"
    )
    keys = " AND ".join(f"r.{quote(name)} = c.{quote(name)}" for name in table.key)
    same = " AND ".join(f"r.{quote(name)} IS NOT DISTINCT FROM c.{quote(name)}" for name in names)
    # Only rows whose key occurs twice, or is in raw, can be repeats; only those are compared whole.
    within = connection.execute(
        f"""
        WITH twice AS (SELECT n FROM hashes WHERE h IN (SELECT h FROM hashes GROUP BY h HAVING count(*) > 1)),
        candidates AS (SELECT {columns} FROM checked WHERE n IN (SELECT n FROM twice))
        SELECT (SELECT count(*) FROM candidates) - (SELECT count(*) FROM (SELECT DISTINCT * FROM candidates))
        """
    ).fetchone()
    before = connection.execute(
        f"""
        SELECT count(*) FROM (
            SELECT DISTINCT {columns} FROM checked c WHERE ok
            AND EXISTS (SELECT 1 FROM {table.full_name} r WHERE {keys})
        ) c WHERE EXISTS (SELECT 1 FROM {table.full_name} r WHERE {keys} AND {same})
        """
    ).fetchone()
    return _first(within) + _first(before)


def _first(row: tuple[Any, ...] | None) -> int:
    return int(row[0]) if row else 0
