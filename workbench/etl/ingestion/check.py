"""Hold the rows of one landed file to the contract of their dataset."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import duckdb

from workbench.etl.ingestion.around import map_replayed
from workbench.etl.ingestion.drift import changed_columns, drift_of, lacking, unlike, visible
from workbench.etl.ingestion.duplicates import batch_rows, contradictions
from workbench.etl.ingestion.faults import Fault, MapFails
from workbench.etl.ingestion.limits import Verdict, judge
from workbench.etl.ingestion.opened import JudgedElsewhere, OpenedFile, columns_by, missing_columns
from workbench.etl.ingestion.reading import Rows
from workbench.etl.ingestion.shaping import mapped, ours, picked
from workbench.governance.drift import Change
from workbench.governance.quarantine.rows import EXPORTED, REFUSED_WHOLE
from workbench.numbers import many
from workbench.schema import EXTRA, Table, quote
from workbench.schema.contract import Rule, compile_rule, earliest, has_zone
from workbench.schema.raw import HAS_ZONE
from workbench.settings import get_settings
from workbench.sources.binding import misfits
from workbench.sources.dialect import Dialect
from workbench.sources.landing import FetchedFile

_NAMED = 50


@dataclass(frozen=True)
class Checked:
    """The outcome for one file: how many rows went where, and what a person should know.

    ``lacks`` are the optional columns that it hasn't got, as JSON; None where that isn't known.
    """

    accepted: int
    quarantined: int
    status: Literal["loaded", "partial", "empty", "rejected"]
    message: str | None
    verdict: Verdict | None = None
    drift: Mapping[str, Change] = field(default_factory=dict)
    lacks: str | None = None


def split(connection: duckdb.DuckDBPyConnection, opened: OpenedFile, timestamp: datetime) -> Checked:
    """Put the rows of a file that keep the contract into raw, and the others into the table ``refused``.

    ``refused`` has ``n``, ``record`` and ``reasons``, and is temporary. Nothing is committed.

    Args:
        connection: the one the file was staged in, in a transaction.
        staged: the file.
        moment: the batch's time, later than every other's.
    """
    file, table, rows = opened.file, opened.table, opened.rows
    connection.execute("CREATE OR REPLACE TEMP TABLE refused (n BIGINT, record VARCHAR, reasons VARCHAR[])")
    if rows is None:
        return Checked(0, 0, "empty", "the file is empty")
    if rows.headless is not None:
        refused = _refuse_all(connection, rows, ["line:unknown_header"])
        asked = "that the map reads" if columns_by(file) else f"of {file.dataset}"
        told = f"no column {asked} in the first line: {rows.headless}"
        return Checked(0, refused, "rejected", _joined([told, *rows.notes]))
    if EXPORTED in rows.names and not rows.is_replay:
        refused = _refuse_all(connection, rows, ["file:quarantine_export"])
        told = "it was exported from quarantine; send it back with: workbench quarantine replay FILE"
        return Checked(0, refused, "rejected", told)
    if not rows.names and not _count(connection, f"SELECT count(*) FROM {rows.records}"):
        return Checked(0, 0, "empty", "there is no record in it")
    if mapping := columns_by(file):
        types = {name: source.type for name, source in rows.sources.items()}
        if found := misfits(mapping, rows.names, types):
            refused = _refuse_all(connection, rows, [f"{each.column}:{each.code}" for each in found])
            return Checked(0, refused, "rejected", "; ".join(map(str, found)))
    # Rows from quarantine are each judged alone.
    elif not rows.is_replay and (missing := missing_columns(table, rows)):
        refused = _refuse_all(connection, rows, [f"{name}:missing_column" for name in missing])
        told = unlike(connection, rows, missing)
        return Checked(0, refused, "rejected", told, drift=drift_of(missing=missing))
    if opened.judged:
        accepted = _take_judged(connection, opened, opened.judged, timestamp)
    else:
        accepted = judge_rows(connection, opened, rows, timestamp)
    quarantined = _count(connection, "SELECT count(*) FROM refused")
    if not accepted and not quarantined:
        return Checked(0, 0, "empty", "a header and no rows")
    status: Literal["partial", "loaded"] = "partial" if quarantined else "loaded"
    said = [*rows.notes, _kept(rows)]
    if rows.is_replay:
        return Checked(accepted, quarantined, status, _joined(said))
    judged = judge(file.dataset, accepted + quarantined, quarantined)
    changed = [] if accepted else changed_columns(connection, quarantined)
    # A few rows may all be wrong by chance; as many as are worth a warning are another column.
    is_refused = judged.verdict == "refuse" or (changed and judged.verdict == "warn")
    if is_refused and opened.judged:
        connection.execute(f"DELETE FROM {table.full_name} WHERE _ingested_at = TIMESTAMP '{timestamp}'")
        return split(connection, opened.judged.whole(), timestamp)
    whole = f"no value of {', '.join(changed)} is one" if changed and quarantined > 1 else None
    if is_refused:
        refused = _refuse_rest(connection, table, rows, timestamp)
        drift = drift_of(changed=changed)
        return Checked(0, refused, "rejected", _joined([judged.message, whole, *said]), "refuse", drift)
    doubled = _contradictory(contradictions(connection, table, timestamp) if accepted else 0)
    verdict: Verdict = "warn" if doubled else judged.verdict
    return Checked(
        accepted,
        quarantined,
        status,
        _joined([judged.message, whole, doubled, *said]),
        verdict,
        drift_of(() if mapping else rows.others),
        None if mapping else lacking(table, rows, accepted),
    )


def _joined(parts: Sequence[str | None]) -> str | None:
    return "; ".join(filter(None, parts)) or None


def _contradictory(keys: int) -> str | None:
    if not keys:
        return None
    return f"{many(keys, 'key')} {'has' if keys == 1 else 'have'} rows that differ: the last counts"


def _refuse_rest(connection: duckdb.DuckDBPyConnection, table: Table, rows: Rows, timestamp: datetime) -> int:
    """Refuse the rows that were accepted, too, for the sake of the others; return how many are refused."""
    connection.execute(
        f"INSERT INTO refused SELECT n, record, ['{REFUSED_WHOLE}'] FROM {rows.records} "
        "WHERE n NOT IN (SELECT n FROM refused)"
    )
    connection.execute(f"DELETE FROM {table.full_name} WHERE _ingested_at = TIMESTAMP '{timestamp}'")
    return _count(connection, "SELECT count(*) FROM refused")


def refuse_file(connection: duckdb.DuckDBPyConnection, file: FetchedFile, fault: Fault) -> Checked:
    """Refuse a file that can't be read at all, or whose map is wrong: it counts as one row, whose record is its address."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE refused AS SELECT 1 AS n, ? AS record, [?] AS reasons",
        [file.uri, fault.reason],
    )
    return Checked(0, 1, "rejected", fault.message)


