"""Find the days on which a department's sales left their expected range, with the registered model."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from workbench.anomaly.models.registry import CHAMPION, ModelVersion, current_model
from workbench.anomaly.sales.hierarchy import with_total
from workbench.anomaly.sales.incidents import WEIGHED, incident_alerts, put_within, usual_day, weigh
from workbench.anomaly.sales.judged import read_judged
from workbench.anomaly.sales.known_days import countries_of
from workbench.anomaly.sales.levels.parts import judge_parts
from workbench.anomaly.sales.levels.places import where_it_happened
from workbench.anomaly.sales.model import MODEL, LoadedModel, load_model
from workbench.anomaly.sales.result import DetectionResult
from workbench.anomaly.sales.training import MEASURE, MIN_DAYS, read_sales, too_little
from workbench.anomaly.sales.unjudged import why_no_model
from workbench.anomaly.series.features import FeatureSet, Panel, build_features
from workbench.errors import UsageError, WorkFailed
from workbench.governance.alerts import Alert
from workbench.governance.this_run import this_run
from workbench.schema import table
from workbench.settings import get_settings
from workbench.warehouse import Session, Warehouse

ALERT_DAYS, MOST_ALERTS = 28, 10
"""There are so many alerts at most about so many newest days, where nobody says otherwise."""

_ANOMALIES = "marts.sales_anomalies"
_SCORED = (
    "sales_date", "department", "actual", "expected", "lower", "upper", "score", "direction", "severity",
    "week_before", "weekday_usual", *WEIGHED, "level",
)  # fmt: skip


@dataclass(frozen=True)
class _DayRange:
    """The days that are judged, both ends inclusive."""

    first: dt.date
    last: dt.date

    def holds(self, days: pd.DatetimeIndex) -> np.ndarray:
        """Return for each day whether it is among them."""
        return np.array([self.first <= day <= self.last for day in days.date], dtype=bool)

    def replace(self, warehouse: Warehouse, rows: pd.DataFrame) -> None:
        """Put rows in place of those of these days, in one transaction."""
        if (self.first, self.last) == (dt.date.min, dt.date.max):
            warehouse.replace(_ANOMALIES, rows)
            return
        with warehouse.prepare(_ANOMALIES, rows) as staged:

            def work(session: Session) -> None:
                warehouse.lock(session, _ANOMALIES)
                session.execute(
                    f"DELETE FROM {_ANOMALIES} WHERE sales_date BETWEEN ? AND ?", [self.first, self.last]
                )
                staged.load(session)

            warehouse.run(work, repeatable=True)


def detect_sales(
    warehouse: Warehouse,
    *,
    model: str | int = CHAMPION,
    days: int | None = None,
    first_day: dt.date | None = None,
    last_day: dt.date | None = None,
    alert_days: int = ALERT_DAYS,
    most_alerts: int = MOST_ALERTS,
    run_id: str | None = None,
    missing: Literal["fail", "skip"] = "fail",
) -> DetectionResult:
    """Judge daily sales by department and in all; write ``marts.sales_anomalies`` and raise ``ops.alerts``.

    Every judgement is out of sample: a day in the model's training window is judged by the trees that did
    not see it (the out-of-bag expectation kept with the model), any other day by all trees. A day is judged by all that
    came before it, whichever days are asked for. The table is replaced, or its rows of the days from ``first_day`` to
    ``last_day``; the same data and model give the same rows, at once or range by range. Days in a row are one incident,
    and so is what many departments do together.
    An alert is raised for each day without any sales and each incident with a critical day, of the last ``alert_days``
    days of data, those with the most money at stake first, ``most_alerts`` at most; its id depends only on the finding,
    so judging again raises nothing twice. An incident on which somebody gave a verdict isn't alerted again, and one that
    was judged real is in nothing that other days are held against.

    Args:
        warehouse: where ``marts.sales_daily`` is.
        model: ``champion``, another alias, or a version number of ``sales_daily``.
        days: judge only that many of the newest days; all after the 28-day warm-up if None.
        first_day: judge no day before it, and leave what is there of those.
        last_day: judge no day after it, likewise.
        alert_days: how recent a finding must be to raise an alert.
        most_alerts: how many alerts there may be about those days, with those of earlier runs.
        run_id: the run this belongs to; ``WORKBENCH_RUN_ID`` if None.
        missing: what to do without such a model: ``fail``, or ``skip`` to return an empty result (and leave
            an empty table) that says so.

    Raises:
        WorkFailed: there is no such model and ``missing`` is ``fail``, or MLflow can't be reached.
        UsageError: ``days`` is not positive, or given together with a range of days.
    """
    if most_alerts < 0:
        raise UsageError(f"most_alerts is {most_alerts}; at least 0 is needed")
    if days is not None and days < 1:
        raise UsageError(f"days is {days}; at least 1 is needed")
    if days is not None and (first_day or last_day):
        raise UsageError("days counts the newest days, so it can't be given with a first or last day")
    judged = _DayRange(first_day or dt.date.min, last_day or dt.date.max)
    run_id = run_id or this_run()
    version = current_model(MODEL, model)
    if version is None:
        reason = why_no_model(warehouse, model)
        if missing == "fail":
            raise WorkFailed(reason)
        nothing = _rows(pd.DataFrame(columns=list(_SCORED)), None, run_id)
        judged.replace(warehouse, nothing)
        return DetectionResult(False, reason, None, pd.DataFrame(columns=list(_SCORED)), nothing)
    loaded = load_model(version)
    panel = read_sales(warehouse, min_days=MIN_DAYS)
    features = build_features(panel)
    countries = countries_of(warehouse)
    every = pd.concat(
        [
            _score(features, panel, loaded, countries),
            *_score_parts(warehouse, panel, loaded, countries),
        ],
        ignore_index=True,
    )
    reason = (
        ""
        if len(every)
        else too_little(panel, features) or f"{version.title} knows no department that is sold"
    )
    asked = judged
    if days is not None and panel.days:
        newest = panel.values.index[-1].date()
        asked = _DayRange(newest - dt.timedelta(days=days - 1), newest)
    scored = every[asked.holds(pd.DatetimeIndex(pd.to_datetime(every["sales_date"])))].reset_index(drop=True)
    anomalies = _rows(scored[scored["severity"] != ""], version, run_id)
    judged.replace(warehouse, anomalies)
    new = set(panel.values.columns) - set(loaded.calibration.spread)
    skipped = {**panel.skipped, **dict.fromkeys(sorted(new), "unknown to the model")}
    return DetectionResult(
        True, reason, version, scored, anomalies, _raise_alerts(warehouse, version, every, panel, judged, asked, alert_days, most_alerts, run_id),
        skipped, panel.silent_days, panel.incomplete_day, panel.gaps, panel.apart,
    )  # fmt: skip


def _score(
    features: FeatureSet, panel: Panel, loaded: LoadedModel, countries: tuple[str, ...]
) -> pd.DataFrame:
    if not len(features):
        return pd.DataFrame(columns=list(_SCORED))
    scored = loaded.score(features)
    context = pd.DataFrame(
        {
            "week_before": features.naive.round(4),
            "weekday_usual": (features.inputs["weekday_median_4"] * features.level).round(4),
        }
    )
    scored = scored.merge(context, left_on=["day", "series"], right_index=True, how="left")
    scored = scored.rename(columns={"day": "sales_date", "series": "department"})
    scored["sales_date"] = scored["sales_date"].dt.date
    scored["level"] = "department"
    return weigh(with_total(scored.reset_index(drop=True)), panel, loaded.series, countries)[list(_SCORED)]


def _score_parts(
    warehouse: Warehouse, panel: Panel, loaded: LoadedModel, countries: tuple[str, ...]
) -> Iterator[pd.DataFrame]:
    """Yield the judged days of stores and of categories; none is outside where little money is at stake."""
    for level, parts, forest, scored in judge_parts(warehouse, loaded.parts, min_days=MIN_DAYS):
        limit = max(forest.limit_, forest.threshold_)
        rows = weigh(scored, parts, forest, countries, sold=usual_day(panel), least_strangeness=limit).assign(
            level=level
        )
        little = (rows["money_at_stake"] < rows["least_stake"]).to_numpy()
        rows.loc[little, "severity"] = ""
        rows.loc[little, "incident_from"] = None
        yield rows[list(_SCORED)]


def _rows(found: pd.DataFrame, version: ModelVersion | None, run_id: str | None) -> pd.DataFrame:
    rows = found.assign(
        measure=MEASURE,
        model_name=version.name if version else MODEL,
        model_version=version.version if version else "",
        run_id=run_id,
    )
    return rows.sort_values(["sales_date", "department"], ascending=[False, True], ignore_index=True)[
        list(table(_ANOMALIES).column_names)
    ]


def _raise_alerts(
    warehouse: Warehouse,
    version: ModelVersion,
    scored: pd.DataFrame,
    panel: Panel,
    judged: _DayRange,
    asked: _DayRange,
    alert_days: int,
    most: int,
    run_id: str | None,
) -> int:
    """Raise the alerts that aren't there yet; return how many."""
    if not panel.days:
        return 0
    since = (panel.values.index[-1] - pd.Timedelta(days=alert_days)).date()
    found = [
        Alert(
            "sales_anomaly", "critical", f"all sales on {day}",
            f"Nothing at all was sold on {day:%a %Y-%m-%d}, a weekday that usually sells: closed, or not loaded.",
            (str(day), "", MEASURE, "silent"),
        )
        for day in panel.silent_days
        if day > since and judged.first <= day <= judged.last
    ]  # fmt: skip
    told = incident_alerts(
        scored, since, asked.first, asked.last,
        most=most, measure=MEASURE, unit=get_settings().reporting_currency, judged=read_judged(warehouse),
    )  # fmt: skip
    raised = {
        row["alert_id"]
        for row in warehouse.rows("SELECT alert_id FROM ops.alerts WHERE kind = 'sales_anomaly'")
    }
    levels = dict(zip(scored["department"], scored["level"], strict=True))
    # Where it happened is looked for once, when it comes to light.
    found += [
        _with_places(warehouse, replace(each, model=version.key), levels)
        for each in told
        if each.alert_id not in raised
    ]
    if not found:
        return 0
    # What others raised meanwhile is looked for and the rest added in one transaction.
    return warehouse.run(lambda session: put_within(session, found, since, most, run_id), repeatable=True)


def _with_places(warehouse: Warehouse, alert: Alert, levels: Mapping[str, str]) -> Alert:
    day, series, *_ = alert.finding
    places = where_it_happened(warehouse, series, levels[series], dt.date.fromisoformat(day))
    return replace(alert, message=f"{alert.message} {places}") if places else alert
