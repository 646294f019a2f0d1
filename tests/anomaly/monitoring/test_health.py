"""The model of daily sales is looked at as days come in: quiet while they are as ever, an alert when they aren't."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from workbench.anomaly import TrainingResult, check_models, observe_sales, promote, train_sales
from workbench.anomaly.models.gate import Verdict
from workbench.anomaly.models.lifecycle import install
from workbench.anomaly.monitoring.drift import Finding
from workbench.governance.alerts.recorded import recent
from workbench.warehouse import Warehouse, connect

from ..data import DAYS, PLANTED, START, daily_sales


def more_days(factor: float = 1.0, tilt: bool = False) -> None:
    """Forty days more: as ever, or all sales times a factor that comes and goes by the day."""
    warehouse = connect()
    frame = daily_sales(planted=PLANTED, days=DAYS + 40)
    new = frame["sales_date"] >= START + dt.timedelta(days=DAYS)
    frame = frame[new].copy()
    if tilt:
        odd = [day.toordinal() % 2 == 0 for day in frame["sales_date"]]
        frame.loc[odd, "net_amount_reporting"] = (frame.loc[odd, "net_amount_reporting"] * factor).round(2)
    warehouse.append("marts.sales_daily", frame)


def kept(warehouse: Warehouse) -> pd.DataFrame:
    return warehouse.frame("SELECT * FROM ops.model_health ORDER BY last_day, measure, feature")


def test_without_a_champion_there_is_nothing_to_look_at() -> None:
    warehouse = connect(create=True)
    assert check_models(warehouse, [observe_sales]) == []
    assert kept(warehouse).empty


@pytest.mark.usefixtures("trained")
def test_days_like_those_of_training_raise_nothing() -> None:
    more_days()
    warehouse = connect()
    (health,) = check_models(warehouse, [observe_sales], "run-2")
    assert health.wrong == []
    assert health.look == 1
    last = START + dt.timedelta(days=DAYS + 39)
    assert health.days == (last - dt.timedelta(days=27), last)
    assert set(kept(warehouse)["measure"]) == {"input", "score", "alert_rate", "error", "precision"}
    assert recent(warehouse, 10, kind="model_drift") == []


@pytest.mark.usefixtures("trained")
def test_a_world_that_moved_is_one_alert_and_closed_when_it_is_learned() -> None:
    more_days(3.0, tilt=True)
    warehouse = connect()
    (health,) = check_models(warehouse, [observe_sales], "run-2")
    wrong = {finding.measure for finding in health.wrong}
    assert {"input", "score", "alert_rate", "error"} <= wrong
    (alert,) = recent(warehouse, 10, kind="model_drift")
    assert (alert.subject, alert.severity, alert.run_id, alert.is_open) == (
        "sales_daily", "warning", "run-2", True,
    )  # fmt: skip
    assert "Train again" in alert.message

    # Looking again at the same days is the same look.
    check_models(warehouse, [observe_sales], "run-3")
    assert len(recent(warehouse, 10, kind="model_drift")) == 1
    frame = kept(warehouse)
    assert not frame.duplicated(["measure", "feature"]).any()
    assert set(frame["run_id"]) == {"run-3"}

    # The days come in as they ever were after all.
    warehouse.execute(
        "DELETE FROM marts.sales_daily WHERE sales_date >= ?", [START + dt.timedelta(days=DAYS)]
    )
    more_days()
    assert check_models(warehouse, [observe_sales], "run-4")[0].wrong == []
    assert recent(warehouse, 10, kind="model_drift", only_open=True) == []


def test_a_challenger_is_held_against_the_champion_on_days_that_neither_saw(trained: TrainingResult) -> None:
    more_days(3.0, tilt=True)
    warehouse = connect()
    second = train_sales(warehouse, holdout_days=20, trees=30)
    promote(warehouse, "sales_daily", trained.version, "ann")
    install(warehouse, "sales_daily", second.version, Verdict(False, ("for the test",)), {})

    def shadow() -> Finding:
        (health,) = check_models(warehouse, [observe_sales])
        (found,) = [finding for finding in health.findings if finding.measure == "challenger"]
        return found

    beside_second = shadow()
    assert f"sales_daily version {second.version}" in beside_second.message
    assert "20 days" in beside_second.message

    promote(warehouse, "sales_daily", second.version, "ann")
    install(warehouse, "sales_daily", trained.version, Verdict(False, ("for the test",)), {})
    beside_first = shadow()
    assert beside_first.effect * beside_second.effect == pytest.approx(1)
    assert (beside_first.status == "drifted") != (beside_second.status == "drifted")
