"""Judge periods of minutes, hours or weeks by what is usual at that time, and see periods in a row as one incident."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.anomaly.series.forest import judge
from workbench.anomaly.series.periods import Step

LEAST_PERIODS, LEAST_WEEKS = 56, 20
"""Known periods (weeks) of a series without which it isn't judged."""

_SPREADS = 4.5
_NORMAL = 1.2533
_LEAST_SHARE = 0.02
_WEEKS_OF_HOURS, _WEEKS_OF_WEEKENDS = 4, 3
_DAY = pd.Timedelta(days=1)
_WEEKS_AROUND = 6
_TOGETHER = 3


def seasonal_rule(
    values: pd.DataFrame, step: Step, *, counts: bool, incidents_a_week: float = 1.0
) -> pd.DataFrame:
    """Judge each period of each series by the other periods at its time.

    What is expected is the median of the others at the same time of the week (of the day, where less than four weeks are
    known; for weeks, that of the twelve weeks around), plus how far the day before lay from that; or the median of the week
    before, where that comes closer to the series as a whole. The range is 4.5 spreads
    of the others in that hour of the day. A period is never in what it is held against.

    Args:
        values: period x series, without gaps in the index; NaN where unknown.
        step: how long a period is.
        counts: the values are counts, whose spread is at least that of a Poisson count unless they are regular.
        incidents_a_week: how many incidents of a series may be critical in a week, on average; one at least in all. What
            else is outside its range is a warning.

    Returns:
        ``period``, ``series`` and the columns of :func:`workbench.anomaly.series.forest.judge`, by period, then series;
        series of under 56 known periods (20 weeks) are not in it.
    """
    index = pd.DatetimeIndex(values.index)
    slots, hours = _slots(index, step)
    parts = []
    for name in values.columns:
        numbers = values[name].to_numpy(dtype=float)
        if np.isfinite(numbers).sum() < least_periods(step):
            continue
        judged = _series(numbers, index, str(name), step, slots, hours, counts)
        most = max(1, int(incidents_a_week * (len(index) * step.length / pd.Timedelta(weeks=1))))
        parts.append(_within(judged, step, most))
    if not parts:
        return pd.DataFrame(
            columns=[
                "period",
                "series",
                "actual",
                "expected",
                "lower",
                "upper",
                "score",
                "direction",
                "severity",
            ]
        )
    return pd.concat(parts).sort_values(["period", "series"], ignore_index=True)


def least_periods(step: Step) -> int:
    """Return how many periods of a series must be known for it to be judged."""
    return LEAST_PERIODS if step.minutes <= 60 else LEAST_WEEKS


