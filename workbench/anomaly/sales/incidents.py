"""What a finding weighs: the money at stake, whether all departments strayed, and which days are one incident."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.anomaly.sales.explain import explain
from workbench.anomaly.sales.hierarchy import TOTAL, contributions, one_each
from workbench.anomaly.sales.judged import is_judged
from workbench.anomaly.sales.known_days import DEFAULT, known_day
from workbench.anomaly.series.estimator import SeriesForest
from workbench.anomaly.series.features import Panel
from workbench.anomaly.series.forest import CRITICAL
from workbench.governance import alerts
from workbench.governance.alerts import Alert
from workbench.governance.feedback import Concerned
from workbench.numbers import money
from workbench.warehouse import Session

WEIGHED = (
    "money_at_stake", "strangeness", "severity_points", "incident_from", "known_day",
    "threshold", "least_stake", "least_strangeness",
)  # fmt: skip

LEAST_SHARE = 0.0025
"""Share of a usual day's sales of all departments below which no finding is critical."""

_VERY_STRANGE, _MUCH = 5.0, 50.0


def usual_day(panel: Panel) -> float:
    """Return what all departments sell on a usual day."""
    return float(panel.values.sum(axis=1, min_count=1).abs().median())


def weigh(
    scored: pd.DataFrame,
    panel: Panel,
    series: SeriesForest,
    countries: tuple[str, ...] = (DEFAULT,),
    *,
    sold: float | None = None,
    least_strangeness: float | None = None,
) -> pd.DataFrame:
    """Add ``WEIGHED`` to scored days, and take back ``critical`` from those that aren't.

    A day is critical only if more is at stake than a quarter of a percent of a usual day's sales of all departments, and
    if it is strange by what the other departments did on it, so far as that is known.

    Args:
        scored: all judged days, so that an incident has its first day whichever days are asked for.
        panel: the days behind them.
        series: fitted on departments, of which the panel may have others.
        countries: whose known days are named.
        sold: what all departments sell on a usual day; from the panel if None.
        least_strangeness: below which a day isn't critical; the forest's ``limit_`` if None.

    Returns:
        The rows in their order. ``severity_points`` grow with the logarithm of the money and with strangeness;
        ``incident_from`` is empty for days inside their range; ``threshold``, ``least_stake`` and ``least_strangeness``
        are what a critical day reaches of ``score``, ``money_at_stake`` and ``strangeness``.
    """
    strange = _strangeness(panel, series)
    places = (
        strange.index.get_indexer(pd.DatetimeIndex(pd.to_datetime(scored["sales_date"]))),
        strange.columns.get_indexer(pd.Index(scored["department"])),
    )
    strangeness = strange.to_numpy()[places] if len(scored) else np.zeros(0)
    strangeness = np.where((places[0] >= 0) & (places[1] >= 0), strangeness, np.nan)
    at_stake = (scored["actual"] - scored["expected"]).abs().to_numpy(dtype=float)
    least = LEAST_SHARE * (usual_day(panel) if sold is None else sold)
    limit = series.limit_ if least_strangeness is None else least_strangeness
    critical = (scored["severity"] == "critical").to_numpy()
    confirmed = (at_stake >= least) & ~(strangeness < limit)
    # Where a department is new to one of them, the other's word is all there is.
    sure = np.where(np.isnan(strangeness), scored["score"] * series.limit_, strangeness) / _VERY_STRANGE
    weight = np.log1p(at_stake / least) / np.log1p(_MUCH) if least > 0 else np.ones(len(scored))
    points = 100 * np.sqrt(np.clip(sure, 0, 1) * np.clip(weight, 0, 1))
    known = {day: known_day(day, countries) for day in scored["sales_date"].unique()}
    return scored.assign(
        severity=np.where(critical & ~confirmed, "warning", scored["severity"]),
        money_at_stake=at_stake.round(4),
        strangeness=strangeness.round(4),
        severity_points=points.round().astype("int64"),
        incident_from=_incidents(scored),
        known_day=scored["sales_date"].map(known).astype(object).where(lambda each: each.notna(), None),
        threshold=CRITICAL,
        least_stake=round(least, 4),
        least_strangeness=round(limit, 4),
    )


def _strangeness(panel: Panel, series: SeriesForest) -> pd.DataFrame:
    """Return how strange each day of each series is; days of confirmed incidents are in nothing that others are held to."""
    names = list(series.feature_names_in_)
    known = panel.usual.reindex(columns=names)
    strange = pd.DataFrame(series.score_samples(known), known.index, known.columns)
    if panel.confirmed:
        every = panel.values.reindex(columns=names)
        alone = pd.DataFrame(series.score_samples(every), every.index, every.columns)
        strange = strange.where(known.notna(), alone)
    return strange


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
    scored: pd.DataFrame,
    since: dt.date,
    first: dt.date,
    last: dt.date,
    *,
    most: int,
    measure: str,
    unit: str,
    judged: Sequence[Concerned] = (),
) -> list[Alert]:
    """Return an alert for each incident with a critical day after ``since``, the most money first, ``most`` at most.

    Where many departments make all of them stray, that is one incident, whose alert tells what each added; where one
    does, it is that one's.

    They are chosen of all days, whichever are asked for; of those, the alerts of incidents with a critical day from
    ``first`` to ``last`` are returned. An alert is the same one when its incident is judged again, with other figures.
    None is returned of incidents that somebody has given a verdict on, ``judged``.
    """
    found = [
        each
        for each in incidents(scored, since)
        if not is_judged(judged, each.department, each.first_day, each.last_day)
    ]
    return [
        _alert(each.critical, each.length, each.money_at_stake, measure, unit, scored)
        for each in found[:most]
        if each.critical["sales_date"].between(first, last).any()
    ]


@dataclass(frozen=True)
class Incident:
    """Days in a row of one department outside their range, one of them critical at least.

    ``critical`` has the rows of the critical days; ``money_at_stake`` is that of all ``length`` days.
    """

    department: str
    first_day: dt.date
    last_day: dt.date
    length: int
    money_at_stake: float
    critical: pd.DataFrame


def incidents(scored: pd.DataFrame, since: dt.date) -> list[Incident]:
    """Return the incidents with a critical day after ``since``, those with the most money at stake first.

    Of those of departments and of their sum that are the same one, the one at the root is returned.
    """
    critical = scored[scored["severity"] == "critical"]
    each_one = {
        (str(department), begin): days
        for (department, begin), days in critical.groupby(["department", "incident_from"], sort=True)
    }
    found = []
    for (department, begin), days in one_each(scored, each_one).items():
        if days["sales_date"].max() > since:
            inside = scored[(scored["department"] == department) & (scored["incident_from"] == begin)]
            found.append(
                Incident(
                    department, inside["sales_date"].min(), inside["sales_date"].max(), len(inside),
                    float(inside["money_at_stake"].sum()), days,
                )
            )  # fmt: skip
    return sorted(
        found, key=lambda each: (-each.money_at_stake, each.department, each.critical["sales_date"].min())
    )


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
