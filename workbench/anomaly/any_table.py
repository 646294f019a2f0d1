"""Find anomalous days in any table of the warehouse."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import get_args

import numpy as np
import pandas as pd

from workbench.anomaly.found import NOTHING, Findings, Method
from workbench.anomaly.series.daily import NUMBERS, TEMPORAL, aggregate, find_column, find_table
from workbench.anomaly.series.features import WARM_UP, Panel, build_features, make_panel
from workbench.anomaly.series.forest import expect, fit_forest, judge, score
from workbench.anomaly.series.periods import Statistic, Step, aggregate_periods, find_step, told_step
from workbench.anomaly.series.seasonal import as_incidents, least_periods, seasonal_rule
from workbench.anomaly.series.stretches import find_stretches
from workbench.errors import UsageError, unknown
from workbench.numbers import many
from workbench.schema import quote
from workbench.warehouse import Warehouse

STATISTICS: tuple[Statistic, ...] = get_args(Statistic)
FOREST_DAYS = 90
"""Days of history from which a forest has enough past and enough to learn from."""

LEAST_DAYS = 14

# A day that close to what is expected is no news, however regular the table is otherwise.
_LEAST_SPREAD = 0.05
_SPREADS = 3.0
_LONGEST = 366 * 100


def detect(
    warehouse: Warehouse,
    table: str,
    date_column: str,
    *,
    measure: str | None = None,
    by: str | None = None,
    every: str | None = None,
    statistic: Statistic = "sum",
) -> Findings:
    """Count the rows of a table (or sum a measure) by period and find the periods that are out of the ordinary.

    A period is a day, unless the times of the table lie on a grid of minutes or hours, or ``every`` says otherwise. Other
    periods than days are judged by :func:`workbench.anomaly.series.seasonal.seasonal_rule`; what follows is of days.

    With 90 days of history or more, a random forest is fitted to it and each day is judged by the trees
    that did not see it; the first 28 days have too little past and aren't judged. With 14 to 89 days, a day
    is judged by the median of the other days of its weekday, within three robust spreads (at least that of
    a Poisson count, when rows are counted). So is a series of a long history whose usual value isn't above
    zero.

    When rows are counted, a day without any is 0. A measure of such a day is unknown, and isn't judged: a sum
    of nothing may mean that nothing happened, or that nothing was loaded. A weekday that usually has no rows is
    left out either way, and a week or more without rows (a hole) changes nothing in what is expected after it.
    Of dates that lie over a year from all others, and of dates to come, rows are left out. What was left out
    is said in the notes.

    Args:
        warehouse: where the table is.
        table: ``schema.name``, or a name found in marts, then core.
        date_column: a date or timestamp column.
        measure: a numeric column to sum; rows are counted if None.
        every: how long a period is, a key of :data:`workbench.anomaly.series.periods.STEPS`; told from the times if None.
        statistic: what of the measure's values is taken instead of their sum: ``mean``, ``min`` or ``max``.
        by: a column to tell series apart; the 50 with the most rows are judged.

    Raises:
        UsageError: there is no such table or column (the message has the nearest), or it is of the wrong
            type.
    """
    name, columns = find_table(warehouse, table)
    date_column = find_column(columns, date_column, "date column", TEMPORAL)
    measure = find_column(columns, measure, "measure", NUMBERS) if measure else None
    by = find_column(columns, by, "column") if by else None
    if statistic not in STATISTICS:
        raise unknown("statistic", statistic, STATISTICS)
    if measure is None and statistic != "sum":
        raise UsageError(f"a {statistic} needs a measure; without one, rows are counted")
    step, why = _step(warehouse, name, date_column, columns[date_column], every)
    if step.name != "day":
        return _of_periods(warehouse, name, columns, date_column, step, why, measure, by, statistic)
    observed, notes = aggregate(warehouse, name, columns, date_column, measure, by, statistic)

    stretches = find_stretches(observed["day"])
    if stretches.apart:
        few = _first(map(str, stretches.apart), ", ")
        notes.append(f"Rows of {few} stand far apart from all others and were left out.")
    observed = observed[stretches.kept]
    span = _span(observed)
    if span > _LONGEST:
        first, last = min(observed["day"]), max(observed["day"])
        raise UsageError(f"{date_column} runs from {first} to {last}; that is no column of daily events")
    long = span >= FOREST_DAYS
    panel = make_panel(
        observed,
        min_days=FOREST_DAYS if long else LEAST_DAYS,
        min_active=0.5 if long else 0.3,
        missing="unknown" if measure else "zero",
        looking_back=True,
    )
    notes += _left_out(panel, measure)
    method, scored = _judge(panel, span, notes, counts=measure is None)
    scored = scored.assign(day=pd.to_datetime(scored["day"]).dt.date)
    return Findings(name, date_column, measure, by, method, scored, tuple(notes), statistic=statistic)


def _step(warehouse: Warehouse, table: str, column: str, kind: str, every: str | None) -> tuple[Step, str]:
    """Return how long a period is, and why."""
    if every is not None:
        return find_step(every), ""
    source = ".".join(quote(part) for part in table.split(".", 1))
    return told_step(warehouse, source, quote(column), kind)


def _of_periods(
    warehouse: Warehouse,
    table: str,
    columns: dict[str, str],
    date_column: str,
    step: Step,
    why: str,
    measure: str | None,
    by: str | None,
    statistic: Statistic,
) -> Findings:
    """Judge other periods than days."""
    values, notes = aggregate_periods(warehouse, table, columns, date_column, step, measure, by, statistic)
    notes = [why, *notes] if why else notes
    if len(values):
        # The table may begin within a period, and the newest one may still be filling up.
        ends = f"{values.index[0]:%Y-%m-%d %H:%M} and {values.index[-1]:%Y-%m-%d %H:%M}"
        notes.append(f"The first and the newest period, {ends}, may not be whole and were left out.")
        values = values.iloc[1:-1]
        notes += _unknown_periods(values, step, measure)
    scored = seasonal_rule(values, step, counts=measure is None)
    few = sorted(set(map(str, values.columns)) - set(scored["series"]))
    if few:
        named = f" of {_first(few, ', ')}" if any(few) else ""
        notes.append(f"Under {least_periods(step)} periods{named} are known; not judged.")
    return Findings(
        table, date_column, measure, by, "none" if scored.empty else "seasonal median", scored, tuple(notes),
        step.name, statistic, as_incidents(scored[scored["severity"] != ""], step),
    )  # fmt: skip


def _unknown_periods(values: pd.DataFrame, step: Step, measure: str | None) -> list[str]:
    """Say where nothing is known, and which holes are the longest."""
    silent = values.isna().all(axis=1) if measure else (values.fillna(0.0) == 0).all(axis=1)
    holes = [
        (each.index[0], each.index[-1] + step.length, len(each))
        for _, each in silent.groupby((silent != silent.shift()).cumsum())
        if each.iloc[0] and len(each) * step.length >= max(pd.Timedelta(hours=6), 2 * step.length)
    ]
    notes = []
    if holes:
        longest = sorted(holes, key=lambda hole: -hole[2])
        told = (f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}" for first, last, _ in longest)
        notes.append(f"There are no rows from {_first(told, ', ')}.")
    if measure and (missing := int((values.isna() & values.notna().cummax()).sum().sum())):
        notes.append(f"{measure} is unknown in {missing:,} periods of a series, which were not judged.")
    return notes


def _left_out(panel: Panel, measure: str | None) -> list[str]:
    """Say what of a panel isn't judged, and why."""
    notes = []
    if panel.incomplete_day:
        notes.append(f"{panel.incomplete_day} has under half of its usual rows so far and was left out.")
    if panel.holes:
        holes = (f"{first} to {last} ({many((last - first).days + 1, 'day')})" for first, last in panel.holes)
        so = "unknown" if measure else "judged for two weeks"
        notes.append(f"There are no rows from {_first(holes, ', ')}: {so}, and nothing was learned from it.")
    alone = [day for day in panel.silent_days if not any(a <= day <= b for a, b in panel.holes)]
    if alone:
        notes.append(f"No series has rows on {_first(map(str, alone), ', ')}.")
    if measure is not None and panel.days:
        unknown = int((panel.values.isna() & panel.values.notna().cummax()).sum().sum())
        if unknown:
            notes.append(
                f"{measure} is unknown on {many(unknown, 'day')} of a series, which {'was' if unknown == 1 else 'were'} "
                "not judged; without a measure, rows are counted, and a day without rows is 0."
            )
    if panel.skipped:
        reasons = (f"{each} ({why})" if each else why for each, why in panel.skipped.items())
        notes.append(f"{len(panel.skipped)} series not judged: {_first(reasons, '; ')}.")
    return notes


