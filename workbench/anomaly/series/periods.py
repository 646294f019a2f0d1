"""Read any table of the warehouse as series of other periods than days: minutes, hours, weeks."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from workbench.anomaly.series.daily import MAX_SERIES, series_name, sums
from workbench.errors import UsageError, unknown
from workbench.numbers import many
from workbench.schema import quote
from workbench.warehouse import Warehouse

Statistic = Literal["sum", "mean", "min", "max"]

MOST_PERIODS = 5_000_000
"""Periods of all series together that are judged at once."""

_GRID_SHARE, _FILLED = 0.99, 0.5
_DAY = 1440


@dataclass(frozen=True)
class Step:
    """How long a period is.

    Attributes:
        name: as it is asked for: ``5min``, ``hour``, ``day``, ``week``.
        minutes: its length.
        words: a period in a sentence: ``a day has 24 hours``, so ``hour``.
    """

    name: str
    minutes: int
    words: str

    @property
    def length(self) -> pd.Timedelta:
        """Its length."""
        return pd.Timedelta(minutes=self.minutes)


STEPS = {
    step.name: step
    for step in (
        Step("5min", 5, "five minutes"), Step("10min", 10, "ten minutes"), Step("15min", 15, "quarter of an hour"),
        Step("30min", 30, "half an hour"), Step("hour", 60, "hour"), Step("day", _DAY, "day"), Step("week", 7 * _DAY, "week"),
    )
}  # fmt: skip


def find_step(name: str) -> Step:
    """Return a step by its name.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in STEPS:
        raise unknown("length of a period", name, STEPS)
    return STEPS[name]


def told_step(warehouse: Warehouse, source: str, column: str, kind: str) -> tuple[Step, str]:
    """Tell from the times of a table how long its periods are, and say why.

    Where the times lie on a grid of minutes or hours (99 in 100 of them do) and half of its periods have any, it is
    that; else, and for dates, it is a day.

    Args:
        warehouse: where it is.
        source: the table, quoted.
        column: the column, quoted.
        kind: the type of the column.
    """
    if kind == "DATE":
        return STEPS["day"], ""
    time = f"CAST({column} AS TIMESTAMP)"
    minute, second = f"EXTRACT(minute FROM {time})", f"EXTRACT(second FROM {time})"
    grids = [step for step in STEPS.values() if step.minutes <= 60][::-1]
    lies = ", ".join(
        f"sum(CASE WHEN {second} = 0 AND mod(CAST({minute} AS INTEGER), {step.minutes}) = 0 THEN 1 ELSE 0 END) AS on_{step.name}"
        for step in grids
    )
    (row,) = warehouse.rows(
        f"SELECT count({column}) AS times, min({time}) AS first, max({time}) AS last, count(DISTINCT {time}) AS moments, "
        f"{lies} FROM {source}"
    )
    if not row["times"]:
        return STEPS["day"], ""
    span = (pd.Timestamp(row["last"]) - pd.Timestamp(row["first"])) / pd.Timedelta(minutes=1)
    for step in grids:
        if row[f"on_{step.name}"] < _GRID_SHARE * row["times"]:
            continue
        # What lies on full hours lies on quarters of an hour, too; how many there are tells which it is.
        if row["moments"] >= _FILLED * (span / step.minutes + 1):
            return step, f"The times lie on a grid of {step.name}, so each {step.words} is judged."
    return STEPS["day"], ""


