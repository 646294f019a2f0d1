"""The levels below and beside the departments: the stores and categories that sell the most, each a series of its own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from workbench.anomaly.sales.injection import fit_series, measure_injected
from workbench.anomaly.sales.judged import read_confirmed
from workbench.anomaly.series.estimator import SeriesForest
from workbench.anomaly.series.features import WARM_UP, Panel, make_panel
from workbench.anomaly.series.forest import judge
from workbench.warehouse import Warehouse

LEVELS = {"store": "store_id", "category": "category"}
"""Column of ``marts.retail_sales`` that tells the parts of a level apart."""

MOST, LEAST_LINES, LEAST_PARTS = 60, 10, 3
"""Parts of a level that are watched at most, lines that one sells on its median day at least, and parts without which
a level isn't watched: what all did on a day tells then what one did alone."""

_TREES = 60

HISTORY = 1100
"""Days before the newest that are read."""

_SQL = """
SELECT transaction_date AS day, {column} AS series, CAST(SUM(net_amount_reporting) AS DOUBLE PRECISION) AS value,
    COUNT(*) AS rows
FROM marts.retail_sales
WHERE transaction_date > ? AND transaction_date <= ? AND {column} IN (
    SELECT {column} FROM marts.retail_sales
    WHERE transaction_date > ? AND transaction_date <= ? AND {column} IS NOT NULL
    GROUP BY {column} ORDER BY COUNT(*) DESC, {column} LIMIT {most}
)
GROUP BY transaction_date, {column} ORDER BY transaction_date, {column}
"""


@dataclass(frozen=True)
class Parts:
    """What is learned of the parts of each level, by level; a level of which there is too little is missing.

    Attributes:
        forests: how strange each day of each part is, fitted on the days before the held-out ones.
        metrics: of anomalies that were put into the held-out days, each with its level before it: those of
            :func:`workbench.anomaly.sales.injection.measure_injected`, and ``parts``.
    """

    forests: dict[str, SeriesForest]
    metrics: dict[str, float]


def read_parts(warehouse: Warehouse, level: str, *, min_days: int) -> Panel:
    """Read the sales of the parts of a level as a panel of net sales (reporting currency), by day and part.

    Args:
        warehouse: where ``marts.retail_sales`` is.
        level: a key of :data:`LEVELS`; its name stands before those of its parts, as in ``store 367``.
        min_days: days that a part must span.
    """
    today = dt.datetime.now(dt.UTC).date()
    newest = warehouse.rows(
        "SELECT MAX(transaction_date) AS newest FROM marts.retail_sales WHERE transaction_date <= ?", [today]
    )[0]["newest"]
    if newest is None:
        return Panel(pd.DataFrame(index=pd.DatetimeIndex([], name="day")))
    days = [newest - dt.timedelta(days=HISTORY), newest]
    observed = warehouse.frame(_SQL.format(column=LEVELS[level], most=MOST), [*days, *days])
    usual = observed.groupby("series")["rows"].median()
    observed = observed[observed["series"].isin(usual.index[usual >= LEAST_LINES])]
    observed["series"] = level + " " + observed["series"].astype(str)
    return replace(make_panel(observed, min_days=min_days), confirmed=read_confirmed(warehouse))


def fit_parts(
    warehouse: Warehouse, first_held_out: pd.Timestamp, *, min_days: int, trees: int, seed: int
) -> Parts:
    """Learn each level that has parts enough from the days before the held-out ones, and measure it on those."""
    forests, metrics = dict[str, SeriesForest](), dict[str, float]()
    for level in LEVELS:
        panel = read_parts(warehouse, level, min_days=min_days)
        row = int(panel.values.index.searchsorted(first_held_out))
        # A part that came later has nothing to learn from.
        begun = panel.values.columns[panel.values.iloc[:row].notna().sum() >= 2 * WARM_UP]
        if len(begun) < LEAST_PARTS:
            continue
        panel = replace(panel, values=panel.values[begun])
        forest = fit_series(panel, row, trees=min(trees, _TREES), seed=seed, alerts_a_month=1 / len(begun))
        forests[level] = forest
        metrics[f"{level}_parts"] = float(len(begun))
        metrics |= {f"{level}_{name}": value for name, value in measure_injected(forest, panel, row).items()}
    return Parts(forests, metrics)


def judge_parts(
    warehouse: Warehouse, forests: Mapping[str, SeriesForest], *, min_days: int
) -> list[tuple[str, Panel, SeriesForest, pd.DataFrame]]:
    """Hold each day of each part against what its level's forest expects.

    Returns:
        For each level its name, the panel, the forest, and a row a day and part, by day: ``sales_date, department`` (the
        part's name), ``actual, expected, lower, upper, score, direction, severity, week_before, weekday_usual``.
    """
    found = []
    for level, forest in forests.items():
        panel = read_parts(warehouse, level, min_days=min_days)
        names = list(forest.feature_names_in_)
        if not panel.days or not set(names) & set(panel.values.columns):
            continue
        known, every = (each.reindex(columns=names) for each in (panel.usual, panel.values))
        middle, lower, upper = forest.expected_range(known)
        if panel.confirmed:
            # Days of confirmed incidents are in nothing that others are held to, and judged by themselves.
            alone = np.isnan(known.to_numpy())
            middle, lower, upper = (
                np.where(alone, ours, usual)
                for ours, usual in zip(forest.expected_range(every), (middle, lower, upper), strict=True)
            )
        actual = every.to_numpy()
        if np.nanmin(actual, initial=0.0) >= 0:
            middle, lower = np.maximum(middle, 0), np.maximum(lower, 0)
        rows, columns = np.nonzero(np.isfinite(actual) & np.isfinite(middle) & (upper > lower))
        at = (rows, columns)
        days = pd.DatetimeIndex(known.index)
        weeks = np.stack([known.shift(7 * week).to_numpy()[at] for week in range(1, 5)])
        scored = judge(
            pd.DataFrame(
                {
                    "sales_date": days[rows].date, "department": np.asarray(names, dtype=object)[columns],
                    "actual": actual[at], "week_before": weeks[0].round(4),
                    "weekday_usual": pd.DataFrame(weeks).median().round(4).to_numpy(),
                }
            ),
            middle[at], lower[at], upper[at],
        )  # fmt: skip
        found.append((level, panel, forest, scored))
    return found
