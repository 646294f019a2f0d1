"""The row contract: for each declared column, the SQL that types a landed value and names what is wrong with it.

Everything is compiled to DuckDB expressions, so that a million rows are checked in one pass over the columns.
A landed value is text (CSV, JSON lines) or already typed (Parquet, a map's expression).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache, lru_cache
from zoneinfo import available_timezones

from workbench.errors import unknown
from workbench.schema.ddl import sql_type
from workbench.schema.model import Column
from workbench.schema.raw import RAW
from workbench.schema.units import METRICS, SPELLINGS
from workbench.settings import EARLIEST, Settings
from workbench.settings.currencies import USUAL, currencies

_INTEGERS = {
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
}
_FLOATS = {"FLOAT", "DOUBLE"}

_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)"
_INTEGER = r"[+-]?[0-9]+(\.0*)?"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_OFFSET = r"[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?"
_TIME = rf"{_DATE}([T ][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}(\.[0-9]+)?)?( ?(Z|{_OFFSET}))?)?"
_DAY = rf"{_DATE}([T ]00:00(:00(\.0+)?)?Z?)?"

LINE_STATUSES = {
    "sold": ("sale", "completed", "complete", "paid", "ok"),
    "returned": ("return", "refunded", "refund"),
    "cancelled": ("canceled", "cancel", "cancellation", "void", "voided", "storno"),
}
"""What became of a line, and what tills write for it beside that; case is forgiven."""

_USUAL = ", ".join(f"'{code}'" for code in USUAL)
_EXACT = 2**53
"""Up to here a floating-point number tells every integer from the next."""


@dataclass(frozen=True)
class Problem:
    """One way a value can be wrong: the reason code, and the condition over its source and typed value."""

    code: str
    condition: str


@dataclass(frozen=True)
class Rule:
    """How one column is read: ``value`` types the source expression, ``problems`` judge the outcome.

    The conditions speak of ``source`` and ``value`` columns by the names given to :func:`compile_rule`; the
    first that holds for a value is its reason. ``ok`` is true where none holds, and cheaper to work out.
    """

    column: Column
    value: str
    problems: tuple[Problem, ...]
    ok: str


def earliest(dataset: str, settings: Settings) -> dt.date:
    """Return the first day from which a time of a dataset is taken for one.

    Raises:
        UsageError: the setting names a dataset that nobody declared.
    """
    known = {table.name for table in RAW}
    for name in settings.earliest_days:
        if name and name not in known:
            raise unknown("dataset in WORKBENCH_EARLIEST", name, known)
    return settings.earliest_days.get(dataset) or settings.earliest_days.get("") or EARLIEST


@lru_cache(1024)
def compile_rule(
    column: Column, source: str, source_type: str, value: str, since: dt.date = EARLIEST
) -> Rule:
    """Compile the contract of one column.

    Args:
        column: the declared column.
        source: name of the column that holds the landed value, in SQL; text is without blanks around it.
        source_type: its DuckDB type; ``VARCHAR`` for text.
        value: name that the typed value will have, in SQL.
        since: the first day that a time may be of.

    Returns:
        The rule; its ``value`` is an expression over ``source``.
    """
    is_text = source_type == "VARCHAR"
    blank = f"({source} IS NULL OR {source} = '')" if is_text else f"({source} IS NULL)"
    problems = [Problem("missing", blank)] if column.required else []
    failed = f"{value} IS NULL AND NOT {blank}"
    typed, wrong = (_from_text if is_text else _from_native)(column, source, source_type, failed)
    problems += wrong
    further = [_check(name, value, since) for name in column.checks]
    if column.longest is not None:
        further.insert(0, Problem("too_long", f"strlen({value}) > {column.longest}"))
    if column.required:
        read = f"{value} IS NOT NULL"
    elif is_text and column.kind == "text":
        read = "true"
    else:
        read = f"({value} IS NOT NULL OR {blank})"
    ok = " AND ".join([read, *(f"NOT coalesce({problem.condition}, false)" for problem in further)])
    return Rule(column, typed, (*problems, *further), ok)


def _from_text(column: Column, source: str, _type: str, failed: str) -> tuple[str, list[Problem]]:
    cast = f"TRY_CAST({source} AS {sql_type(column)})"
    match column.kind:
        case "decimal" | "double":
            plain = f"regexp_full_match({source}, '{_NUMBER}')"
            return f"CASE WHEN {plain} THEN {cast} END", [
                Problem("not_a_number", f"{failed} AND NOT {plain}"),
                Problem("out_of_range", failed),
            ]
        case "integer" | "bigint":
            plain = f"regexp_full_match({source}, '{_INTEGER}')"
            return f"CASE WHEN {plain} THEN {cast} END", [
                Problem("not_a_number", f"{failed} AND NOT regexp_full_match({source}, '{_NUMBER}')"),
                Problem("not_an_integer", f"{failed} AND NOT {plain}"),
                Problem("out_of_range", failed),
            ]
        case "timestamp":
            # A cast to TIMESTAMP ignores an offset in silence; a cast to TIMESTAMPTZ heeds it.
            # Most times have no offset, and a look at their form is cheaper than a search for one.
            plain = f"(ends_with({source}, 'Z') OR strlen({source}) < 19 OR strlen({source}) = 19 AND {source}[17] = ':')"
            zoned = f"NOT {plain} AND regexp_matches({source}, ':[0-9.]+ ?{_OFFSET}$')"
            timestamp = (
                f"CASE WHEN {zoned} THEN timezone('UTC', TRY_CAST({source} AS TIMESTAMPTZ)) ELSE {cast} END"
            )
            value = f"CASE WHEN regexp_full_match({source}, '{_TIME}') THEN {timestamp} END"
            return value, [Problem("invalid", failed)]
        case "date":
            value = f"CASE WHEN regexp_full_match({source}, '{_DAY}') THEN TRY_CAST(left({source}, 10) AS DATE) END"
            return value, [Problem("invalid", failed)]
        case "json":
            return f"CASE WHEN {_is_json(source)} THEN {cast} END", [Problem("invalid", failed)]
        case "boolean":
            return cast, [Problem("invalid", failed)]
        case _:
            if "currency" in column.checks:
                return f"nullif(upper({source}), '')", []
            if "line_status" in column.checks:
                return _line_status(source), []
            return f"nullif({source}, '')", []


def _from_native(column: Column, source: str, source_type: str, failed: str) -> tuple[str, list[Problem]]:
    cast = f"TRY_CAST({source} AS {sql_type(column)})"
    match column.kind:
        case "decimal" | "double" | "integer" | "bigint":
            problems = [Problem("out_of_range", failed)]
            if source_type in _FLOATS:
                problems.insert(0, Problem("not_a_number", f"NOT isfinite({source})"))
                if column.kind in ("integer", "bigint"):
                    cast = f"CASE WHEN {source} = trunc({source}) THEN {cast} END"
                    problems.insert(1, Problem("not_an_integer", f"{source} <> trunc({source})"))
            elif source_type not in _INTEGERS and not source_type.startswith("DECIMAL"):
                problems = [Problem("not_a_number", failed)]
            return cast, problems
        case "timestamp" if source_type == "TIMESTAMP WITH TIME ZONE":
            return f"timezone('UTC', {source})", [Problem("invalid", failed)]
        case "timestamp" | "date" | "boolean":
            return cast, [Problem("invalid", failed)]
        case "json":
            text = f"CAST(to_json({source}) AS VARCHAR)"
            return f"CASE WHEN {_is_json(text)} THEN to_json({source}) END", [Problem("invalid", failed)]
        case _:
            whole = f"{source} = trunc({source}) AND abs({source}) <= {_EXACT}"
            written = f"CAST({source} AS VARCHAR)"
            if source_type in _FLOATS:
                # An id that went through a floating-point column (13085.0) is the integer it was.
                number = (
                    f"CASE WHEN {whole} THEN CAST(CAST({source} AS BIGINT) AS VARCHAR) ELSE {written} END"
                )
                written = f"CASE WHEN isfinite({source}) THEN {number} END"
            if "currency" in column.checks:
                return f"nullif(upper(trim({written})), '')", []
            return _line_status(f"trim({written})") if "line_status" in column.checks else written, []


def _is_json(text: str) -> str:
    """Return SQL for whether a text has nothing outside its strings that DuckDB takes for JSON and others don't."""
    outside = f"""regexp_replace({text}, '"([^"\\\\]|\\\\.)*"', '""', 'g')"""
    return f"NOT regexp_matches({outside}, '(?i)nan|inf|,\\s*[\\]}}]')"


