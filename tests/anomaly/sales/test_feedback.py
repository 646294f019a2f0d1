"""What people say of unusual sales is learned from: confirmed incidents are nobody's baseline, judged ones aren't told again."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.anomaly import (
    TrainingResult,
    check_models,
    detect_sales,
    feedback_summary,
    give_verdict,
    observe_sales,
    train_sales,
)
from workbench.anomaly.sales.hierarchy import TOTAL
from workbench.anomaly.sales.training import MIN_DAYS, read_sales
from workbench.anomaly.series.features import build_features
from workbench.errors import UsageError
from workbench.governance.alerts import Alert, put
from workbench.governance.alerts.recorded import recent
from workbench.warehouse import Warehouse, connect

from ..data import DAYS, LEVELS, PLANTED, START, daily_sales
from .test_incidents import multiply

LAST = START + dt.timedelta(days=DAYS - 1)
MEAT_DAYS = [LAST - dt.timedelta(days=ago) for ago in (24, 23, 22)]


def alert_of(subject: str) -> str:
    (found,) = [each for each in recent(connect(), 50) if each.subject == subject]
    return found.alert_id


@pytest.fixture
def told(trained: TrainingResult) -> Warehouse:
    """A warehouse with an alert about three days of MEAT that sold five times as much."""
    multiply("MEAT", MEAT_DAYS, 5)
    warehouse = connect()
    detect_sales(warehouse, run_id="run-1")
    return warehouse


def test_a_verdict_knows_the_days_and_the_model_that_it_is_about(
    told: Warehouse, trained: TrainingResult
) -> None:
    given = give_verdict(
        told, alert_of(f"MEAT on {MEAT_DAYS[0]}")[:9], "real", note="promotion was booked twice", actor="ann"
    )
    about = given.concerned
    assert (about.series, about.first_day, about.last_day) == ("MEAT", MEAT_DAYS[0], MEAT_DAYS[-1])
    assert (about.model_name, about.model_version) == ("sales_daily", trained.version)
    (row,) = told.rows("SELECT * FROM ops.anomaly_feedback")
    assert (row["verdict"], row["given_by"], row["note"]) == ("real", "ann", "promotion was booked twice")


def test_confirmed_days_leave_the_training_set_and_the_past_of_later_days(told: Warehouse) -> None:
    before = build_features(read_sales(told, min_days=MIN_DAYS))
    give_verdict(told, alert_of(f"MEAT on {MEAT_DAYS[0]}"), "real")
    panel = read_sales(told, min_days=MIN_DAYS)
    assert panel.confirmed == (("MEAT", MEAT_DAYS[0], MEAT_DAYS[-1]),)
    after = build_features(panel)
    confirmed = [(pd.Timestamp(day), "MEAT") for day in MEAT_DAYS]
    # They are judged themselves, as they were,
    assert after.actual[confirmed].tolist() == before.actual[confirmed].tolist()
    # but a week later none of them is what was sold a week before.
    later = [(day + pd.Timedelta(days=7), series) for day, series in confirmed]
    assert (before.inputs.loc[later, "lag_7"] > 3).all()
    assert after.inputs.loc[later, "lag_7"].isna().all()
    assert (after.naive[later] < before.naive[later] / 2).all()
    others = before.inputs.index.get_level_values("series") != "MEAT"
    pd.testing.assert_frame_equal(before.inputs[others], after.inputs[others])
    learned = build_features(panel, learning=True)
    assert set(after.inputs.index) - set(learned.inputs.index) == set(confirmed)
    # The same panel with anything else sold on these days teaches the same.
    changed = panel.values.copy()
    changed.loc[[day for day, _ in confirmed], "MEAT"] = 1e6
    otherwise = build_features(replace(panel, values=changed), learning=True)
    pd.testing.assert_frame_equal(otherwise.inputs, learned.inputs)
    np.testing.assert_array_equal(otherwise.target, learned.target)


def test_a_training_says_what_it_left_out(told: Warehouse) -> None:
    give_verdict(told, alert_of(f"MEAT on {MEAT_DAYS[0]}"), "real")
    result = train_sales(told, holdout_days=20, trees=20)
    assert result.confirmed_days == 3
    assert "3 days of confirmed incidents were left out" in result.summary
    with_false = give_verdict(told, alert_of(f"MEAT on {MEAT_DAYS[0]}"), "false")
    assert with_false.verdict == "false"
    assert train_sales(told, holdout_days=20, trees=20).confirmed_days == 0


def test_confirmed_days_do_not_excuse_later_ones(told: Warehouse) -> None:
    """A department that sells five times as much again is as strange as the first time."""
    again = [day + dt.timedelta(days=14) for day in MEAT_DAYS]
    multiply("MEAT", again, 5)

    def scored() -> pd.DataFrame:
        rows = detect_sales(told).scored
        return rows[rows["department"] == "MEAT"].set_index("sales_date")

    before = scored()
    give_verdict(told, alert_of(f"MEAT on {MEAT_DAYS[0]}"), "real")
    after = scored()
    assert (after.loc[MEAT_DAYS, "severity"] == "critical").all()
    assert after.loc[MEAT_DAYS, "strangeness"].notna().all()
    assert (after.loc[again, "expected"] < before.loc[again, "expected"]).all()
    assert (after.loc[again, "strangeness"] > before.loc[again, "strangeness"]).all()


@pytest.mark.parametrize("verdict", [pytest.param("expected", marks=pytest.mark.soak), "false", "real"])
def test_a_judged_incident_is_not_alerted_again_when_it_begins_on_another_day(
    told: Warehouse, verdict: str
) -> None:
    alert = alert_of(f"MEAT on {MEAT_DAYS[0]}")
    earlier = MEAT_DAYS[0] - dt.timedelta(days=1)
    give_verdict(told, alert, verdict)
    multiply("MEAT", [earlier], 5)
    multiply("GROCERY", [LAST - dt.timedelta(days=5)], 5)
    result = detect_sales(told)
    incident = result.anomalies[result.anomalies["department"] == "MEAT"].set_index("sales_date")
    assert incident.loc[earlier, "severity"] == "critical"
    assert incident.loc[MEAT_DAYS[0], "incident_from"] == earlier
    subjects = {each.subject for each in recent(told, 50)}
    assert f"MEAT on {earlier}" not in subjects
    assert f"GROCERY on {LAST - dt.timedelta(days=5)}" in subjects


def test_without_a_verdict_it_is_alerted_again(told: Warehouse) -> None:
    earlier = MEAT_DAYS[0] - dt.timedelta(days=1)
    multiply("MEAT", [earlier], 5)
    detect_sales(told)
    assert f"MEAT on {earlier}" in {each.subject for each in recent(told, 50)}


@pytest.mark.usefixtures("trained")
def test_a_day_without_any_sales_can_be_judged() -> None:
    warehouse = connect()
    day = LAST - dt.timedelta(days=3)
    warehouse.execute("DELETE FROM marts.sales_daily WHERE sales_date = ?", [day])
    detect_sales(warehouse)
    about = give_verdict(warehouse, alert_of(f"all sales on {day}"), "expected").concerned
    assert (about.series, about.first_day, about.last_day, about.model_name) == ("", day, day, None)


@pytest.mark.usefixtures("trained")
def test_what_all_departments_did_together_is_in_nobodys_past() -> None:
    day = LAST - dt.timedelta(days=9)
    for department in LEVELS:
        multiply(department, [day], 0.4)
    warehouse = connect()
    detect_sales(warehouse)
    give_verdict(warehouse, alert_of(f"{TOTAL} on {day}"), "real")
    panel = read_sales(warehouse, min_days=MIN_DAYS)
    assert panel.is_confirmed.sum(axis=1)[panel.values.index == pd.Timestamp(day)].tolist() == [len(LEVELS)]
    assert panel.is_confirmed.sum() == len(LEVELS)
    detect_sales(warehouse)
    assert len([each for each in recent(warehouse, 50) if each.subject.startswith(TOTAL)]) == 1


def test_what_is_no_anomaly_is_not_judged(warehouse: Warehouse) -> None:
    rate = Alert("no_rate", "warning", "GBP", "no rate of GBP", ("GBP",))
    warehouse.run(lambda session: put(session, [rate]))
    with pytest.raises(UsageError, match="verdicts are given on sales_anomaly, fraud, data_fault"):
        give_verdict(warehouse, rate.alert_id, "real")
    with pytest.raises(UsageError, match="unknown verdict 'perhaps'; known: expected, false, real"):
        give_verdict(warehouse, rate.alert_id, "perhaps")
    with pytest.raises(UsageError, match="unknown alert 'zz'"):
        give_verdict(warehouse, "zz", "real")
    assert warehouse.counts("ops.anomaly_feedback") == {"ops.anomaly_feedback": 0}


def test_the_precision_of_the_model_is_known_as_verdicts_arrive(told: Warehouse) -> None:
    more = daily_sales(planted=PLANTED, days=DAYS + 30)
    told.append("marts.sales_daily", more[more["sales_date"] > LAST])
    for number, department in enumerate(("DAIRY", "GROCERY", "PRODUCE")):
        multiply(department, [LAST - dt.timedelta(days=3 * number + 1)], 5)
    detect_sales(told, alert_days=60)
    assert feedback_summary(told).startswith("Nobody has given a verdict")

    def known() -> dict[str, object]:
        check_models(told, [observe_sales])
        (row,) = told.rows("SELECT * FROM ops.model_health WHERE measure = 'precision'")
        return row

    assert (known()["cases"], known()["precision_share"]) == (0, None)
    give_verdict(told, alert_of(f"MEAT on {MEAT_DAYS[0]}"), "real")
    give_verdict(told, alert_of(f"DAIRY on {LAST - dt.timedelta(days=1)}"), "real")
    give_verdict(told, alert_of(f"GROCERY on {LAST - dt.timedelta(days=4)}"), "false")
    give_verdict(told, alert_of(f"PRODUCE on {LAST - dt.timedelta(days=7)}"), "expected")
    row = known()
    assert (row["cases"], row["status"], row["model_name"]) == (3, "too_few", "sales_daily")
    assert row["precision_share"] == pytest.approx(2 / 3)
    # Wilson's interval of 2 in 3.
    assert (row["precision_low"], row["precision_high"]) == (
        pytest.approx(0.2077, abs=1e-4), pytest.approx(0.9385, abs=1e-4),
    )  # fmt: skip
    assert feedback_summary(told) == (
        "4 alerts got a verdict in the last 28 days (2 real, 1 false, 1 expected): 4 days of sales are learned from no "
        "more; 1 incident of sales is explained."
    )
