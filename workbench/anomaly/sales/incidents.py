"""What a finding weighs: the money at stake, whether all departments strayed, and which days are one incident."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pandas as pd

from workbench.anomaly.sales.explain import explain
from workbench.anomaly.sales.hierarchy import TOTAL, contributions, one_each
from workbench.anomaly.sales.known_days import DEFAULT, known_day
from workbench.anomaly.series.estimator import SeriesForest
from workbench.anomaly.series.features import Panel
from workbench.governance import alerts
from workbench.governance.alerts import Alert
from workbench.numbers import money
from workbench.warehouse import Session

WEIGHED = ("money_at_stake", "strangeness", "severity_points", "incident_from", "known_day")

LEAST_SHARE = 0.0025
"""Share of a usual day's sales of all departments below which no finding is critical."""

_VERY_STRANGE, _MUCH = 5.0, 50.0


def weigh(
    scored: pd.DataFrame, panel: Panel, series: SeriesForest, countries: tuple[str, ...] = (DEFAULT,)
) -> pd.DataFrame:
    """Add ``WEIGHED`` to scored days, and take back ``critical`` from those that aren't.

    A day is critical only if more is at stake than a quarter of a percent of a usual day's sales of all departments, and
    if it is strange by what the other departments did on it, so far as that is known.

    Args:
        scored: all judged days, so that an incident has its first day whichever days are asked for.
        panel: the days behind them.
        series: fitted on departments, of which the panel may have others.
        countries: whose known days are named.

    Returns:
        The rows in their order. ``severity_points`` grow with the logarithm of the money and with strangeness;
        ``incident_from`` is empty for days inside their range.
    """
    known = panel.values.reindex(columns=list(series.feature_names_in_))
    strange = pd.DataFrame(series.score_samples(known), known.index, known.columns)
    places = (
        strange.index.get_indexer(pd.DatetimeIndex(pd.to_datetime(scored["sales_date"]))),
        strange.columns.get_indexer(pd.Index(scored["department"])),
    )
    strangeness = strange.to_numpy()[places] if len(scored) else np.zeros(0)
    strangeness = np.where((places[0] >= 0) & (places[1] >= 0), strangeness, np.nan)
    at_stake = (scored["actual"] - scored["expected"]).abs().to_numpy(dtype=float)
    least = LEAST_SHARE * float(panel.values.sum(axis=1, min_count=1).abs().median())
    critical = (scored["severity"] == "critical").to_numpy()
    confirmed = (at_stake >= least) & ~(strangeness < series.limit_)
    # Where a department is new to one of them, the other's word is all there is.
    sure = np.where(np.isnan(strangeness), scored["score"] * series.limit_, strangeness) / _VERY_STRANGE
    weight = np.log1p(at_stake / least) / np.log1p(_MUCH) if least > 0 else np.ones(len(scored))
    points = 100 * np.sqrt(np.clip(sure, 0, 1) * np.clip(weight, 0, 1))
    return scored.assign(
        severity=np.where(critical & ~confirmed, "warning", scored["severity"]),
        money_at_stake=at_stake.round(4),
        strangeness=strangeness.round(4),
        severity_points=points.round().astype("int64"),
        incident_from=_incidents(scored),
        known_day=np.array([known_day(day, countries) for day in scored["sales_date"]], dtype=object),
    )


def _incidents(scored: pd.DataFrame) -> pd.Series:
    """Return for each day outside its range the first of the days in a row, to the same side, that it belongs to."""
    found = scored[scored["severity"] != ""].sort_values(["department", "sales_date"])
    days = pd.to_datetime(found["sales_date"])
    follows = (
        (days.diff() == pd.Timedelta(days=1))
        & (found["department"] == found["department"].shift())
        & (found["direction"] == found["direction"].shift())
    )
    first = found["sales_date"].groupby((~follows).cumsum()).transform("first")
    return first.reindex(scored.index).astype(object).where(lambda each: each.notna(), None)


def incident_alerts(
    scored: pd.DataFrame, since: dt.date, first: dt.date, last: dt.date, *, most: int, measure: str, unit: str
) -> list[Alert]:
    """Return an alert for each incident with a critical day after ``since``, the most money first, ``most`` at most.

    Where many departments make all of them stray, that is one incident, whose alert tells what each added; where one
    does, it is that one's.

    They are chosen of all days, whichever are asked for; of those, the alerts of incidents with a critical day from
    ``first`` to ``last`` are returned. An alert is the same one when its incident is judged again, with other figures.
    """
    critical = scored[scored["severity"] == "critical"]
    incidents = {
        (str(department), begin): days
        for (department, begin), days in critical.groupby(["department", "incident_from"], sort=True)
    }
    found = []
    for (department, begin), days in one_each(scored, incidents).items():
        if days["sales_date"].max() > since:
            inside = scored[(scored["department"] == department) & (scored["incident_from"] == begin)]
            found.append((float(inside["money_at_stake"].sum()), department, days, len(inside)))
    found.sort(key=lambda each: (-each[0], each[1], each[2]["sales_date"].min()))
    return [
        _alert(days, length, total, measure, unit, scored)
        for total, _, days, length in found[:most]
        if days["sales_date"].between(first, last).any()
    ]


def _alert(
    days: pd.DataFrame, length: int, total: float, measure: str, unit: str, scored: pd.DataFrame
) -> Alert:
    row = {str(name): value for name, value in days.sort_values("sales_date").iloc[0].items()}
    message = explain(row, unit)
    if row["department"] == TOTAL and (parts := contributions(scored, row["sales_date"], row["direction"])):
        message += f" Of it: {parts}."
    if isinstance(row["known_day"], str):
        message += f" It is {row['known_day']}."
    if length > 1:
        message += f" It is one of {length} days in a row, with {money(total)} {unit} at stake in all."
    finding = (str(row["sales_date"]), str(row["department"]), measure, str(row["direction"]))
    return Alert("sales_anomaly", "critical", f"{row['department']} on {row['sales_date']}", message, finding)


def put_within(
    session: Session, found: Sequence[Alert], since: dt.date, most: int, run_id: str | None
) -> int:
    """Record the first of the alerts until there are ``most`` about days after ``since``; return how many are new."""
    kept = session.execute("SELECT alert_id, subject FROM ops.alerts WHERE kind = 'sales_anomaly'").fetchall()
    there = {identity for identity, subject in kept if str(subject)[-10:] > str(since)}
    fresh = [alert for alert in found if alert.alert_id not in there]
    return alerts.put(session, fresh[: max(0, most - len(there))], run_id)
