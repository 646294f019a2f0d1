"""Daily series and what was known about each day before it began.

A *panel* is a day x series matrix without gaps. Features are ratios to the series' own recent level, so
that one forest learns from large and small series alike.
"""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from workbench.anomaly.series.stretches import find_stretches
from workbench.numbers import many
from workbench.times.periods import still_filling

WARM_UP = 28
"""Days at the start of a series that have too little past to be judged by."""

HOLE = 7
"""Days in a row without any row that are a hole rather than bad days."""

_LARGEST = 1e30

NUMERIC = (
    "day_of_week", "day_of_month", "month", "day_of_year", "log_level",
    "lag_1", "lag_7", "lag_14", "lag_28",
    "mean_7", "median_28", "std_28", "weekday_mean_4", "weekday_median_4", "trend",
)  # fmt: skip
FEATURES = ("series", *NUMERIC)


@dataclass(frozen=True)
class Panel:
    """Daily values of several series.

    Attributes:
        values: float matrix, one row a day (daily DatetimeIndex without gaps) and one column a series. A day
            without a row in the source is 0, or NaN where that is unknown; NaN where a series hasn't begun, in
            gaps, on weekdays that are usually closed, and on silent days of a panel of several series.
        skipped: series left out, and why.
        silent_days: days on which no series had anything though that weekday usually has.
        incomplete_day: the newest day, if it was left out because it is still filling up.
        holes: first and last of a week or more of silent days. What a day is expected to be isn't learned there.
        gaps: first and last day of each time of more than 90 days without anything.
        apart: days that were left out because they stand far apart from all others.
        confirmed: series, first and last day of each incident that somebody confirmed; the series is empty where all
            are meant. Such days are judged, but nothing is learned from them.
    """

    values: pd.DataFrame
    skipped: dict[str, str] = field(default_factory=dict)
    silent_days: tuple[dt.date, ...] = ()
    incomplete_day: dt.date | None = None
    holes: tuple[tuple[dt.date, dt.date], ...] = ()
    gaps: tuple[tuple[dt.date, dt.date], ...] = ()
    apart: tuple[dt.date, ...] = ()
    confirmed: tuple[tuple[str, dt.date, dt.date], ...] = ()

    @property
    def days(self) -> int:
        """Number of days."""
        return len(self.values)

    @property
    def past(self) -> pd.DataFrame:
        """The values to learn from: those outside of holes and of confirmed incidents."""
        past = self.usual
        past.loc[past.index.isin(self.in_holes)] = np.nan
        return past

    @property
    def usual(self) -> pd.DataFrame:
        """The values, NaN on the days of confirmed incidents."""
        return self.values.mask(self.is_confirmed)

    @property
    def is_confirmed(self) -> np.ndarray:
        """Whether a day of a series belongs to a confirmed incident; days x series."""
        found = np.zeros(self.values.shape, dtype=bool)
        for series, first, last in self.confirmed:
            days = np.asarray(
                (self.values.index >= pd.Timestamp(first)) & (self.values.index <= pd.Timestamp(last))
            )
            concerned = np.asarray([series in ("", name) for name in self.values.columns], dtype=bool)
            found |= days[:, None] & concerned
        return found

    @property
    def in_holes(self) -> list[pd.Timestamp]:
        """The days inside of holes."""
        return [day for first, last in self.holes for day in pd.date_range(first, last)]


@dataclass(frozen=True)
class FeatureSet:
    """What is known of each (day, series), aligned on one index sorted by day, then series.

    Attributes:
        inputs: ``FEATURES``, the first a text, the others floats (NaN where there is no such past); shape
            (rows, 16).
        target: value of the day divided by ``level``.
        level: the series' usual daily value over the 28 days before, in the series' unit.
        actual: value of the day, in the series' unit.
        naive: value of the same weekday a week before (two weeks where that day has none).
    """

    inputs: pd.DataFrame
    target: pd.Series
    level: pd.Series
    actual: pd.Series
    naive: pd.Series

    def where(self, mask: np.ndarray) -> FeatureSet:
        """Return the rows for which ``mask`` holds."""
        return FeatureSet(
            self.inputs[mask], self.target[mask], self.level[mask], self.actual[mask], self.naive[mask]
        )

    @property
    def days(self) -> pd.DatetimeIndex:
        """The day of each row."""
        return pd.DatetimeIndex(self.inputs.index.get_level_values("day"))

    def __len__(self) -> int:
        return len(self.inputs)


