"""Detection finds what was planted, says little else, and can be run again."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from workbench.anomaly import TrainingResult, detect_sales
from workbench.anomaly.models.registry import current_model
from workbench.anomaly.sales.explain import explain
from workbench.anomaly.sales.model import load_model
from workbench.errors import UsageError, WorkFailed
from workbench.warehouse import Warehouse, connect

from ..data import DAYS, PLANTED, START, daily_sales

LAST = START + dt.timedelta(days=DAYS - 1)


def stored() -> pd.DataFrame:
    return connect().frame("SELECT * FROM marts.sales_anomalies ORDER BY sales_date DESC, department")


def test_what_was_planted_is_found_with_few_false_alarms(trained: TrainingResult) -> None:
    result = detect_sales(connect())
    found = {(row.department, row.sales_date): row.severity for row in result.anomalies.itertuples()}
    assert {key: found.get(key) for key in PLANTED} == dict.fromkeys(PLANTED, "critical")
    assert len(found) - len(PLANTED) <= 0.015 * len(result.scored)
    assert result.critical - len(PLANTED) <= 3
    assert f"by sales_daily version {trained.version}" in result.summary


@pytest.mark.usefixtures("trained")
def test_the_table_holds_what_the_result_says() -> None:
    result = detect_sales(connect(), run_id="run-7")
    rows = stored()
    assert len(rows) == len(result.anomalies) > 0
    assert rows["score"].tolist() == result.anomalies["score"].tolist()
    assert set(rows["run_id"]) == {"run-7"}
    assert set(rows["measure"]) == {"net_amount_reporting"}
    outside = (rows["actual"] < rows["lower"]) | (rows["actual"] > rows["upper"])
    assert outside.all()
    assert ((rows["direction"] == "above") == (rows["actual"] > rows["expected"])).all()


@pytest.mark.usefixtures("trained")
def test_judging_again_gives_the_same_rows_and_raises_nothing_twice() -> None:
    first = detect_sales(connect())
    rows, alerts = stored(), connect().counts("ops.alerts")
    again = detect_sales(connect())
    pd.testing.assert_frame_equal(rows, stored())
    pd.testing.assert_frame_equal(first.scored, again.scored)
    assert first.alerts == alerts["ops.alerts"] > 0
    assert (again.alerts, connect().counts("ops.alerts")) == (0, alerts)


@pytest.mark.usefixtures("trained")
def test_only_recent_critical_days_raise_an_alert_in_words() -> None:
    detect_sales(connect(), alert_days=28)
    alerts = connect().frame("SELECT * FROM ops.alerts")
    assert "BAKERY on 2024-08-10" in set(alerts["subject"])
    assert "MEAT on 2024-03-12" not in set(alerts["subject"])
    message = alerts.set_index("subject").loc["BAKERY on 2024-08-10", "message"]
    assert message.startswith("BAKERY on Sat 2024-08-10: 0 USD, expected 5")
    assert set(alerts["severity"]) == {"critical"}
    assert alerts["is_open"].all()


@pytest.mark.usefixtures("trained")
def test_days_it_was_trained_on_are_judged_by_trees_that_did_not_see_them() -> None:
    champion = current_model()
    assert champion is not None
    loaded = load_model(champion)
    scored = detect_sales(connect()).scored.set_index(["sales_date", "department"])
    day = dt.date(2024, 3, 14)
    panel = daily_sales(planted=PLANTED)
    past = panel[(panel["department"] == "MEAT") & (panel["sales_date"] < day)].tail(28)[
        "net_amount_reporting"
    ]
    level = max(past.median(), past.mean() / 2)
    out_of_bag = loaded.out_of_bag.loc[(pd.Timestamp(day), "MEAT")]
    assert scored.loc[(day, "MEAT"), "expected"] == pytest.approx(out_of_bag * level, rel=1e-4)


@pytest.mark.usefixtures("trained")
def test_only_the_newest_days_can_be_judged() -> None:
    result = detect_sales(connect(), days=10)
    assert result.scored["sales_date"].nunique() == 10
    assert stored()["sales_date"].min() >= pd.Timestamp("2024-08-08")
    with pytest.raises(UsageError, match="days is 0"):
        detect_sales(connect(), days=0)


def test_a_version_can_be_named_and_an_unknown_one_is_said(trained: TrainingResult) -> None:
    assert detect_sales(connect(), model=int(trained.version)).detected
    with pytest.raises(WorkFailed, match="there is no 99 of sales_daily"):
        detect_sales(connect(), model=99)
    with pytest.raises(WorkFailed, match="there is no challenger of sales_daily"):
        detect_sales(connect(), model="challenger")


def test_without_a_model_it_fails_with_what_to_do(warehouse: Warehouse) -> None:
    with pytest.raises(
        WorkFailed, match="there are no daily sales; load transactions and run retail_etl first"
    ):
        detect_sales(warehouse)
    warehouse.append("marts.sales_daily", daily_sales())
    with pytest.raises(WorkFailed, match="train first: workbench run anomaly_detection"):
        detect_sales(warehouse)


@pytest.mark.usefixtures("trained")
def test_without_a_model_it_can_be_told_to_say_so_and_leave_an_empty_table() -> None:
    detect_sales(connect())
    result = detect_sales(connect(), model="challenger", missing="skip")
    assert not result.detected
    assert "there is no challenger of sales_daily; workbench models lists what there is" in result.summary
    assert (len(result.anomalies), len(result.frame()), len(stored())) == (0, 0, 0)


@pytest.mark.usefixtures("trained")
def test_an_empty_mart_has_no_anomalies() -> None:
    warehouse = connect()
    warehouse.execute("DELETE FROM marts.sales_daily")
    result = detect_sales(warehouse)
    assert result.detected
    assert (len(result.scored), len(result.anomalies), result.alerts, result.notes) == (0, 0, 0, ())


@pytest.mark.usefixtures("trained")
def test_a_department_newer_than_the_model_is_named_not_judged() -> None:
    warehouse = connect()
    warehouse.append("marts.sales_daily", daily_sales({"TOYS": 100.0}))
    result = detect_sales(warehouse)
    assert "TOYS" not in set(result.scored["department"])
    assert result.skipped == {"TOYS": "unknown to the model"}
    assert "TOYS (unknown to the model)" in result.notes[0]


@pytest.mark.usefixtures("trained")
def test_a_day_without_any_sales_is_one_alert_not_one_a_department() -> None:
    warehouse = connect()
    day = LAST - dt.timedelta(days=3)
    warehouse.execute("DELETE FROM marts.sales_daily WHERE sales_date = ?", [day])
    result = detect_sales(warehouse)
    assert result.silent_days == (day,)
    assert day not in set(result.scored["sales_date"])
    subjects = warehouse.frame("SELECT subject FROM ops.alerts")["subject"].tolist()
    assert subjects.count(f"all sales on {day}") == 1


@pytest.mark.usefixtures("trained")
def test_a_newest_day_that_is_still_filling_up_is_said_and_not_judged() -> None:
    warehouse = connect()
    warehouse.execute(
        "UPDATE marts.sales_daily SET net_amount_reporting = net_amount_reporting / 10, "
        "transactions = 1 WHERE sales_date = ?",
        [LAST],
    )
    result = detect_sales(warehouse)
    assert result.incomplete_day == LAST
    assert result.scored["sales_date"].max() == LAST - dt.timedelta(days=1)


def test_an_explanation_reads_as_a_sentence() -> None:
    row = {
        "sales_date": dt.date(2024, 2, 14), "department": "FLORAL", "actual": 851.21, "expected": 64.058,
        "lower": 0.0, "upper": 172.73, "week_before": 60.0, "weekday_usual": 58.5,
    }  # fmt: skip
    assert explain(row, "USD") == (
        "FLORAL on Wed 2024-02-14: 851 USD, expected 64.06 (0 to 173; 13.3 times the expectation); "
        "a week before 60, usual for a Wednesday 58.50."
    )
    assert explain({**row, "week_before": float("nan"), "weekday_usual": None}).endswith("expectation).")
