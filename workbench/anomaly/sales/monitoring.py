"""What the model of daily sales has seen since it was trained, and how its challenger would have done."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.anomaly.models.lifecycle import CHALLENGER
from workbench.anomaly.models.registry import current_model
from workbench.anomaly.monitoring.drift import Finding, compare_errors, judge_precision
from workbench.anomaly.monitoring.health import RECENT_DAYS, Observed, precision_of
from workbench.anomaly.sales.model import MODEL, LoadedModel, load_model
from workbench.anomaly.sales.training import MIN_DAYS, read_sales, wape
from workbench.anomaly.series.features import FeatureSet, build_features
from workbench.anomaly.series.forest import expect
from workbench.warehouse import Warehouse

WATCHED = ("lag_1", "lag_7", "mean_7", "median_28", "std_28", "weekday_mean_4", "trend", "log_level")
"""Inputs that tell of sales; the others are the calendar, which is never the one of training."""

WORSE = 1.5
"""Ratio of recent error to that of the training's held-out days from which it counts."""

BETTER = 1.1
"""Ratio of the champion's error to the challenger's from which the challenger is worth a look."""


def observe_sales(warehouse: Warehouse) -> Observed | None:
    """Hold the newest days that the champion didn't learn from against those it did.

    Returns:
        None where there is no champion, or no such day.

    Raises:
        WorkFailed: the tracking server can't be reached.
    """
    version = current_model(MODEL)
    if version is None or not version.training_to:
        return None
    features = build_features(read_sales(warehouse, min_days=MIN_DAYS), learning=True)
    learned = np.asarray(features.days <= pd.Timestamp(version.training_to))
    if learned.all() or not learned.any():
        return None
    champion = load_model(version)
    newest = features.days.max() - pd.Timedelta(days=RECENT_DAYS)
    past, recent = features.where(learned), features.where(~learned & np.asarray(features.days > newest))
    if not len(recent):
        return None
    scored = [champion.score(each) for each in (past, recent)]
    return Observed(
        version, (recent.days.min().date(), recent.days.max().date()),
        _values(past, scored[0]), _values(recent, scored[1]), past.days.nunique(), recent.days.nunique(),
        _alerts(scored[0]), _alerts(scored[1]),
        (*_errors(recent, champion), judge_precision(precision_of(warehouse, MODEL))),
    )  # fmt: skip


def _values(features: FeatureSet, scored: pd.DataFrame) -> dict[str, np.ndarray]:
    inputs = {name: features.inputs[name].to_numpy(dtype=float) for name in WATCHED}
    return {**inputs, "score": scored["score"].to_numpy(dtype=float)}


def _alerts(scored: pd.DataFrame) -> int:
    return int(scored.loc[scored["severity"] == "critical", "day"].nunique())


def _errors(recent: FeatureSet, champion: LoadedModel) -> list[Finding]:
    days = recent.days.nunique()
    error = _error(recent, champion)
    usual = champion.version.metrics.get("wape", np.nan)
    findings = [compare_errors("error", f"the error of {champion.version.title}", error, usual, WORSE, days)]
    challenger = current_model(MODEL, CHALLENGER)
    if challenger and challenger.training_to:
        # Neither has seen these days, so that they can be held against each other.
        fresh = recent.where(np.asarray(recent.days > pd.Timestamp(challenger.training_to)))
        if len(fresh):
            what = f"the champion's error, beside that of {challenger.title},"
            ours, theirs = _error(fresh, champion), _error(fresh, load_model(challenger))
            findings.append(compare_errors("challenger", what, ours, theirs, BETTER, fresh.days.nunique()))
    return findings


def _error(features: FeatureSet, model: LoadedModel) -> float:
    return wape(features.actual, expect(model.pipeline, features) * features.level)
