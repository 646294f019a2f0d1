"""Read any table of the warehouse as daily series; every name comes from the catalogue and is quoted."""

from __future__ import annotations

import re

import pandas as pd

from workbench.errors import UsageError, unknown
from workbench.schema import quote
from workbench.warehouse import Warehouse

MAX_SERIES = 50
TEMPORAL = re.compile(r"DATE|TIMESTAMP[^\[]*")
NUMBERS = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|(DECIMAL|NUMERIC|DOUBLE|FLOAT|REAL)[^\[]*")


def find_table(warehouse: Warehouse, table: str) -> tuple[str, dict[str, str]]:
    """Return the full name of a table or view and its columns with their types, from the catalogue.

    Raises:
        UsageError: there is no such table.
    """
    # On Redshift the standard's catalogue leaves out views that bind late.
    catalogue = "svv_columns" if warehouse.dialect == "redshift" else "information_schema.columns"
    rows = warehouse.query(
        f"SELECT table_schema, table_name, column_name, data_type FROM {catalogue} "
        "WHERE table_schema NOT IN ('information_schema', 'pg_catalog') ORDER BY ordinal_position"
    ).to_pylist()
    tables: dict[str, dict[str, str]] = {}
    for row in rows:
        full = f"{row['table_schema']}.{row['table_name']}"
        tables.setdefault(full, {})[str(row["column_name"])] = str(row["data_type"]).upper()
    for candidate in (table, f"marts.{table}", f"core.{table}"):
        if candidate in tables:
            return candidate, tables[candidate]
    bare = {full.split(".")[1] for full in tables if full.startswith(("marts.", "core."))}
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
        raise UsageError(f"{kind} {match} is {columns[match]}; fitting: {', '.join(fitting) or 'none'}")
    return match


def aggregate(
    warehouse: Warehouse, table: str, date_column: str, measure: str | None, by: str | None
) -> tuple[pd.DataFrame, list[str]]:
    """Add a table up by day and series; the 50 series with the most rows are kept.

    Returns:
        One row a day and series (``day``, ``series``, ``value``, ``rows``), by day, then series; and what was
        left out, one sentence each.
    """
    source = ".".join(quote(part) for part in table.split("."))
    day = quote(date_column)
    series = f"coalesce(CAST({quote(by)} AS VARCHAR), '(none)')" if by else "''"
    value = (
        f"CAST(coalesce(sum({quote(measure)}), 0) AS DOUBLE PRECISION)"
        if measure
        else "CAST(count(*) AS DOUBLE PRECISION)"
    )
    # Every name comes from the catalogue and is quoted.
    daily = (
        f"SELECT CAST({day} AS DATE) AS day, {series} AS series, {value} AS value, count(*) AS rows "
        f"FROM {source} GROUP BY 1, 2"
    )
    frame = warehouse.frame(
        f"WITH daily AS ({daily}), "
        "totals AS (SELECT series, sum(rows) AS total FROM daily WHERE day IS NOT NULL GROUP BY series), "
        "ranked AS (SELECT series, dense_rank() OVER (ORDER BY total DESC, series) AS place FROM totals) "
        "SELECT day, daily.series, value, rows, place "
        "FROM daily LEFT JOIN ranked ON ranked.series = daily.series "
        f"WHERE day IS NULL OR place <= {MAX_SERIES + 1} ORDER BY day, daily.series"
    )
    notes = []
    undated = frame["day"].isna()
    if undated.any():
        notes.append(f"{int(frame.loc[undated, 'rows'].sum()):,} rows have no {date_column}.")
    frame = frame[~undated]
    if (frame["place"] > MAX_SERIES).any():
        notes.append(f"Only the {MAX_SERIES} series with the most rows were judged.")
    frame = frame[frame["place"] <= MAX_SERIES]
    return frame.assign(day=pd.to_datetime(frame["day"]).dt.date, rows=frame["rows"].astype("int64")), notes