def make_panel(
    observed: pd.DataFrame,
    *,
    min_days: int,
    min_active: float = 2 / 3,
    missing: Literal["zero", "unknown"] = "zero",
    looking_back: bool = False,
) -> Panel:
    """Lay observations out as a complete panel.

    Args:
        observed: one row a day and series: ``day`` (date), ``series`` (text), ``value`` (float) and ``rows``,
            the number of source rows behind it.
        min_days: days that a series must span to be kept.
        min_active: share of the days since its first on which a series must differ from zero, or be known.
        missing: what a day without a row is. ``zero`` for what is counted or is sold; ``unknown`` for a measure of
            which nobody knows whether it was taken.
        looking_back: find holes; a day's features then know whether the silence they lie in goes on for a week.

    Returns:
        The panel; without columns if no series has enough history.
    """
    if observed.empty:
        return Panel(pd.DataFrame(index=pd.DatetimeIndex([], name="day")))
    stretches = find_stretches(observed["day"])
    observed = observed[stretches.kept]
    observed = observed.assign(day=pd.to_datetime(observed["day"]).astype("datetime64[ns]"))
    observed = observed.sort_values(["day", "series"])
    rows = observed.groupby("day")["rows"].sum()
    days = pd.date_range(rows.index.min(), rows.index.max(), freq="D", name="day")
    rows = rows.reindex(days, fill_value=0)
    incomplete = still_filling(rows)
    if incomplete:
        days, rows = days[:-1], rows.iloc[:-1]
    wide = observed.pivot(index="day", columns="series", values="value").astype(float).reindex(days)
    wide.columns = wide.columns.astype(str)

    empty_day = (rows == 0).to_numpy()
    gap = np.zeros(len(days), dtype=bool)
    for first, last in stretches.gaps:
        gap |= np.asarray((days >= pd.Timestamp(first)) & (days <= pd.Timestamp(last)))
    open_share = (rows > 0)[~gap].groupby(days[~gap].day_of_week).mean()
    weekday_is_open = open_share.reindex(days.day_of_week, fill_value=0).to_numpy() >= 0.5
    begun = wide.notna().cummax()
    closed = gap | (empty_day & ~weekday_is_open)
    zero = missing == "zero"
    # Of several series, none is to blame for a day on which there was nothing at all.
    blank = empty_day if wide.shape[1] > 1 else closed
    active, span = ((wide.fillna(0.0) != 0) if zero else wide.notna()).sum(), begun[~blank].sum()
    skipped = {}
    for name in wide.columns:
        length = int(begun[name][~gap].sum())
        share = active[name] / max(int(span[name]), 1)
        if length < min_days:
            skipped[name] = f"{many(length, 'day')} of history, {min_days} needed"
        elif share < min_active:
            skipped[name] = f"{'not zero' if zero else 'known'} on only {share:.0%} of its days"
    kept = [name for name in wide.columns if name not in skipped]
    values = (wide[kept].fillna(0.0) if zero else wide[kept]).where(begun[kept])
    values[closed] = np.nan
    silent_days = days[empty_day & weekday_is_open]
    silent: tuple[dt.date, ...] = ()
    if wide.shape[1] > 1 or not zero:
        silent = tuple(day.date() for day in days[empty_day & weekday_is_open & ~gap])
        values[empty_day] = np.nan
    return Panel(
        values, skipped, silent, days[-1].date() + dt.timedelta(days=1) if incomplete else None,
        tuple(_holes(empty_day, silent_days, days)) if looking_back else (), stretches.gaps, stretches.apart,
    )  # fmt: skip


def _holes(
    empty: np.ndarray, silent: pd.DatetimeIndex, days: pd.DatetimeIndex
) -> Iterator[tuple[dt.date, dt.date]]:
    """Yield first and last of each week or more without a row, in which there should have been some."""
    runs = pd.Series(empty, days).astype(int).diff().ne(0).cumsum()[empty]
    for _, run in runs.groupby(runs):
        inside = silent[(silent >= run.index[0]) & (silent <= run.index[-1])]
        if len(run) >= HOLE and len(inside):
            yield inside[0].date(), inside[-1].date()


def build_features(panel: Panel, *, learning: bool = False) -> FeatureSet:
    """Compute the features of every day that has enough past: from the 29th day of each series on.

    Every feature of a day is a function of the days before it (and of the calendar), so nothing that
    happens on the day or after it can change them. Days of confirmed incidents are in no other day's past; with
    ``learning`` they are left out themselves.
    """
    values, known = panel.values, panel.past
    past = known.shift(1)
    recent = past.rolling(WARM_UP, min_periods=WARM_UP // 2)
    median, mean = recent.median(), recent.mean()
    # The median keeps one spike from raising the level for four weeks; sparse series have a median near zero.
    level = median.where(median > mean / 2, mean / 2)
    level = level.where(level > 0)
    same_weekday = np.stack([known.shift(7 * week).to_numpy() for week in range(1, 5)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        weekday_mean, weekday_median = np.nanmean(same_weekday, axis=0), np.nanmedian(same_weekday, axis=0)
    ratios = {
        **{f"lag_{lag}": known.shift(lag) / level for lag in (1, 7, 14, 28)},
        "mean_7": past.rolling(7, min_periods=4).mean() / level,
        "median_28": median / level,
        "std_28": recent.std() / level,
        "weekday_mean_4": weekday_mean / level,
        "weekday_median_4": weekday_median / level,
        "trend": level / level.shift(WARM_UP),
    }
    days, names = pd.DatetimeIndex(values.index), values.columns
    index = pd.MultiIndex.from_product([days, names], names=["day", "series"])
    calendar = {
        "day_of_week": days.day_of_week, "day_of_month": days.day,
        "month": days.month, "day_of_year": days.day_of_year,
    }  # fmt: skip
    columns: dict[str, np.ndarray] = {
        "series": np.tile(np.asarray(names, dtype=object), len(days)),
        **{name: np.repeat(np.asarray(part, dtype=float), len(names)) for name, part in calendar.items()},
        "log_level": np.log1p(level.to_numpy()).ravel(),
        # Trees go by order, and take no number beyond single precision.
        **{name: frame.clip(-_LARGEST, _LARGEST).to_numpy().ravel() for name, frame in ratios.items()},
    }
    ready = values.notna() & level.notna() & (known.shift(WARM_UP).ffill().notna())
    usual = panel.usual
    naive = usual.shift(7).fillna(usual.shift(14))
    long = {
        name: pd.Series(frame.to_numpy().ravel(), index, dtype=float)
        for name, frame in {
            "target": values / level,
            "level": level,
            "actual": values,
            "naive": naive,
        }.items()
    }
    every = FeatureSet(pd.DataFrame(columns, index=index)[list(FEATURES)], **long)
    if learning:
        ready &= ~panel.is_confirmed
    return every.where(ready.to_numpy().ravel())
