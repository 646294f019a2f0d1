"""Findings weigh what they cost; days in a row are one alert; there are never more alerts than the budget."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
import skops.io
from sklearn.ensemble import RandomForestRegressor

from workbench.anomaly import TrainingResult, current_model, detect_sales
from workbench.anomaly.models.gate import judge_model
from workbench.anomaly.sales.hierarchy import TOTAL
from workbench.anomaly.sales.injection import measure_injected
from workbench.anomaly.sales.known_days import countries_of, known_day
from workbench.anomaly.sales.model import _series, load_model
from workbench.anomaly.sales.training import read_sales
from workbench.anomaly.series.estimator import SeriesForest
from workbench.errors import UsageError
from workbench.warehouse import connect

from ..data import DAYS, LEVELS, PLANTED, START, daily_sales

LAST = START + dt.timedelta(days=DAYS - 1)


def multiply(department: str, days: list[dt.date], factor: float) -> None:
    for day in days:
        connect().execute(
            "UPDATE marts.sales_daily SET net_amount_reporting = net_amount_reporting * ? "
            "WHERE department = ? AND sales_date = ?",
            [factor, department, day],
        )


@pytest.mark.usefixtures("trained")
def test_what_is_found_weighs_its_money() -> None:
    found = detect_sales(connect()).anomalies.set_index(["department", "sales_date"])
    for key in PLANTED:
        row = found.loc[key]
        assert row["severity"] == "critical"
        assert row["money_at_stake"] == pytest.approx(abs(row["actual"] - row["expected"]), abs=1e-3)
        assert row["strangeness"] > 3
        assert row["incident_from"] == key[1]
    points = found["severity_points"]
    assert points.between(0, 100).all()
    grocery, bakery = points[("GROCERY", dt.date(2024, 7, 17))], points[("BAKERY", dt.date(2024, 8, 10))]
    assert 50 < bakery < grocery


@pytest.mark.usefixtures("trained")
def test_far_from_expected_by_a_few_dollars_is_not_critical() -> None:
    warehouse = connect()
    # All but MEAT and GROCERY sell for pennies.
    warehouse.execute(
        "UPDATE marts.sales_daily SET net_amount_reporting = net_amount_reporting / 1000 "
        "WHERE department NOT IN ('MEAT', 'GROCERY')"
    )
    severity = detect_sales(warehouse).anomalies.set_index(["department", "sales_date"])["severity"]
    assert severity[("BAKERY", dt.date(2024, 8, 10))] == "warning"
    assert severity[("MEAT", dt.date(2024, 3, 12))] == "critical"


@pytest.mark.usefixtures("trained")
def test_a_day_on_which_all_sell_less_is_nobodys_critical_day() -> None:
    day = LAST - dt.timedelta(days=10)
    for department in LEVELS:
        multiply(department, [day], 0.4)
    of_day = detect_sales(connect()).scored
    of_day = of_day[of_day["sales_date"] == day]
    total, of_day = of_day[of_day["department"] == TOTAL], of_day[of_day["department"] != TOTAL]
    assert total["severity"].tolist() == ["critical"]
    assert (of_day["severity"] == "warning").sum() > 3
    assert "critical" not in set(of_day["severity"])
    assert (of_day["strangeness"] < 3).all()
    (alert,) = connect().rows("SELECT subject, message FROM ops.alerts WHERE subject LIKE ?", [f"%{day}"])
    assert alert["subject"] == f"{TOTAL} on {day}"
    assert "GROCERY" in alert["message"] and "other departments" in alert["message"]


@pytest.mark.usefixtures("trained")
def test_days_in_a_row_are_one_alert() -> None:
    days = [LAST - dt.timedelta(days=ago) for ago in (14, 13, 12)]
    multiply("DAIRY", days, 4)
    result = detect_sales(connect())
    incident = result.anomalies[result.anomalies["department"].eq("DAIRY")].set_index("sales_date")
    assert set(incident.loc[days, "incident_from"]) == {days[0]}
    raised = connect().frame("SELECT subject, message FROM ops.alerts WHERE subject LIKE 'DAIRY%'")
    assert raised["subject"].tolist() == [f"DAIRY on {days[0]}"]
    assert "one of 3 days in a row" in raised["message"][0]
    assert "nan" not in raised["message"][0].lower()


@pytest.mark.usefixtures("trained")
def test_there_are_never_more_alerts_than_the_budget_and_the_dearest_come_first() -> None:
    for number, department in enumerate(LEVELS):
        multiply(department, [LAST - dt.timedelta(days=3 * number + 1)], 5)
    warehouse = connect()
    assert detect_sales(warehouse, most_alerts=2).alerts == 2
    subjects = warehouse.frame("SELECT subject FROM ops.alerts")["subject"]
    assert {subject.split()[0] for subject in subjects} == {"GROCERY", "MEAT"}
    assert detect_sales(warehouse, most_alerts=2).alerts == 0
    # What comes to light later finds the budget spent.
    multiply("GROCERY", [LAST - dt.timedelta(days=20)], 30)
    assert detect_sales(warehouse, most_alerts=2).alerts == 0
    assert detect_sales(warehouse, most_alerts=3).alerts == 1
    with pytest.raises(UsageError, match="most_alerts is -1"):
        detect_sales(warehouse, most_alerts=-1)


def test_days_that_are_known_for_something_are_named() -> None:
    named = {
        "2017-02-14": "Valentine's Day", "2017-11-23": "Thanksgiving", "2024-03-31": "Easter Sunday",
        "2025-04-20": "Easter Sunday", "2021-05-31": "Memorial Day", "2024-05-27": "Memorial Day",
        "2023-05-14": "Mother's Day", "2017-09-04": "Labor Day", "2016-11-23": "the day before Thanksgiving",
    }  # fmt: skip
    assert {day: known_day(dt.date.fromisoformat(day)) for day in named} == named
    assert known_day(dt.date(2017, 3, 7)) is None
    abroad = {
        ("2024-03-10", "GB"): "Mother's Day", ("2024-05-26", "FR"): "Mother's Day", ("2023-06-04", "FR"): "Mother's Day",
        ("2024-05-09", "DE"): "Father's Day", ("2024-10-03", "DE"): "German Unity Day",
        ("2024-07-01", "CA"): "Canada Day", ("2024-05-06", "GB"): "May Day", ("2024-12-26", "GB"): "the day after Christmas",
    }  # fmt: skip
    assert {key: known_day(dt.date.fromisoformat(key[0]), (key[1],)) for key in abroad} == abroad


def test_the_stores_say_whose_days_are_known() -> None:
    warehouse = connect(create=True)
    assert countries_of(warehouse) == ("US",)
    places = ["de"] * 6 + ["GB"] * 3 + ["Atlantis"] * 2 + [None, "US"]
    rows = [
        {
            "store_key": number, "store_id": f"S{number}", "country": country, "is_inferred": False,
            "valid_from": dt.datetime(2024, 1, 1), "valid_to": dt.datetime(9999, 1, 1), "is_current": True,
        }
        for number, country in enumerate(places)
    ]  # fmt: skip
    with warehouse.prepare("core.dim_store", rows) as staged:
        warehouse.run(staged.load)
    assert countries_of(warehouse) == ("DE", "GB")
    assert known_day(dt.date(2024, 10, 3), ("DE", "GB")) == "German Unity Day"
    assert known_day(dt.date(2024, 5, 6), ("DE", "GB")) == "May Day (GB)"


@pytest.mark.usefixtures("trained")
def test_known_days_are_in_the_table() -> None:
    multiply("MEAT", [dt.date(2024, 5, 12)], 5)
    detect_sales(connect())
    days = connect().frame(
        "SELECT sales_date, known_day FROM marts.sales_anomalies WHERE department = 'MEAT'"
    )
    named = {str(row.sales_date)[:10]: row.known_day for row in days.itertuples()}
    assert named["2024-05-12"] == "Mother's Day"
    missing = connect().rows("SELECT count(*) AS n FROM marts.sales_anomalies WHERE known_day IS NULL")
    assert missing[0]["n"] > 0


def test_a_training_says_how_it_does_beside_simple_rules(trained: TrainingResult) -> None:
    metrics = trained.metrics
    for name in ("", "_zscore", "_windows"):
        assert 0 < metrics[f"injected_ap{name}"] <= 1
        assert 0 <= metrics[f"injected_recall{name}"] <= 1
    assert metrics["injected_ap_ratio"] >= 0.95
    assert "Of injected anomalies it finds" in trained.summary


@pytest.mark.usefixtures("trained")
def test_the_gate_refuses_a_forest_that_the_simple_rules_beat(trained: TrainingResult) -> None:
    panel = read_sales(connect())
    first = panel.days - 56
    worse = SeriesForest(20, random_state=0).fit(panel.values.iloc[:first])
    # To which nothing that three of the six departments do is strange.
    worse.least_spread_[::2] = 1e3
    measured = {**trained.metrics, **measure_injected(worse, panel, first)}
    verdict = judge_model("sales_daily", measured)
    assert not verdict.passed
    assert any(reason.startswith("injected_ap_ratio is 0.") for reason in verdict.reasons)
    assert judge_model("sales_daily", trained.metrics).passed
    # Of few departments a tie or a loss is chance.
    few = replace(panel, values=panel.values.iloc[:, :3])
    assert "injected_ap_ratio" not in measure_injected(
        SeriesForest(20).fit(few.values.iloc[:first]), few, first
    )


@pytest.mark.usefixtures("trained")
def test_what_lies_beside_the_model_is_read_as_data_or_not_at_all() -> None:
    champion = current_model()
    assert champion is not None
    series = load_model(champion).series
    assert type(series) is SeriesForest and list(series.feature_names_in_) == sorted(LEVELS)
    with pytest.raises(ValueError, match="RandomForestRegressor"):
        _series(skops.io.dumps(RandomForestRegressor(2).fit([[0.0], [1.0]], [0.0, 1.0])))
    series.peers_[0, 0] = 99
    with pytest.raises(ValueError, match="go together"):
        _series(skops.io.dumps(series))
    with pytest.raises(ValueError):
        _series(b"no zip")


def test_sales_of_a_replayed_clean_time_raise_no_more_than_the_budget(trained: TrainingResult) -> None:
    assert trained.promoted
    warehouse = connect()
    for seed in (21, 22):
        warehouse.replace("marts.sales_daily", daily_sales(seed=seed))
        warehouse.execute("DELETE FROM ops.alerts")
        assert detect_sales(warehouse, most_alerts=len(LEVELS)).alerts <= 1
