"""What the model of fraud has said since it is champion: whether its scores move, how often it is right, and whether the
challenger in its shadow would have been right more often.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from workbench.anomaly.fraud.backtest import compare_scores
from workbench.anomaly.fraud.behaviour.receipts import LABELS, VERDICTS
from workbench.anomaly.fraud.detection import SCORES
from workbench.anomaly.fraud.inputs import read_inputs, spread_out
from workbench.anomaly.fraud.stored import MODEL
from workbench.anomaly.models.lifecycle import CHALLENGER
from workbench.anomaly.models.registry import ModelVersion, current_model
from workbench.anomaly.monitoring.drift import LEAST_JUDGED, Finding, Precision, judge_precision, too_few
from workbench.anomaly.monitoring.health import RECENT_DAYS, Observed
from workbench.numbers import many
from workbench.warehouse import Warehouse

DELAY_DAYS = 7
"""A receipt without a verdict counts as genuine after so many days, if verdicts still came by then."""

BETTER = 1.1
"""Ratio of the challenger's average precision to the champion's from which the challenger is worth a look."""

_MOST = 200_000

_BY_VERSION = f"FROM {SCORES} WHERE model_name = ? AND model_version = ?"


def observe_fraud(warehouse: Warehouse) -> Observed | None:
    """Hold the champion's scores and inputs of the newest days against those of the days that it scored before.

    Of more receipts than 200,000 each n-th is looked at. Scores of receipts that it learned from would tell nothing: it
    knows them.

    Returns:
        None where there is no champion, or nothing is scored. Of a champion that has scored nothing yet, only the
        precision is known: that of all versions.

    Raises:
        WorkFailed: the tracking server can't be reached.
    """
    version = current_model(MODEL)
    if version is None:
        return None
    which = [version.name, version.version]
    days = warehouse.frame(
        "SELECT CAST(transaction_timestamp AS DATE) AS day, count(*) AS receipts, "
        f"sum(CASE WHEN is_alert THEN 1 ELSE 0 END) AS alerts {_BY_VERSION} GROUP BY 1 ORDER BY 1",
        which,
    )
    challenger = current_model(MODEL, CHALLENGER)
    beside = (judge_challenger(warehouse, version, challenger),) if challenger else ()
    findings = (judge_precision(precision(warehouse)), *beside)
    if days.empty:
        return _newly_champion(warehouse, version, findings)
    day = pd.to_datetime(days["day"])
    last = day.max()
    recent_day = day > last - pd.Timedelta(days=RECENT_DAYS)
    step = max(-(-int(days["receipts"].sum()) // _MOST), 1)
    rows = warehouse.frame(
        "SELECT day, score FROM (SELECT CAST(transaction_timestamp AS DATE) AS day, score, "
        "row_number() OVER (ORDER BY transaction_timestamp, transaction_id) AS place "
        f"{_BY_VERSION}) AS scored WHERE mod(place, ?) = 0",
        [*which, step],
    )
    is_recent = pd.to_datetime(rows["day"]) > last - pd.Timedelta(days=RECENT_DAYS)
    score = rows["score"].to_numpy(dtype=float)
    with_alert = days["alerts"] > 0
    given = read_inputs(warehouse, version)
    newest = given["day"] > last - pd.Timedelta(days=RECENT_DAYS)
    # What was judged before inputs were noted has none.
    inputs = [spread_out(given[days]) for days in (~newest, newest)] if len(given) else [{}, {}]
    return Observed(
        version, (day[recent_day].min().date(), last.date()),
        {**inputs[0], "score": score[~is_recent]}, {**inputs[1], "score": score[is_recent]},
        int((~recent_day).sum()), int(recent_day.sum()),
        int((with_alert & ~recent_day).sum()), int((with_alert & recent_day).sum()),
        findings, "on the days before",
    )  # fmt: skip


def _newly_champion(
    warehouse: Warehouse, version: ModelVersion, findings: tuple[Finding, ...]
) -> Observed | None:
    """Return what is known of a champion that has scored nothing: how precise those before it were."""
    last = warehouse.rows(f"SELECT max(transaction_timestamp) AS last_at FROM {SCORES}")[0]["last_at"]
    if last is None:
        return None
    days = (last.date() - dt.timedelta(days=RECENT_DAYS - 1), last.date())
    none = {"score": np.empty(0)}
    return Observed(version, days, none, none, 0, 0, 0, 0, findings, "on the days before")


def precision(warehouse: Warehouse, days: int = 90) -> Precision:
    """Return how many of the alerts about the newest days were fraud, by the verdicts on their receipts.

    An alert counts once its receipt has a verdict, or should have: one without is genuine where investigators still
    delivered verdicts ``DELAY_DAYS`` later, so that none is counted while they deliver none.
    """
    alerts = warehouse.frame(
        f"SELECT transaction_id, transaction_timestamp AS sold_at FROM {SCORES} "
        "WHERE is_alert AND model_name = ? ORDER BY transaction_id",
        [MODEL],
    )
    if alerts.empty:
        return Precision(0, 0)
    is_fraud, counted = _judged(
        warehouse, alerts[alerts["sold_at"] > alerts["sold_at"].max() - dt.timedelta(days=days)]
    )
    return Precision(int(is_fraud.sum()), int(counted.sum()))


def judge_challenger(warehouse: Warehouse, champion: ModelVersion, challenger: ModelVersion) -> Finding:
    """Say whether the version that scores in the champion's shadow ranks judged receipts better.

    Of more receipts than 200,000 the newest count.
    """
    what = f"the average precision of the challenger, {challenger.title}"
    scored = warehouse.frame(
        "SELECT transaction_id, transaction_timestamp AS sold_at, score, shadow_score "
        f"{_BY_VERSION} AND shadow_version = ? AND shadow_score IS NOT NULL "
        f"ORDER BY transaction_timestamp DESC, transaction_id LIMIT {_MOST}",
        [champion.name, champion.version, challenger.version],
    )
    is_fraud, counted = _judged(warehouse, scored)
    judged, is_fraud = scored[counted], is_fraud[counted]
    if is_fraud.sum() < LEAST_JUDGED or is_fraud.all():
        return too_few("challenger", "", BETTER, what, "judged frauds")
    day = judged["sold_at"].to_numpy(dtype="datetime64[D]")
    theirs, ours = (judged[name].to_numpy(dtype=float) for name in ("shadow_score", "score"))
    ratio, (low, high), p_value = compare_scores(theirs, ours, is_fraud, day)
    message = (
        f"{what}, is {ratio:.2f} times the champion's, likely {low:.2f} to {high:.2f}, on {len(judged):,} judged "
        f"receipts with {many(is_fraud.sum(), 'fraud')}"
    )
    return Finding("challenger", "", ratio, p_value, BETTER, "drifted" if ratio >= BETTER else "ok", message)


def _judged(warehouse: Warehouse, receipts: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return which receipts (``transaction_id, sold_at``) were fraud, and which are judged: all others may yet be."""
    told = warehouse.frame(
        f"SELECT transaction_id, is_fraud, labelled_at FROM ({VERDICTS}) AS verdicts "
        "ORDER BY labelled_at, transaction_id"
    )
    delivered = warehouse.rows(f"SELECT max(labelled_at) AS newest FROM {LABELS}")[0]["newest"]
    newest = told.drop_duplicates("transaction_id", keep="last").set_index("transaction_id")["is_fraud"]
    verdict = newest.reindex(receipts["transaction_id"])
    counted = verdict.notna().to_numpy()
    if delivered is not None:
        counted = counted | (receipts["sold_at"] + dt.timedelta(days=DELAY_DAYS) <= delivered).to_numpy()
    return (verdict.astype(float) == 1).to_numpy(), counted