def _judge(panel: Panel, span: int, notes: list[str], *, counts: bool) -> tuple[Method, pd.DataFrame]:
    """Judge a panel by the method that its history allows, and add to the notes."""
    if panel.values.empty:
        if not panel.skipped:
            notes.append(f"{many(span, 'day')} of history; at least {LEAST_DAYS} are needed.")
        return "none", NOTHING
    by_weekday = list(panel.values.columns)
    parts: list[pd.DataFrame] = []
    if span >= FOREST_DAYS and len(features := build_features(panel)) >= FOREST_DAYS - WARM_UP:
        in_hole = features.days.isin(panel.in_holes)
        fitted = fit_forest(features.where(~in_hole), least_spread=_LEAST_SPREAD)
        expected = fitted.out_of_bag.reindex(features.inputs.index)
        if in_hole.any():
            expected[in_hole] = expect(fitted.pipeline, features.where(in_hole))
        parts = [score(features, expected, fitted.calibration)]
        notes.append(f"The first {WARM_UP} days have too little past and were not judged.")
        known = set(parts[0]["series"])
        by_weekday = [each for each in by_weekday if each not in known]
    few = [each for each in by_weekday if panel.past[each].count() < LEAST_DAYS]
    if few:
        notes.append(
            f"Under {LEAST_DAYS} days are known of {_first(few, ', ') if any(few) else 'it'}; not judged."
        )
    by_weekday = [each for each in by_weekday if each not in few]
    if by_weekday:
        if parts:
            notes.append(
                f"{_first(by_weekday, ', ')}: judged by weekday median, since the usual value isn't above zero "
                "or too few days in a row are known."
            )
        parts.append(weekday_rule(panel.values[by_weekday], counts=counts, past=panel.past[by_weekday]))
    if not parts:
        return "none", NOTHING
    method: Method = "weekday median" if len(parts) == 1 and by_weekday else "random forest"
    return method, pd.concat(parts).sort_values(["day", "series"], ignore_index=True)