def _kept(rows: Rows) -> str | None:
    """Say which columns of theirs were kept beside ours."""
    if not rows.others:
        return None
    names = [
        visible(name) if name and name.isprintable() else json.dumps(name) for name in rows.others[:_NAMED]
    ]
    if (more := len(rows.others) - _NAMED) > 0:
        names.append(f"and {more:,} more")
    return f"kept in {EXTRA}: {', '.join(names)}"


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
    return _count(connection, "SELECT count(*) FROM refused")


def _take_judged(
    connection: duckdb.DuckDBPyConnection, opened: OpenedFile, judged: JudgedElsewhere, timestamp: datetime
) -> int:
    table = opened.table
    columns = ", ".join(map(quote, table.column_names))
    if judged.refused:
        connection.execute(
            "INSERT INTO refused SELECT n, record, reasons FROM read_parquet(?)", [judged.refused]
        )
    (accepted,) = connection.execute(
        f"INSERT INTO {table.full_name} ({columns}) SELECT {columns} FROM (SELECT * REPLACE (CAST(? AS TIMESTAMP) "
        "AS _ingested_at) FROM read_parquet(?))",
        [timestamp, judged.accepted],
    ).fetchone() or (0,)
    return int(accepted)


def judge_rows(
    connection: duckdb.DuckDBPyConnection, opened: OpenedFile, rows: Rows, timestamp: datetime
) -> int:
    """Put each row of a file into raw or ``refused``, and return how many are accepted."""
    table, mapping, dialect = opened.table, columns_by(opened.file), opened.file.map or Dialect()

    def shaped(relation: str) -> str:
        if mapping:
            return f"({mapped(table, mapping, rows, relation)})"
        return f"({picked(table, rows, relation, dialect)})"

    landed = shaped(rows.relation)
    if mapping is None:
        types = {f"s:{name}": source.type for name, source in rows.sources.items()}
    else:
        # A window looks at all rows: it is worked out once, before any row is set aside.
        try:
            if rows.is_replay:
                map_replayed(connection, table, rows, shaped)
            else:
                connection.execute(f"CREATE OR REPLACE TEMP TABLE mapped AS SELECT * FROM {landed}")
        except duckdb.Error as error:
            raise MapFails.of(error) from error
        landed = "mapped"
        described = connection.execute(f"DESCRIBE SELECT * FROM {landed}").fetchall()
        types = {row[0]: row[1] for row in described}
    since = earliest(table.name, get_settings())
    rules = [
        compile_rule(
            column,
            quote(f"s:{column.name}"),
            types.get(f"s:{column.name}", "VARCHAR"),
            quote(column.name),
            since,
        )
        for column in ours(table)
    ]
    # Blanks around a text are taken off once, below everything that looks at it.
    texts = [] if rows.trimmed and mapping is None else _texts(types)
    bare = f"REPLACE ({', '.join(f'trim({name}) AS {name}' for name in texts)})" if texts else ""
    values = ", ".join(f"{rule.value} AS {quote(rule.column.name)}" for rule in rules)

    def typed(source: str) -> str:
        return f"(SELECT *, {values} FROM (SELECT * {bare} FROM {source}))"

    ok = " AND ".join(rule.ok for rule in rules)
    columns = ", ".join(quote(rule.column.name) for rule in rules)
    into, selected = columns, columns
    if HAS_ZONE in table.column_names:
        time = next(rule.column.name for rule in rules if rule.column.kind == "timestamp")
        told = has_zone(quote(f"s:{time}"), types.get(f"s:{time}", "VARCHAR"))
        into, selected = f"{columns}, {HAS_ZONE}", f"{columns}, {told}"
    accept = (
        f"INSERT INTO {table.full_name} ({into}, {EXTRA}, _batch_id, _row_number, _ingested_at) "
        f"SELECT {selected}, {EXTRA}, ?, n, ? FROM {typed(landed)} WHERE {ok}"
    )
    with _values_worked_out_once(connection):
        (accepted,) = connection.execute(accept, [opened.file.batch_id, timestamp]).fetchone() or (0,)
    if accepted < rows.at_most(connection):
        doubt = f"n NOT IN (SELECT _row_number FROM {batch_rows(table, timestamp)})"
        doubtful = rows.pick(connection, doubt)
        doubtful.judge_lines(connection)
        in_doubt = f"SELECT * FROM mapped WHERE {doubt}" if mapping else shaped(doubtful.relation)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE doubtful AS {in_doubt}")
        connection.execute(
            f"""
            INSERT INTO refused
            SELECT n, record, list_filter([{", ".join(map(_reason, rules))}], lambda reason: reason IS NOT NULL)
            FROM {typed("doubtful")} JOIN {doubtful.records} USING (n)
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
        # Where a statement failed, its transaction takes no other; the setting outlives it.
        with contextlib.suppress(duckdb.TransactionException):
            connection.execute("RESET disabled_optimizers")


def _reason(rule: Rule) -> str:
    cases = " ".join(
        f"WHEN {problem.condition} THEN '{rule.column.name}:{problem.code}'" for problem in rule.problems
    )
    return f"CASE {cases} END" if cases else "NULL"


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    (found,) = connection.execute(sql).fetchone() or (0,)
    return int(found)
