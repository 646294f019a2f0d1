"""Read any table of the warehouse as daily series; every name comes from the catalogue and is quoted."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

import pandas as pd

from workbench.errors import UsageError, unknown
from workbench.numbers import many
from workbench.schema import quote
from workbench.warehouse import Warehouse

MAX_SERIES = 50
LARGEST_GAP = 366
"""Days without any row that a series may have in it."""

TEMPORAL = re.compile(r"DATE|TIMESTAMP[^\[]*")
TEXTS = re.compile(r"(CHARACTER|VARCHAR|CHAR|TEXT|BPCHAR|STRING)[^\[]*")
FLOATS = re.compile(r"DOUBLE[^\[]*|FLOAT\d?|REAL")
NUMBERS = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|(DECIMAL|NUMERIC|DOUBLE|FLOAT|REAL)[^\[]*")


def find_table(warehouse: Warehouse, table: str) -> tuple[str, dict[str, str]]:
    """Return the full name of a table or view and its columns with their types, from the catalogue.

    Raises:
        UsageError: there is no such table.
    """
    tables = warehouse.catalogue()
    in_any_case = {full.lower(): full for full in tables}
    for candidate in (table, f"marts.{table}", f"core.{table}"):
        if found := candidate if candidate in tables else in_any_case.get(candidate.lower()):
            return found, tables[found]
    if elsewhere := sorted(full for full in tables if full.partition(".")[2].lower() == table.lower()):
        raise UsageError(f"table {table!r} is neither in marts nor in core; there is: {', '.join(elsewhere)}")
    bare = {full.split(".", 1)[1] for full in tables if full.startswith(("marts.", "core."))}
    raise unknown("table", table, tables if "." in table else bare or tables)


def find_column(columns: dict[str, str], name: str, kind: str, types: re.Pattern[str] | None = None) -> str:
    """Return the column's name as the catalogue spells it.

    Args:
        columns: names and types, from :func:`find_table`.
        name: what was asked for, in any case.
        kind: what it is asked for, for the message.
        types: the types that will do; any if None.

    Raises:
        UsageError: there is no such column, or it is of another type.
    """
    match = {each.lower(): each for each in columns}.get(name.lower())
    if match is None:
        raise unknown(kind, name, columns)
    if types and not types.fullmatch(columns[match]):
        fitting = [each for each, type_ in columns.items() if types.fullmatch(type_)]
        hint = "; a text can be cast in a view" if TEXTS.fullmatch(columns[match]) else ""
        raise UsageError(f"{kind} {match} is {columns[match]}; fitting: {', '.join(fitting) or 'none'}{hint}")
    return match


def aggregate(
    warehouse: Warehouse,
    table: str,
    columns: dict[str, str],
    date_column: str,
    measure: str | None,
    by: str | None,
    statistic: str = "sum",
) -> tuple[pd.DataFrame, list[str]]:
    """Add a table up by day and series; the 50 series with the most rows are kept.

    Args:
        warehouse: where it is.
        table: its full name.
        columns: their names and types, from :func:`find_table`.
        date_column: the day of a row, in UTC.
        measure: what is summed; rows are counted if None. A day is NaN where the sum is unknown: all its values are
            missing, or one is infinite.
        by: what tells series apart.
        statistic: what of the values is taken: ``sum``, ``mean``, ``min`` or ``max``.

    Returns:
        One row a day and series (``day``, ``series``, ``value``, ``rows``), by day, then series; and what was
        left out, one sentence each.
    """
    # Every name comes from the catalogue and is quoted.
    source = ".".join(quote(part) for part in table.split(".", 1))
    series = series_name(quote(by), columns[by]) if by else "''"
    value, endless, missing = (
        sums(quote(measure), columns[measure], statistic) if measure else ("count(*)", "0", "0")
    )
    daily = (
        "SELECT CASE WHEN fault = 0 THEN day END AS day, fault, CASE WHEN fault = 0 THEN series ELSE '' END AS series, "
        f"CAST({value} AS DOUBLE PRECISION) AS value, count(*) AS rows, {endless} AS endless, {missing} AS missing "
        "FROM (SELECT CASE WHEN day IS NULL THEN 1 WHEN day NOT BETWEEN DATE '1678-01-01' AND DATE '2261-12-31' THEN 2 "
        f"ELSE 0 END AS fault, rows_of.* FROM (SELECT CAST({quote(date_column)} AS DATE) AS day, {series} AS series"
        f"{f', {quote(measure)} AS measure' if measure else ''} FROM {source}) AS rows_of) AS judged GROUP BY 1, 2, 3"
    )
    frame = warehouse.frame(
        f"WITH daily AS ({daily}), "
        "totals AS (SELECT series, sum(rows) AS total FROM daily WHERE fault = 0 GROUP BY series), "
        "ranked AS (SELECT series, dense_rank() OVER (ORDER BY total DESC, series) AS place FROM totals) "
        "SELECT day, fault, daily.series, value, rows, endless, missing, place "
        "FROM daily LEFT JOIN ranked ON ranked.series = daily.series "
        f"WHERE fault > 0 OR place <= {MAX_SERIES + 1} ORDER BY day, daily.series"
    )
    notes = []
    for fault, what in ((1, f"no {date_column}"), (2, f"a {date_column} beyond all calendars")):
        if count := int(frame.loc[frame["fault"] == fault, "rows"].sum()):
            notes.append(f"{many(count, 'row has', 'rows have')} {what}.")
    frame = frame[frame["fault"] == 0]
    if (frame["place"] > MAX_SERIES).any():
        notes.append(f"Only the {MAX_SERIES} series with the most rows were judged.")
    frame = frame[frame["place"] <= MAX_SERIES]
    frame = frame.assign(day=pd.to_datetime(frame["day"]).dt.date, rows=frame["rows"].astype("int64"))
    frame, apart = _one_stretch(frame, date_column)
    notes += apart
    if missing_rows := int(frame["missing"].sum()):
        notes.append(
            f"{many(missing_rows, 'row')} without {measure} (NULL or NaN): they add nothing to a sum."
        )
    unknown_days = (frame["endless"] > 0) | (frame["value"].abs() == float("inf"))
    if unknown_days.any():
        days = sorted({str(day) for day in frame.loc[unknown_days, "day"]})
        notes.append(f"{measure} is infinite on {_first(days)}: such a day has no sum and was left out.")
    return frame.assign(value=frame["value"].mask(unknown_days)), notes


def series_name(column: str, kind: str) -> str:
    """Return the expression of a series' name; Redshift casts no boolean to text, and cuts a text that it casts."""
    if kind == "BOOLEAN":
        text = f"CASE WHEN {column} THEN 'true' WHEN NOT {column} THEN 'false' END"
    elif TEXTS.fullmatch(kind):
        text = column
    else:
        text = f"CAST({column} AS VARCHAR)"
    return f"coalesce({text}, '(none)')"


