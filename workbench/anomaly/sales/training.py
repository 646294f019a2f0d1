"""Train the model of daily sales: learn from the earlier days, measure on the later, hold to the gate."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from workbench.anomaly.models.gate import SPEED, judge_model, rows_a_second
from workbench.anomaly.models.lifecycle import install
from workbench.anomaly.models.outcome import Outcome
from workbench.anomaly.models.recording import TrainingRecord, TrainingSet, batches_of, log_training
from workbench.anomaly.models.registry import current_model
from workbench.anomaly.sales.injection import fit_series, measure_injected
from workbench.anomaly.sales.judged import read_confirmed
from workbench.anomaly.sales.levels.parts import fit_parts
from workbench.anomaly.sales.model import MODEL, files_beside, load_model
from workbench.anomaly.series.features import WARM_UP, FeatureSet, Panel, build_features, make_panel
from workbench.anomaly.series.forest import COVERAGE, Fitted, expect, fit_forest, importances, score
from workbench.errors import UsageError, WorkbenchError
from workbench.numbers import many, there_are
from workbench.warehouse import Warehouse

MEASURE = "net_amount_reporting"

LEAST_LEARNING = 28
LEAST_HOLDOUT = 14
MIN_DAYS = WARM_UP + LEAST_LEARNING + LEAST_HOLDOUT
"""Days of sales without which there is nothing to train on."""
HOLDOUT_DAYS = 56
HOLDOUT_SHARE = 4
"""One in so many of the days after the warm-up is held out, where that is less than was asked for."""


@dataclass(frozen=True)
class TrainingResult(Outcome):
    """What came of a training; errors in the reporting currency a day and department, shares 0 to 1.

    Attributes:
        departments: departments it knows.
        skipped: departments left out, and why.
        confirmed_days: days of departments left out because somebody confirmed that something was wrong.
    """

    model: ClassVar[str] = MODEL

    departments: tuple[str, ...] = ()
    skipped: dict[str, str] = field(default_factory=dict)
    confirmed_days: int = 0

    @property
    def measured(self) -> str:
        """How large the error is, and what is found."""
        first, last = self.holdout or ("", "")
        text = (
            f"{MODEL} version {self.version}, measured on {first} to {last}: error {self.metrics['wape']:.1%} of sales, "
            f"{self.metrics['wape_ratio_to_naive']:.2f} times that of repeating last week; "
            f"{self.metrics['coverage']:.1%} of days inside the expected range."
        )
        if "injected_recall" in self.metrics:
            text += (
                f" Of injected anomalies it finds {self.metrics['injected_recall']:.0%} at one false alert a department "
                f"and month, a weekday z-score {self.metrics['injected_recall_zscore']:.0%}."
            )
        if self.confirmed_days:
            were = "was" if self.confirmed_days == 1 else "were"
            text += f" {many(self.confirmed_days, 'day')} of confirmed incidents {were} left out."
        return text


def read_sales(warehouse: Warehouse, *, min_days: int = MIN_DAYS) -> Panel:
    """Read ``marts.sales_daily`` as a panel of net sales (reporting currency) by day and department.

    It has the incidents with it that people confirmed.
    """
    observed = warehouse.frame(
        f"SELECT sales_date AS day, department AS series, CAST({MEASURE} AS DOUBLE PRECISION) AS value, "
        "transactions AS rows FROM marts.sales_daily WHERE sales_date <= ? ORDER BY sales_date, department",
        # A clock that is ahead may date a sale to a day that hasn't come.
        [dt.datetime.now(dt.UTC).date()],
    )
    return replace(make_panel(observed, min_days=min_days), confirmed=read_confirmed(warehouse))


def train_sales(
    warehouse: Warehouse,
    *,
    holdout_days: int = HOLDOUT_DAYS,
    trees: int = 100,
    seed: int = 0,
    run_id: str | None = None,
) -> TrainingResult:
    """Train the forest on daily sales by department, register it, and make it champion if it passes the gate.

    The last ``holdout_days`` are held out (a quarter of the days when there are few); the registered model
    is the very one that was measured, so it hasn't seen them. Days of incidents that somebody judged real are neither
    learned from nor measured on. Too little data is no error: see ``trained``.

    Args:
        warehouse: where ``marts.sales_daily`` and the ledger are.
        holdout_days: days at the end to measure on, at least 14.
        trees: number of trees.
        seed: of the forest; the same data and seed give the same metrics, but for ``rows_a_second``.
        run_id: the run this belongs to, kept as a tag.

    Raises:
        UsageError: an argument is out of range, or the promotion policy can't be read.
        WorkFailed: the tracking server can't be reached.
    """
    if holdout_days < LEAST_HOLDOUT:
        raise UsageError(f"holdout_days is {holdout_days}; at least {LEAST_HOLDOUT} are needed to measure on")
    if not 10 <= trees <= 2000:
        raise UsageError(f"trees is {trees}; between 10 and 2000 make sense")
    panel = read_sales(warehouse)
    features = build_features(panel, learning=True)
    reason = too_little(panel, features)
    if reason:
        return TrainingResult(False, reason, skipped=panel.skipped)
    held_out, earlier, later = _parted(panel, features, holdout_days)
    reason = _too_short(earlier, later)
    if reason:
        return TrainingResult(False, reason, skipped=panel.skipped)
    first_held_out = panel.values.index[-held_out]

    fitted = fit_forest(earlier, trees=trees, seed=seed)
    row = panel.days - held_out
    known = sorted(earlier.inputs["series"].unique())
    judged = replace(panel, values=panel.values[known])
    series = fit_series(judged, row, trees=trees, seed=seed)
    metrics = {**measure(fitted, earlier, later), **measure_injected(series, judged, row)}
    parts = fit_parts(warehouse, first_held_out, min_days=MIN_DAYS, trees=trees, seed=seed)
    metrics |= parts.metrics
    metrics |= _against_champion(fitted, earlier, later, (trees, seed))
    metrics[SPEED] = rows_a_second(len(later), lambda: expect(fitted.pipeline, later))
    verdict = judge_model(MODEL, metrics)
    record = TrainingRecord(
        name=MODEL, model=fitted.pipeline, inputs=earlier.inputs,
        data=TrainingSet(
            "marts.sales_daily", batches_of(warehouse, "transactions"), len(features), _fingerprint(panel)
        ),
        training=(earlier.days.min().date(), earlier.days.max().date()),
        holdout=(later.days.min().date(), later.days.max().date()),
        parameters={
            "trees": trees, "seed": seed, "holdout_days": held_out, "measure": MEASURE,
            "coverage_stated": COVERAGE, "warm_up_days": WARM_UP, "confirmed_days": int(panel.is_confirmed.sum()),
        },
        metrics=metrics, verdict=verdict, beside=files_beside(fitted, series, parts.forests), run_id=run_id,
        documents={
            "data/skipped.json": {"skipped": panel.skipped},
            "data/confirmed.json": {"confirmed": [list(map(str, each)) for each in panel.confirmed]},
            "model/importances.csv": importances(fitted.pipeline).to_csv(index=False),
        },
    )  # fmt: skip
    version = log_training(record)
    install(warehouse, MODEL, version, verdict, metrics)
    return TrainingResult(
        True, "", version, verdict.passed, verdict, record.training, record.holdout, metrics,
        tuple(fitted.calibration.spread), panel.skipped, int(panel.is_confirmed.sum()),
    )  # fmt: skip


def measure(fitted: Fitted, earlier: FeatureSet, later: FeatureSet) -> dict[str, float]:
    """Measure a fitted model on the held-out rows.

    Returns:
        ``mae`` and ``naive_mae`` (reporting currency a day and department), ``wape`` and ``naive_wape``
        (absolute error as a share of sales), ``wape_ratio_to_naive``, ``coverage`` (share of held-out rows
        inside the range), ``out_of_bag_wape`` on the training rows, and the counts ``holdout_days``,
        ``holdout_rows``, ``training_days``, ``training_rows``, ``departments``. The naive rule repeats the
        same weekday of the week before.
    """
    expected = expect(fitted.pipeline, later)
    scored = score(later, expected, fitted.calibration)
    judged = later.naive.notna().to_numpy()
    fair = later.where(judged)
    naive_wape = wape(fair.actual, fair.naive)
    comparable = wape(fair.actual, expected[judged] * fair.level)
    return {
        "mae": float((later.actual - expected * later.level).abs().mean()),
        "wape": wape(later.actual, expected * later.level),
        "naive_mae": float((fair.actual - fair.naive).abs().mean()),
        "naive_wape": naive_wape,
        "wape_ratio_to_naive": comparable / naive_wape if naive_wape else float("inf"),
        "coverage": float((scored["severity"] == "").mean()),
        "out_of_bag_wape": wape(earlier.actual, fitted.out_of_bag * earlier.level),
        "holdout_days": float(later.days.nunique()),
        "holdout_rows": float(len(later)),
        "training_days": float(earlier.days.nunique()),
        "training_rows": float(len(earlier)),
        "departments": float(len(fitted.calibration.spread)),
    }


def wape(actual: pd.Series, expected: pd.Series) -> float:
    """Return the sum of absolute errors as a share of the sum of absolute actual values."""
    total = float(actual.abs().sum())
    return float((actual - expected).abs().sum()) / total if total else float("inf")


def lacking(warehouse: Warehouse, holdout_days: int = HOLDOUT_DAYS) -> str:
    """Return what daily sales lack to train on, a sentence without its end; empty if nothing."""
    panel = read_sales(warehouse)
    features = build_features(panel, learning=True)
    return too_little(panel, features) or _too_short(*_parted(panel, features, holdout_days)[1:])


def too_little(panel: Panel, features: FeatureSet) -> str:
    """Return what daily sales lack to be learned from or judged at all, a sentence without its end; empty if nothing."""
    if not panel.days:
        return "there are no daily sales; load transactions and run retail_etl first"
    if panel.days < MIN_DAYS:
        return f"{there_are(panel.days, 'day')} of sales, {MIN_DAYS} are needed"
    if panel.values.empty or not len(features):
        few = "; ".join(f"{name}: {why}" for name, why in list(panel.skipped.items())[:3])
        return f"no department has enough history ({few})" if few else "no department has enough history"
    return ""


def _parted(panel: Panel, features: FeatureSet, holdout_days: int) -> tuple[int, FeatureSet, FeatureSet]:
    """Return how many days are held out, what is learned from, and what is measured on."""
    held_out = min(holdout_days, max(LEAST_HOLDOUT, (panel.days - WARM_UP) // HOLDOUT_SHARE))
    is_later = np.asarray(features.days >= panel.values.index[-held_out])
    earlier, later = features.where(~is_later), features.where(is_later)
    known = later.inputs["series"].isin(earlier.inputs["series"].unique())
    return held_out, earlier, later.where(known.to_numpy())


def _too_short(earlier: FeatureSet, later: FeatureSet) -> str:
    if earlier.days.nunique() < LEAST_LEARNING:
        return f"{there_are(earlier.days.nunique(), 'day')} to learn from, {LEAST_LEARNING} are needed"
    return "" if len(later) else "no department that is learned of sold anything on the days to measure on"


def _against_champion(
    fitted: Fitted, earlier: FeatureSet, later: FeatureSet, made: tuple[int, int]
) -> dict[str, float]:
    """Measure a model against the champion on the later days; nothing if there is none, or it can't read them.

    A champion that learned from some of these days would have no match on them. Then, where it was ``made`` otherwise (with
    how many trees, from which seed), a model is made like that of the earlier days, and held against.

    Returns:
        ``wape_ratio_to_champion`` and ``worst_department_ratio``: the same ratio of the department that has become worst
        by it, among those of a hundredth of the sales or more.
    """
    present = current_model(MODEL)
    if present is None or not present.training_to:
        return {}
    theirs_made = present.whole_numbers("trees", "seed")
    try:
        if pd.Timestamp(present.training_to) < later.days.min():
            champion = load_model(present).pipeline
        elif theirs_made and theirs_made != made:
            champion = fit_forest(earlier, trees=theirs_made[0], seed=theirs_made[1]).pipeline
        else:
            return {}
        theirs = expect(champion, later) * later.level
    except (ValueError, WorkbenchError):
        return {}
    errors = pd.DataFrame(
        {
            "department": later.inputs["series"].to_numpy(),
            "ours": (later.actual - expect(fitted.pipeline, later) * later.level).abs().to_numpy(),
            "theirs": (later.actual - theirs).abs().to_numpy(),
            "sold": later.actual.abs().to_numpy(),
        }
    )
    total, by_department = errors.drop(columns="department").sum(), errors.groupby("department").sum()
    if not total["theirs"]:
        return {}
    large = by_department[(by_department["sold"] >= 0.01 * total["sold"]) & (by_department["theirs"] > 0)]
    found = {"wape_ratio_to_champion": float(total["ours"] / total["theirs"])}
    if len(large):
        found["worst_department_ratio"] = float((large["ours"] / large["theirs"]).max())
    return found


def _fingerprint(panel: Panel) -> str:
    content = hashlib.sha256(repr([*map(str, panel.values.columns), str(panel.values.index[0])]).encode())
    content.update(np.ascontiguousarray(panel.usual.to_numpy().round(4)).tobytes())
    return content.hexdigest()


__all__ = [
    "MEASURE",
    "MIN_DAYS",
    "TrainingResult",
    "lacking",
    "measure",
    "read_sales",
    "too_little",
    "train_sales",
    "wape",
]