def aggregate_periods(
    warehouse: Warehouse,
    table: str,
    columns: dict[str, str],
    date_column: str,
    step: Step,
    measure: str | None,
    by: str | None,
    statistic: Statistic,
) -> tuple[pd.DataFrame, list[str]]:
    """Add a table up by period and series, in UTC; the 50 series with the most rows are kept.

    Args:
        warehouse: where it is.
        table: its full name.
        columns: their names and types.
        date_column: the time of a row.
        step: how long a period is.
        measure: what is added up; rows are counted if None.
        by: what tells series apart.
        statistic: what of the values of a period is taken; missing and infinite ones are left out.

    Returns:
        Values by period (from the first to the last, without gaps) and series: 0 rows or NaN where there is none. And
        what was left out, one sentence each.

    Raises:
        UsageError: the column has dates only and the periods are shorter, or there are too many periods.
    """
    if columns[date_column] == "DATE" and step.minutes < _DAY:
        raise UsageError(f"{date_column} has dates without times; a period can't be shorter than a day")
    source = ".".join(quote(part) for part in table.split(".", 1))
    name = series_name(quote(by), columns[by]) if by else "''"
    time = f"CAST({quote(date_column)} AS TIMESTAMP)"
    begin = f"DATE_TRUNC('{'week' if step.name == 'week' else 'hour'}', {time})"
    part = (
        "0" if step.minutes >= 60 else f"CAST(FLOOR(EXTRACT(minute FROM {time}) / {step.minutes}) AS INTEGER)"
    )
    value, endless, missing = (
        sums(quote(measure), columns[measure], statistic) if measure else ("count(*)", "0", "0")
    )
    frame = warehouse.frame(
        "WITH added AS ("
        f"SELECT begin, part, series, CAST({value} AS DOUBLE PRECISION) AS value, count(*) AS rows, "
        f"{endless} AS endless, {missing} AS missing FROM ("
        f"SELECT {begin} AS begin, {part} AS part, {name} AS series"
        f"{f', {quote(measure)} AS measure' if measure else ''} FROM {source}) AS rows_of GROUP BY begin, part, series), "
        "totals AS (SELECT series, sum(rows) AS total FROM added WHERE begin IS NOT NULL GROUP BY series), "
        "ranked AS (SELECT series, dense_rank() OVER (ORDER BY total DESC, series) AS place FROM totals) "
        "SELECT begin, part, added.series, value, rows, endless, missing, place FROM added "
        f"LEFT JOIN ranked ON ranked.series = added.series WHERE begin IS NULL OR place <= {MAX_SERIES + 1} "
        "ORDER BY begin, part, added.series"
    )
    notes = []
    if "WITH TIME ZONE" in columns[date_column]:
        notes.append("Times with a zone were taken in UTC.")
    nowhere = frame["begin"].isna()
    if nowhere.any():
        notes.append(f"{many(frame.loc[nowhere, 'rows'].sum(), 'row has', 'rows have')} no {date_column}.")
    frame = frame[~nowhere]
    if (frame["place"] > MAX_SERIES).any():
        notes.append(f"Only the {MAX_SERIES} series with the most rows were judged.")
    frame = frame[frame["place"] <= MAX_SERIES]
    if lost := int(frame["missing"].sum()):
        notes.append(f"{many(lost, 'row')} without {measure} (NULL or NaN): left out.")
    if endless_rows := int(frame["endless"].sum()):
        notes.append(f"{many(endless_rows, 'row')} with an infinite {measure}: left out.")
    if frame.empty:
        return pd.DataFrame(), notes
    period = pd.to_datetime(frame["begin"]) + pd.to_timedelta(
        frame["part"].astype(int) * step.minutes, unit="min"
    )
    ahead = period > pd.Timestamp(dt.datetime.now(dt.UTC).replace(tzinfo=None)) + pd.Timedelta(days=1)
    if ahead.any() and ahead.mean() <= 0.5:
        notes.append(
            f"{many(frame.loc[ahead, 'rows'].sum(), 'row')} with a {date_column} in the future, left out."
        )
        frame, period = frame[~ahead], period[~ahead]
    count = int((period.max() - period.min()) / step.length) + 1
    if count * frame["series"].nunique() > MOST_PERIODS:
        raise UsageError(
            f"{date_column} runs from {period.min()} to {period.max()}: {count:,} periods of {step.name}, which are too "
            "many; name a longer period"
        )
    values = frame.assign(period=period).pivot(index="period", columns="series", values="value")
    every = pd.date_range(period.min(), period.max(), freq=step.length)
    values = values.reindex(every)
    if measure is None:
        values = _zeros(values)
    return values.astype(float), notes


def _zeros(counts: pd.DataFrame) -> pd.DataFrame:
    """Take a period without rows for 0 from a series' first rows on."""
    begun = counts.notna().cummax()
    return counts.fillna(0.0).where(begun, np.nan)
