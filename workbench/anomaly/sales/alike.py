"""The nearest normal days: what was sold on usual days whose week before looked like that of a finding."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from workbench.numbers import money

_WINDOW = 7


def nearest_days(
    values: pd.Series, day: dt.date, usual: pd.Series, count: int = 3
) -> list[tuple[dt.date, float]]:
    """Return the days that were most like a day before anybody knew what it would bring, and what was sold on them.

    Of the same weekday are those days alike whose seven days before ran alike: by the root mean square difference of
    their logarithms. Days outside their range, those without a whole week before them and the day itself are none of
    them, whether they came before it or after.

    Args:
        values: sales of one department by day, without gaps in the index; NaN where unknown.
        day: the day in question.
        usual: for each day whether it is inside its range.
        count: how many to return at most.

    Returns:
        Day and sales of each, the nearest first.
    """
    at = int(values.index.get_indexer(pd.DatetimeIndex([day]))[0])
    if at < _WINDOW:
        return []
    numbers = np.log1p(values.to_numpy(dtype=float).clip(min=0))
    before = np.lib.stride_tricks.sliding_window_view(numbers, _WINDOW)
    places = np.arange(_WINDOW, len(values))
    alike = (places - at) % 7 == 0
    alike &= (places != at) & usual.to_numpy(dtype=bool)[places] & np.isfinite(numbers[places])
    distance = np.sqrt(((before[places - _WINDOW] - before[at - _WINDOW]) ** 2).mean(axis=1))
    places, distance = places[alike & np.isfinite(distance)], distance[alike & np.isfinite(distance)]
    chosen = places[np.argsort(distance, kind="stable")[:count]]
    return [(values.index[place].date(), float(values.iloc[place])) for place in chosen]


def beside_normal(scored: pd.DataFrame, found: pd.DataFrame, count: int = 3) -> pd.DataFrame:
    """Put the nearest normal days beside findings.

    Args:
        scored: every judged day: ``sales_date, department, actual, severity``.
        found: the findings in the order in which they are to be shown: ``sales_date, department, actual``.
        count: how many days beside each.

    Returns:
        ``sales_date, department, actual, normal`` (the median of what was sold on those days) and ``days`` in words.
    """
    rows = []
    for row in found.to_dict("records"):
        own = scored[scored["department"] == row["department"]].set_index("sales_date")
        own.index = pd.DatetimeIndex(pd.to_datetime(own.index))
        every = pd.date_range(own.index.min(), own.index.max())
        own = own.reindex(every)
        near = nearest_days(own["actual"].astype(float), row["sales_date"], own["severity"].eq(""), count)
        rows.append(
            {
                "sales_date": row["sales_date"], "department": row["department"], "actual": row["actual"],
                "normal": float(np.median([sold for _, sold in near])) if near else None,
                "days": ", ".join(f"{money(sold)} on {when}" for when, sold in near) or "none is like it",
            }
        )  # fmt: skip
    return pd.DataFrame(rows, columns=["sales_date", "department", "actual", "normal", "days"])