def _check(name: str, value: str, since: dt.date) -> Problem:
    match name:
        case "not_zero":
            return Problem("zero", f"{value} = 0")
        case "not_negative":
            return Problem("negative", f"{value} < 0")
        case "amount_fits":
            # An amount has 14 digits before the point; the bound leaves room for a discount.
            return Problem("out_of_range", f"abs(CAST(quantity AS DOUBLE) * {value}) >= 5e13")
        case "half_an_amount":
            return Problem("out_of_range", f"abs({value}) >= 49999999999999")
        case "not_too_early":
            return Problem("too_early", f"{value} < DATE '{since}'")
        case "not_in_future":
            return Problem(
                "in_future",
                f"{value} > CAST(current_timestamp AT TIME ZONE 'UTC' AS TIMESTAMP) + INTERVAL 1 DAY",
            )
        case "currency":
            # Most amounts are in one of a few, and to look through all takes longer than to convert a number.
            return Problem(
                "unknown",
                f"CASE WHEN {value} IN ({_USUAL}) THEN false ELSE {value} NOT IN ({_currency_literals()}) END",
            )
        case "time_zone":
            # Beside regions, a database of zones has offices, such as localtime, which differ by machine.
            known = ", ".join(_literal(zone) for zone in sorted(time_zones()))
            return Problem("unknown", f"{value} NOT IN ({known})")
        case "hour_of_day":
            return Problem("out_of_range", f"{value} NOT BETWEEN 0 AND 23")
        case "line_status":
            known = ", ".join(_literal(status) for status in LINE_STATUSES)
            return Problem("unknown", f"{value} NOT IN ({known})")
        case "unit":
            known = ", ".join(_literal(spelling) for spelling in SPELLINGS)
            return Problem("unknown", f"lower(trim({value})) NOT IN ({known})")
        case "unit_of_metric":
            return Problem("wrong_quantity", _wrong_quantity(value))
    raise ValueError(f"no such check: {name}")


