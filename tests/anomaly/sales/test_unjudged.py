"""Where no day can be judged, a run, its pages and ``workbench models`` say why, and what helps."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from workbench.anomaly import TrainingResult, current_model, detect_sales, findings, promote, train_sales
from workbench.anomaly.sales.training import MIN_DAYS, lacking
from workbench.anomaly.sales.unjudged import why_not_judged
from workbench.commands.anomalies import models
from workbench.execution import RunOptions, run_pipeline
from workbench.tracking import mlflow_client
from workbench.warehouse import Warehouse, connect

from ..data import LEVELS, START, daily_sales

FEW, MANY = 60, 120
SPIKE = START + dt.timedelta(days=MANY - 4)
TOO_FEW = (
    f"there is no champion of sales_daily, and none can be trained: there are {FEW} days of sales, "
    f"{MIN_DAYS} are needed"
)


def call_models() -> str:
    program = typer.Typer()
    models.register(program)
    done = CliRunner().invoke(program, ["models"], catch_exceptions=False)
    assert done.exit_code == 0
    return " ".join(done.output.split())


def shown(folder: Path, stage: str) -> str:
    """What a stage's notebook shows, its code included."""
    return (folder / f"{stage}.ipynb").read_text()


@pytest.fixture
def refused(trained: TrainingResult) -> TrainingResult:
    """A shop of 120 days, the last but three with a spike, and a first training that the gate refused."""
    warehouse = connect()
    warehouse.execute("DELETE FROM marts.sales_daily")
    warehouse.append("marts.sales_daily", daily_sales(days=MANY, planted={("MEAT", SPIKE): 6.0}))
    with mlflow_client() as client:
        client.delete_registered_model_alias("sales_daily", "champion")
    result = train_sales(warehouse, trees=20)
    assert result.version != trained.version
    assert (result.trained, result.promoted) == (True, False)
    return result


def test_a_run_of_too_few_days_warns_once_and_its_pages_say_why(warehouse: Warehouse, home: Path) -> None:
    warehouse.append("marts.sales_daily", daily_sales(days=FEW))
    run = run_pipeline("anomaly_detection")
    assert run.state == "succeeded", run.error
    # Nobody gives verdicts on receipts here, so that fraud is no matter.
    assert run.warnings == [f"Daily sales were not judged: {TOO_FEW}."]
    pages = home / "runs" / run.run_id
    for stage, beginning in (("detect_sales", "Nothing was judged"), ("report", "Not judged")):
        text = shown(pages, stage)
        assert f"{beginning}: {TOO_FEW}." in text
        assert "no day left its range" not in text
    assert "train first" not in shown(pages, "detect_sales")
    told = call_models()
    assert told.startswith("No model is registered yet, and none can be trained: ")
    assert f"sales_daily: there are {FEW} days of sales, {MIN_DAYS} are needed." in told
    assert warehouse.counts("ops.alerts") == {"ops.alerts": 0}


def test_who_was_refused_is_named_with_the_reason_until_somebody_promotes_it(
    refused: TrainingResult, home: Path
) -> None:
    why = "; ".join(refused.verdict.reasons)
    assert "holdout_days is 23, at least 28 needed" in why
    by_hand = f"workbench models promote sales_daily {refused.version} makes it champion all the same"
    assert f"It is not champion: {why}. You may promote it by hand: {by_hand}." in refused.summary
    reason = (
        f"there is no champion of sales_daily: the gate refused version {refused.version} ({why}); {by_hand}, "
        "and the next run judges by it"
    )
    found = detect_sales(connect(), missing="skip")
    assert (found.detected, found.reason) == (False, reason)
    assert found.warnings == [f"Daily sales were not judged: {reason}."]
    report = run_pipeline("anomaly_detection", options=RunOptions(only="report"))
    assert report.state == "succeeded", report.error
    assert f"Not judged: {reason}." in shown(home / "runs" / report.run_id, "report")
    assert f"sales_daily version {refused.version} failed the gate: {why}; {by_hand}" in call_models()

    promote(connect(), "sales_daily", refused.version, "ann")
    judged = detect_sales(connect())
    assert (judged.detected, judged.reason, judged.warnings, why_not_judged(connect())) == (True, "", [], "")
    severity = judged.anomalies.set_index(["department", "sales_date"])["severity"]
    assert severity[("MEAT", SPIKE)] == "critical"
    assert f"failed the gate: {why}; it was made champion all the same" in call_models()


@pytest.mark.usefixtures("trained")
def test_a_champion_with_too_few_days_before_it_judges_nothing_and_says_so() -> None:
    warehouse = connect()
    assert why_not_judged(warehouse) == ""
    warehouse.execute("DELETE FROM marts.sales_daily WHERE sales_date >= ?", [START + dt.timedelta(days=10)])
    found = detect_sales(warehouse)
    assert found.reason == why_not_judged(warehouse) == f"there are 10 days of sales, {MIN_DAYS} are needed"
    assert found.summary == f"Nothing was judged: {found.reason}."
    assert found.warnings == [f"Daily sales were not judged: {found.reason}."]


@pytest.mark.usefixtures("trained")
def test_a_range_of_days_of_which_none_can_be_judged_is_no_warning() -> None:
    early = detect_sales(connect(), last_day=START)
    assert (len(early.scored), early.reason, early.warnings) == (0, "", [])


@pytest.mark.usefixtures("trained")
def test_a_champion_that_knows_no_department_says_so() -> None:
    warehouse = connect()
    warehouse.execute("DELETE FROM marts.sales_daily")
    warehouse.append("marts.sales_daily", daily_sales({"TOYS": 100.0}))
    found = detect_sales(warehouse)
    assert found.warnings == [
        "Daily sales were not judged: sales_daily version 1 knows no department that is sold."
    ]


@pytest.mark.parametrize("days", [0, 10, MIN_DAYS - 1])
def test_what_is_lacking_is_what_a_training_says(warehouse: Warehouse, days: int) -> None:
    warehouse.append("marts.sales_daily", daily_sales(LEVELS, days=days))
    result = train_sales(warehouse)
    assert result.reason
    assert lacking(warehouse) == result.reason
    assert current_model() is None


def test_nothing_is_lacking_where_there_are_days_enough(warehouse: Warehouse) -> None:
    warehouse.append("marts.sales_daily", daily_sales(days=MIN_DAYS))
    assert lacking(warehouse) == ""
    assert why_not_judged(warehouse).endswith("train first: workbench run anomaly_detection")
    assert "sales_daily: there is enough to train on." in call_models()


def test_nothing_found_is_told_from_not_judged(warehouse: Warehouse) -> None:
    none = warehouse.frame("SELECT * FROM marts.sales_anomalies")
    assert "None: no day left its range." in str(findings(none))
    assert "Not judged: too few days." in str(findings(none, not_judged="too few days"))