def weekday_rule(values: pd.DataFrame, *, counts: bool, past: pd.DataFrame | None = None) -> pd.DataFrame:
    """Judge a short panel by the median of the other days of the same weekday.

    With fewer than three of those, the median of all other days is taken.

    Args:
        values: day x series matrix.
        counts: the values are counts, whose spread is at least that of a Poisson count.
        past: the same matrix without what nothing shall be learned from (NaN); all values if None.

    Returns:
        The rows of :func:`workbench.anomaly.series.forest.judge`, by day, then series.
    """
    parts = []
    for name in values.columns:
        series = values[name].dropna()
        numbers = series.to_numpy(dtype=float)
        weekday = pd.DatetimeIndex(series.index).day_of_week.to_numpy()
        telling = (series if past is None else past.loc[series.index, name]).notna().to_numpy()
        expected = np.empty(len(numbers))
        for position in range(len(numbers)):
            others = telling & (weekday == weekday[position])
            others[position] = False
            if others.sum() < 3:
                others = telling & (np.arange(len(numbers)) != position)
            expected[position] = np.median(numbers[others])
        robust = 1.4826 * float(np.median(np.abs(numbers - expected)[telling]))
        least = np.sqrt(np.maximum(expected, 1)) if counts else np.maximum(0.05 * np.abs(expected), 1e-9)
        spread = np.maximum(robust, least)
        lower, upper = expected - _SPREADS * spread, expected + _SPREADS * spread
        if numbers.min() >= 0:
            lower = np.maximum(lower, 0)
        frame = pd.DataFrame({"day": series.index, "series": name, "actual": numbers})
        parts.append(judge(frame, expected, lower, upper))
    return pd.concat(parts).sort_values(["day", "series"], ignore_index=True)


def _first(texts: Iterable[str], separator: str, count: int = 3) -> str:
    every = list(texts)
    more = f" and {len(every) - count} more" if len(every) > count else ""
    return separator.join(every[:count]) + more


def _span(observed: pd.DataFrame) -> int:
    if observed.empty:
        return 0
    first: dt.date = min(observed["day"])
    last: dt.date = max(observed["day"])
    return (last - first).days + 1
