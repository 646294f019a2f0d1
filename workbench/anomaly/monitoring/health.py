"""Look at the models that judge: what is found goes to ``ops.model_health``, and what is wrong is an alert."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from workbench.anomaly.models.registry import ModelVersion
from workbench.anomaly.monitoring.drift import Finding, Precision, allowed, compare, compare_rates, held_to
from workbench.governance.alerts import Alert, put
from workbench.governance.alerts.recorded import close_subjects, now
from workbench.governance.feedback import newest
from workbench.governance.this_run import this_run
from workbench.warehouse import Session, Warehouse

KIND = "model_drift"
RECENT_DAYS = 28
"""The newest days that are held against those of training."""

_TABLE = "ops.model_health"
_NAMED = 3


@dataclass(frozen=True)
class Observed:
    """What a model learned from, and what it has seen since.

    Attributes:
        version: the model.
        days: first and last of the recent days.
        reference, recent: the values of each input, and of ``score``; shape (rows,), NaN where unknown.
        reference_days, recent_days: number of days of each.
        reference_alerts, recent_alerts: how many of those days have an alert.
        findings: what else is known of it; where one has a ``p_value``, it counts only if chance seldom makes it as large.
        usually: when the reference was.
    """

    version: ModelVersion
    days: tuple[dt.date, dt.date]
    reference: dict[str, np.ndarray]
    recent: dict[str, np.ndarray]
    reference_days: int
    recent_days: int
    reference_alerts: int
    recent_alerts: int
    findings: tuple[Finding, ...] = ()
    usually: str = "in training"


@dataclass(frozen=True)
class Health:
    """What a look at a model found; ``look`` is which look at this version it was, from 1."""

    version: ModelVersion
    days: tuple[dt.date, dt.date]
    look: int
    findings: tuple[Finding, ...] = field(default_factory=tuple)

    @property
    def wrong(self) -> list[Finding]:
        """What has drifted, the largest effect against its limit first."""
        drifted = [each for each in self.findings if each.status == "drifted"]
        return sorted(drifted, key=lambda each: -each.effect / each.limit)

    def frame(self) -> pd.DataFrame:
        """Return the findings for display."""
        return pd.DataFrame(
            [
                {
                    "model": self.version.title, "measure": each.measure, "feature": each.feature,
                    "effect": each.effect, "limit": each.limit, "p value": each.p_value, "status": each.status,
                    "what": each.message,
                }
                for each in self.findings
            ]
        )  # fmt: skip


Observer = Callable[[Warehouse], Observed | None]
"""Makes out what a registered model has seen; None where there is no such model or nothing new."""


def check_models(
    warehouse: Warehouse, observers: Iterable[Observer], run_id: str | None = None
) -> list[Health]:
    """Look at each model, keep what is found, raise an alert for what is wrong and close those of what isn't any more.

    A look at days that were looked at already with the same version counts as the same look and takes its place.

    Args:
        warehouse: with the models' tables.
        observers: one a model.
        run_id: the run this belongs to; ``WORKBENCH_RUN_ID`` if None.

    Raises:
        WorkFailed: the tracking server can't be reached.
    """
    run_id = run_id or this_run()
    found = [_look(warehouse, seen) for observe in observers if (seen := observe(warehouse))]
    for health in found:
        _keep(warehouse, health, run_id)
    return found


def _look(warehouse: Warehouse, seen: Observed) -> Health:
    version = seen.version
    ((before,),) = warehouse.query(
        f"SELECT count(DISTINCT last_day) AS looks FROM {_TABLE} "
        "WHERE model_name = ? AND model_version = ? AND last_day < ?",
        [version.name, version.version, seen.days[1]],
    ).to_pandas().itertuples(index=False)  # fmt: skip
    look = int(before) + 1
    chance = allowed(look, len(seen.recent) + 1)
    days = (seen.reference_days, seen.recent_days)
    findings = [
        compare(
            "score" if name == "score" else "input",
            "" if name == "score" else name,
            seen.reference[name], values, days, chance, seen.usually,
        )
        for name, values in seen.recent.items()
    ]  # fmt: skip
    alerts = (seen.reference_alerts, seen.reference_days), (seen.recent_alerts, seen.recent_days)
    said = (held_to(each, chance) for each in seen.findings)
    findings += [compare_rates(*alerts, chance, seen.usually), *said]
    return Health(version, seen.days, look, tuple(findings))


def _keep(warehouse: Warehouse, health: Health, run_id: str | None) -> None:
    version, moment = health.version, now()
    rows = [
        {
            "model_name": version.name, "model_version": version.version, "measure": each.measure,
            "feature": each.feature, "first_day": health.days[0], "last_day": health.days[1],
            "effect": None if np.isnan(each.effect) else each.effect, "p_value": each.p_value,
            "effect_limit": each.limit, "status": each.status, "message": each.message, "run_id": run_id,
            "looked_at": moment, **_precision(each.precision),
        }
        for each in health.findings
    ]  # fmt: skip
    with warehouse.prepare(_TABLE, rows) as staged:

        def work(session: Session) -> None:
            warehouse.lock(session, _TABLE)
            session.execute(
                f"DELETE FROM {_TABLE} WHERE model_name = ? AND model_version = ? AND last_day = ?",
                [version.name, version.version, health.days[1]],
            )
            staged.load(session)
            if health.wrong:
                put(session, [_alert(health)], run_id)
            else:
                close_subjects(session, KIND, [version.name], moment)

        warehouse.run(work, repeatable=True)


def _precision(known: Precision | None) -> dict[str, float | int | None]:
    """Return the columns that say how precise a model is; empty for measures of another kind, and without a verdict."""
    names = ("cases", "precision_share", "precision_low", "precision_high")
    if known is None or not known.cases:
        return dict.fromkeys(names) | ({"cases": 0} if known else {})
    return dict(zip(names, (known.cases, known.share, *known.interval), strict=True))


def precision_of(warehouse: Warehouse, model: str, days: int = 90) -> Precision:
    """Return how precise a registered model is by the verdicts of the last days that are real or false, of all versions."""
    since = now() - dt.timedelta(days=days)
    given = [
        each.verdict
        for each in newest(warehouse)
        if each.concerned.model_name == model and each.given_at > since and each.verdict != "expected"
    ]
    return Precision(given.count("real"), len(given))


def _alert(health: Health) -> Alert:
    """Return one alert a version: what it says first is what is furthest off."""
    wrong = health.wrong
    more = f"; and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
    said = "; ".join(each.message for each in wrong[:_NAMED]) + more
    version = health.version
    return Alert(
        KIND, "warning", version.name,
        f"{version.title} may not know the days since {health.days[0]}: {said}. "
        "Train again: workbench run anomaly_detection --force",
        finding=(version.name, version.version, *sorted({each.measure for each in wrong})),
    )  # fmt: skip