def _line_status(source: str) -> str:
    """Return SQL for a line's status in our word, or as it landed where it is nobody's."""
    words = " ".join(
        f"WHEN {_literal(word)} THEN {_literal(status)}"
        for status, others in LINE_STATUSES.items()
        for word in others
    )
    return f"CASE lower({source}) WHEN '' THEN NULL {words} ELSE lower({source}) END"


def _wrong_quantity(value: str) -> str:
    """Return SQL for whether a metric that is compared in one unit has a reading in one that can't be told in it."""
    cases = []
    for metric, name in METRICS.items():
        quantity = SPELLINGS[name.lower()].quantity
        fitting = ", ".join(_literal(text) for text, unit in SPELLINGS.items() if unit.quantity == quantity)
        cases.append(f"WHEN {_literal(metric)} THEN lower(trim({value})) NOT IN ({fitting})")
    return f"CASE lower(trim(metric)) {' '.join(cases)} ELSE false END"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@cache
def time_zones() -> frozenset[str]:
    """Return the names of time zones that the IANA database and the engine both know."""
    import duckdb

    with duckdb.connect() as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM pg_timezone_names()").fetchall()}
    return frozenset(name for name in names & available_timezones() if "/" in name or name == "UTC")


def has_zone(source: str, source_type: str) -> str:
    """Return SQL for whether a landed time says in which zone it is."""
    if source_type != "VARCHAR":
        return "true" if source_type == "TIMESTAMP WITH TIME ZONE" else "false"
    # Most times have neither, and a look at their form is cheaper than a search.
    plain = f"(strlen({source}) < 17 OR strlen({source}) = 19 AND {source}[17] = ':')"
    return f"(NOT {plain} AND regexp_matches({source}, ':[0-9.]+ ?(Z|{_OFFSET})$'))"


@cache
def _currency_literals() -> str:
    return ", ".join(f"'{code}'" for code in sorted(currencies()))