def _slots(index: pd.DatetimeIndex, step: Step) -> tuple[np.ndarray | None, np.ndarray]:
    """Return the time of the week (or day) of each period, and its hour of the day."""
    if step.minutes > 60:
        return None, np.zeros(len(index), dtype=int)
    of_day = ((index - index.normalize()) // step.length).to_numpy()
    weeks = len(index) * step.length / pd.Timedelta(weeks=1)
    day = index.day_of_week.to_numpy()
    if weeks >= _WEEKS_OF_HOURS and step.minutes == 60:
        kind = day
    elif weeks >= _WEEKS_OF_WEEKENDS:
        kind = (day >= 5).astype(int)
    else:
        kind = np.zeros(len(index), dtype=int)
    return kind * (_DAY // step.length) + of_day, index.hour.to_numpy()


def _series(
    numbers: np.ndarray,
    index: pd.DatetimeIndex,
    name: str,
    step: Step,
    slots: np.ndarray | None,
    hours: np.ndarray,
    counts: bool,
) -> pd.DataFrame:
    if slots is None:
        usual = _around(numbers)
    else:
        usual = np.full(len(numbers), np.nan)
        for slot in np.unique(slots):
            rows = np.flatnonzero((slots == slot) & np.isfinite(numbers))
            usual[rows] = others_median(numbers[rows])
        usual = usual + np.nan_to_num(_before(numbers - usual, max(int(_DAY / step.length), 4)))
        plain = _before(numbers, max(int(7 * _DAY / step.length), 20))
        # Where no time of the day is like itself, the week before says more.
        if np.nanmean(np.abs(numbers - plain)) < np.nanmean(np.abs(numbers - usual)):
            usual = plain
    known = np.isfinite(numbers) & np.isfinite(usual)
    left, expected = (numbers - usual)[known], usual[known]
    spread = _spread(left, hours[known])
    level = float(np.median(np.abs(numbers[known])))
    flat = np.full(len(left), max(_LEAST_SHARE * level, 1e-9))
    least = _least_of_counts(spread, expected) if counts else flat
    reach = _SPREADS * np.maximum(spread, least)
    lower, upper = expected - reach, expected + reach
    if counts or numbers[known].min() >= 0:
        lower, expected = np.maximum(lower, 0), np.maximum(expected, 0)
    frame = pd.DataFrame({"period": index[known], "series": name, "actual": numbers[known]})
    return judge(frame, expected, lower, upper)


def _within(judged: pd.DataFrame, step: Step, most: int) -> pd.DataFrame:
    """Call critical what belongs to the strangest incidents, ``most`` of them, and nothing else."""
    incidents = as_incidents(judged[judged["severity"] != ""], step)
    chosen = incidents[incidents["severity"] == "critical"].head(most)
    critical = np.zeros(len(judged), dtype=bool)
    for row in chosen.to_dict("records"):
        critical |= (
            judged["period"].between(row["start"], row["end"], inclusive="left")
            & (judged["direction"] == row["direction"])
            & (judged["severity"] == "critical")
        ).to_numpy()
    severity = np.where(critical, "critical", np.where(judged["severity"] != "", "warning", ""))
    return judged.assign(severity=severity)


def others_median(values: np.ndarray) -> np.ndarray:
    """Return for each value the median of all others; NaN where there is no other."""
    count = len(values)
    if count < 2:
        return np.full(count, np.nan)
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    rank = np.empty(count, dtype=int)
    rank[order] = np.arange(count)

    def at(place: int) -> np.ndarray:
        # The value at a place among the others: those from a value's own rank on move up by one.
        return np.where(rank <= place, ranked[min(place + 1, count - 1)], ranked[place])

    left = count - 1
    return at(left // 2) if left % 2 else (at(left // 2 - 1) + at(left // 2)) / 2


def _before(numbers: np.ndarray, window: int) -> np.ndarray:
    """Return the median of the periods before each."""
    return pd.Series(numbers).rolling(window, min_periods=window // 4).median().shift(1).to_numpy()


def _around(numbers: np.ndarray) -> np.ndarray:
    """Return the median of the six periods before and the six after each."""
    padded = np.concatenate([np.full(_WEEKS_AROUND, np.nan), numbers, np.full(_WEEKS_AROUND, np.nan)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _WEEKS_AROUND + 1).copy()
    windows[:, _WEEKS_AROUND] = np.nan
    enough = np.isfinite(windows).sum(axis=1) >= _WEEKS_AROUND // 2
    found = np.full(len(numbers), np.nan)
    if enough.any():
        found[enough] = np.nanmedian(windows[enough], axis=1)
    return found


def _spread(left: np.ndarray, hours: np.ndarray) -> np.ndarray:
    """Return how far the others in its hour of the day lie from what is usual, at least as far as those of all hours.

    It is their mean absolute deviation, as a standard deviation of normal noise: where bursts are usual it grows with
    them, which a median would not.
    """
    size = np.abs(left)
    spread = _others_mean(size)
    for hour in np.unique(hours):
        rows = np.flatnonzero(hours == hour)
        if len(rows) >= LEAST_PERIODS // 4:
            spread[rows] = np.maximum(spread[rows], _others_mean(size[rows]))
    return _NORMAL * spread


def _least_of_counts(spread: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return the least spread of counts: a Poisson count's, unless they come as regularly as a clock."""
    poisson = np.sqrt(np.maximum(expected, 1.0))
    return np.where(spread < poisson / 2, 0.5 + 0.05 * np.maximum(expected, 0.0), poisson)


def _others_mean(size: np.ndarray) -> np.ndarray:
    return np.asarray((size.sum() - size) / max(len(size) - 1, 1))


def as_incidents(found: pd.DataFrame, step: Step) -> pd.DataFrame:
    """See periods outside their range as incidents: of one series, to one side, with at most two usual ones in between.

    Args:
        found: rows of :func:`seasonal_rule` with a severity.
        step: how long a period is.

    Returns:
        ``series, start, end`` (the end of the last period), ``periods, direction``, and of the worst one ``actual, expected,
        lower, upper, score, severity``; the most severe first.
    """
    names = [
        "series",
        "start",
        "end",
        "periods",
        "direction",
        "actual",
        "expected",
        "lower",
        "upper",
        "score",
        "severity",
    ]
    if found.empty:
        return pd.DataFrame(columns=names)
    rows = found.sort_values(["series", "direction", "period"])
    apart = rows["period"].diff() > _TOGETHER * step.length
    apart |= (rows["series"] != rows["series"].shift()) | (rows["direction"] != rows["direction"].shift())
    number = apart.cumsum()
    periods = rows["period"].groupby(number)
    worst = rows.assign(number=number).sort_values(
        ["number", "score"], ascending=[True, False], kind="stable"
    )
    worst = worst.drop_duplicates("number").set_index("number")
    incidents = worst.assign(
        start=periods.first(), end=periods.last() + step.length, periods=periods.size().astype(int)
    )
    return incidents[names].sort_values(
        ["score", "start", "series"], ascending=[False, True, True], ignore_index=True
    )
