"""What a training says of its skill: anomalies injected into the held-out days, found by the forest and by simple rules."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.anomaly.series.baselines import weekday_z, window_distance
from workbench.anomaly.series.estimator import SeriesForest
from workbench.anomaly.series.features import Panel
from workbench.anomaly.series.injected import inject, measure_found
from workbench.execution import timed

SEEDS = (11, 12, 13, 14)
"""Of the injected anomalies: the same for every training, so that candidates are held against each other."""

_DAYS_AN_EVENT = 20
_TELLING = 40


def fit_series(
    panel: Panel, first: int, *, trees: int, seed: int, alerts_a_month: float = 1.0
) -> SeriesForest:
    """Fit the forest of series on the days before row ``first`` of the panel."""
    past = panel.past.iloc[:first]
    with timed("model"):
        return SeriesForest(trees, alerts_a_month=alerts_a_month, random_state=seed, n_jobs=2).fit(past)


def measure_injected(model: SeriesForest, panel: Panel, first: int) -> dict[str, float]:
    """Measure a forest beside simple rules on days that it didn't learn from.

    Args:
        model: fitted on the days before.
        panel: all days.
        first: row of the first held-out day.

    Returns:
        ``injected_ap`` and ``injected_recall`` (average precision over department days; share of anomalies found at one
        false alert a department and month) of the forest, the same with ``_zscore`` and ``_windows``, and
        ``injected_ap_ratio``: the forest's average precision to that of the better rule, left out where fewer than 40
        anomalies were injected, which tell none from another. Empty where the held-out days have no room for any.
    """
    values = panel.past
    count = (len(values) - first) // _DAYS_AN_EVENT
    measured: dict[str, list[tuple[float, float]]] = {"": [], "_zscore": [], "_windows": []}
    injected = 0
    for seed in SEEDS if count else ():
        changed, events = inject(values.to_numpy(), seed, first, count)
        if not events:
            continue
        injected += len(events)
        frame = pd.DataFrame(changed, values.index, values.columns)
        scores = {
            "": model.score_samples(frame),
            "_zscore": weekday_z(changed),
            "_windows": window_distance(changed),
        }
        for name, given in scores.items():
            found = measure_found(given, events, first)
            measured[name].append((found.average_precision, found.recall))
    if not measured[""]:
        return {}
    means = {name: np.mean(runs, axis=0) for name, runs in measured.items()}
    figures = {
        f"injected_{what}{name}": float(means[name][place])
        for name in means
        for place, what in enumerate(("ap", "recall"))
    }
    if injected < _TELLING:
        return figures
    best = max(means["_zscore"][0], means["_windows"][0])
    return {**figures, "injected_ap_ratio": float(means[""][0] / best) if best > 0 else float("inf")}
