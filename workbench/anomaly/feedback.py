"""People's verdicts on anomalies: what an alert is about, and what the verdicts of late have changed."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from contextlib import suppress
from typing import Any

from workbench.errors import UsageError
from workbench.governance.alerts import recorded
from workbench.governance.alerts.alert import Raised, identity
from workbench.governance.audit import somebody
from workbench.governance.feedback import (
    VERDICTS,
    Concerned,
    Feedback,
    check_verdict,
    give,
    newest,
)
from workbench.governance.ids import SHORT
from workbench.numbers import many
from workbench.warehouse import Warehouse

KINDS = ("sales_anomaly", "fraud", "data_fault")
"""The kinds of alerts that people can judge."""


def give_verdict(
    warehouse: Warehouse, alert_id: str, verdict: str, *, note: str = "", actor: str = ""
) -> Feedback:
    """Say of an alert whether something was wrong; it is kept in ``ops.anomaly_feedback`` and noted in the audit log.

    Args:
        warehouse: where the alert is.
        alert_id: its id, or how it begins.
        verdict: ``real`` (something was wrong), ``false`` (nothing was), or ``expected`` (it was so, for a reason). An
            alert that is false or expected is closed, and one that turns out to be real is open again.
        note: why.
        actor: who says so; whoever runs this, if empty.

    Returns:
        The verdict, with what it is about. Of several on one alert the newest counts.

    Raises:
        UsageError: no such alert or verdict, or the alert is of a kind that isn't judged.
    """
    chosen = check_verdict(verdict)
    alert = recorded.named(warehouse, alert_id)
    return give(warehouse, alert, concerned(warehouse, alert), chosen, actor or somebody(), note)


def concerned(warehouse: Warehouse, alert: Raised) -> Concerned:
    """Return what an alert is about.

    Raises:
        UsageError: it is of a kind that isn't judged, or what it is about is gone.
    """
    if alert.kind not in KINDS:
        raise UsageError(
            f"alert {alert.alert_id[:SHORT]} is of kind {alert.kind}; verdicts are given on {', '.join(KINDS)}. "
            f"Close it with: workbench alerts close {alert.alert_id[:SHORT]}"
        )
    about = {"sales_anomaly": _days, "fraud": _receipt, "data_fault": _file}[alert.kind]
    return about(warehouse, alert)


def _days(warehouse: Warehouse, alert: Raised) -> Concerned:
    department, _, text = alert.subject.rpartition(" on ")
    day = None
    with suppress(ValueError):
        day = dt.date.fromisoformat(text)
    if day is None:
        raise UsageError(f"alert {alert.alert_id[:SHORT]} names no day: {alert.subject}")
    rows = warehouse.rows(
        "SELECT f.incident_from, f.model_name, f.model_version, max(d.sales_date) AS last_day "
        "FROM marts.sales_anomalies AS f JOIN marts.sales_anomalies AS d ON d.department = f.department "
        "AND d.measure = f.measure AND d.incident_from = f.incident_from "
        "WHERE f.department = ? AND f.sales_date = ? GROUP BY 1, 2, 3",
        [department, day],
    )
    if rows:
        found = rows[0]
        model = _model(alert, found)
        return Concerned(department, found["incident_from"], found["last_day"], **model)
    # It was found by a model that is no champion any more, or on that day nothing was sold at all.
    return Concerned("" if department == "all sales" else department, day, day, **_model(alert))


def _receipt(warehouse: Warehouse, alert: Raised) -> Concerned:
    transaction = alert.subject.removeprefix("receipt ")
    rows = warehouse.rows(
        "SELECT model_name, model_version FROM marts.fraud_scores WHERE transaction_id = ?", [transaction]
    )
    return Concerned(transaction_id=transaction, **_model(alert, *rows))


def _file(warehouse: Warehouse, alert: Raised) -> Concerned:
    beginning = alert.subject.rpartition(" ")[2]
    rows = warehouse.rows(
        "SELECT batch_id FROM ops.batches WHERE substring(batch_id, 1, ?) = ?", [len(beginning), beginning]
    )
    for row in rows:
        if identity(alert.kind, row["batch_id"]) == alert.alert_id:
            return Concerned(batch_id=row["batch_id"])
    raise UsageError(f"the file that alert {alert.alert_id[:SHORT]} is about isn't in the ledger any more")


def _model(alert: Raised, *found: dict[str, Any]) -> dict[str, Any]:
    """Return name and version of the model that raised an alert; of one that doesn't say so, the one that judges now."""
    if alert.model:
        name, _, version = alert.model.rpartition("/")
        return {"model_name": name, "model_version": version}
    return {name: row[name] for row in found for name in ("model_name", "model_version")}


def feedback_summary(warehouse: Warehouse, days: int = 28) -> str:
    """Return in one sentence how many verdicts were given in the last days, and what those that count have changed."""
    since = recorded.now() - dt.timedelta(days=days)
    counting = newest(warehouse)
    recent = [each for each in counting if each.given_at > since]
    if not counting:
        return "Nobody has given a verdict on an alert yet: workbench alerts feedback ID --verdict real|false|expected."
    if not recent:
        return f"No verdict was given in the last {days} days; {many(len(counting), 'alert has', 'alerts have')} one."
    given = Counter(each.verdict for each in recent)
    counts = ", ".join(f"{given[verdict]} {verdict}" for verdict in VERDICTS if given[verdict])
    text = f"{many(len(recent), 'alert', 'alerts')} got a verdict in the last {days} days ({counts})"
    changed = list(_changes(recent))
    return f"{text}: {'; '.join(changed)}." if changed else f"{text}."


def _changes(recent: list[Feedback]) -> list[str]:
    """Return what verdicts changed, a clause for each kind of change there was."""
    real = [each for each in recent if each.verdict == "real"]
    other = [each for each in recent if each.verdict != "real"]
    sales = [each.concerned for each in real if each.kind == "sales_anomaly"]
    days = sum(
        (each.last_day - each.first_day).days + 1 for each in sales if each.first_day and each.last_day
    )
    explained = sum(each.kind == "sales_anomaly" and each.verdict == "expected" for each in recent)
    kept_out = sum(each.kind == "data_fault" for each in real)
    learned = sum(each.kind == "data_fault" for each in other)
    labels = sum(each.kind == "fraud" for each in recent)
    clauses = {
        f"{many(days, 'day of sales is', 'days of sales are')} learned from no more": days,
        f"{many(explained, 'incident of sales is', 'incidents of sales are')} explained": explained,
        f"{many(learned, 'file is', 'files are')} taken as usual": learned,
        f"{many(kept_out, 'file stays', 'files stay')} out of what others are held against": kept_out,
        f"{many(labels, 'receipt has a label', 'receipts have a label')} to learn from": labels,
    }
    return [text for text, count in clauses.items() if count]