def sums(measure: str, kind: str, statistic: str = "sum") -> tuple[str, str, str]:
    """Return the expressions of a period's sum (or ``avg``, ...), and of how many values are infinite and missing."""
    function = {"mean": "avg"}.get(statistic, statistic)
    if not FLOATS.fullmatch(kind):
        return f"{function}(measure)", "0", "sum(CASE WHEN measure IS NULL THEN 1 ELSE 0 END)"
    # NaN is the greatest of numbers to both engines, so no comparison of it with another holds but this one.
    finite = "abs(CAST(measure AS DOUBLE PRECISION)) <= CAST('1.7976931348623157e308' AS DOUBLE PRECISION)"
    nan = "CAST(measure AS DOUBLE PRECISION) = CAST('NaN' AS DOUBLE PRECISION)"
    return (
        f"{function}(CASE WHEN {finite} THEN CAST(measure AS DOUBLE PRECISION) END)",
        f"sum(CASE WHEN measure IS NULL OR {nan} OR {finite} THEN 0 ELSE 1 END)",
        f"sum(CASE WHEN measure IS NULL OR {nan} THEN 1 ELSE 0 END)",
    )


def _one_stretch(frame: pd.DataFrame, date_column: str) -> tuple[pd.DataFrame, list[str]]:
    """Keep the days that belong together: of stretches more than a year apart, the one with the most days.

    So a date that stands for 'none' or 'never' (1900, 9999) costs its own rows only. Days ahead are left out as
    unfinished, unless most rows are ahead.
    """
    notes: list[str] = []
    today = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
    ahead = frame["day"] > today
    if frame.empty:
        return frame, notes
    days = pd.Series(sorted(set(frame["day"])))
    gap = days.map(dt.date.toordinal).diff() > LARGEST_GAP
    stretch = dict(zip(days, gap.cumsum(), strict=True))
    of_row = frame["day"].map(stretch)
    lengths = pd.Series(stretch).value_counts()
    # Of two of the same length, the one with more rows.
    rows = frame.groupby(of_row)["rows"].sum()
    longest = max(lengths.index, key=lambda each: (lengths[each], rows[each]))
    apart = frame[of_row != longest]
    if len(apart):
        some = _first([str(day) for day in sorted(set(apart["day"]))])
        notes.append(
            f"{many(int(apart['rows'].sum()), 'row')} on {some}: over {LARGEST_GAP} days from the other days, left out."
        )
    ahead &= of_row == longest
    kept = of_row == longest
    in_stretch = int(frame.loc[kept, "rows"].sum())
    if ahead.any() and frame.loc[ahead, "rows"].sum() <= in_stretch / 2:
        notes.append(
            f"{many(int(frame.loc[ahead, 'rows'].sum()), 'row')} with a {date_column} in the future, left out."
        )
        kept &= ~ahead
    return frame[kept], notes


def _first(texts: Sequence[str], count: int = 3) -> str:
    return ", ".join(texts[:count]) + (f" and {len(texts) - count} more days" if len(texts) > count else "")
