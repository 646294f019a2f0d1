"""Training measures on later days, leaves a full record in MLflow, and says when there is too little data."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pandas as pd
import pytest

from workbench.anomaly import TrainingResult, current_model, train_sales
from workbench.anomaly.models.lifecycle import promote
from workbench.anomaly.sales.model import load_model
from workbench.anomaly.sales.training import MIN_DAYS
from workbench.errors import UsageError, WorkFailed
from workbench.settings import get_settings
from workbench.tracking import mlflow_client
from workbench.warehouse import Warehouse, connect

from ..conftest import Trained
from ..data import DAYS, LEVELS, START, daily_sales


def test_it_learns_from_the_earlier_days_and_is_measured_on_the_later(trained: TrainingResult) -> None:
    last = START + dt.timedelta(days=DAYS - 1)
    assert trained.trained
    assert trained.training and trained.holdout
    assert trained.holdout == (trained.training[1] + dt.timedelta(days=1), last)
    assert trained.metrics["holdout_days"] == min(56, (DAYS - 28) // 4)
    assert trained.departments == tuple(sorted(LEVELS))


def test_it_beats_repeating_last_week_and_is_champion(trained: TrainingResult) -> None:
    assert trained.metrics["wape_ratio_to_naive"] < 0.9
    assert trained.metrics["coverage"] > 0.95
    assert trained.promoted
    champion = current_model("sales_daily")
    assert champion is not None
    assert (champion.version, champion.aliases, champion.gate) == (trained.version, ("champion",), "passed")
    assert champion.metrics == pytest.approx(trained.metrics)
    assert "It is champion" in trained.summary


def test_mlflow_has_the_whole_record(trained: TrainingResult, trained_home: Trained) -> None:
    import mlflow

    champion = current_model("sales_daily")
    assert champion is not None and trained.training is not None
    with mlflow_client() as client:
        run = client.get_run(champion.run_id)
        info = mlflow.models.get_model_info(f"models:/sales_daily/{champion.version}")
        batches = mlflow.artifacts.load_text(f"runs:/{champion.run_id}/data/batches.json")
        experiment = client.get_experiment(run.info.experiment_id)
    tags = run.data.tags
    assert (tags["training_from"], tags["training_to"]) == tuple(map(str, trained.training))
    assert tags["batch_ids"] == "a" * 64 + "," + "b" * 64
    assert tags["batches"] == "2"
    assert json.loads(batches)["batch_ids"] == ["a" * 64, "b" * 64]
    assert len(tags["data_sha256"]) == 64
    assert tags["workbench_run_id"] == "run-1"
    assert run.data.params["trees"] == "60"
    assert run.info.status == "FINISHED"
    assert info.signature.inputs.input_names()[0] == "series"
    assert info.signature.outputs is not None
    assert info.saved_input_example_info is not None
    assert experiment.artifact_location.startswith((trained_home.home / "mlartifacts").as_uri())


def test_a_loaded_model_expects_what_the_fitted_one_did(trained: TrainingResult) -> None:
    champion = current_model("sales_daily")
    assert champion is not None
    loaded = load_model(champion)
    assert loaded.out_of_bag.index.names == ["day", "series"]
    assert len(loaded.out_of_bag) == trained.metrics["training_rows"]
    assert set(loaded.calibration.spread) == set(LEVELS)


def test_the_same_data_gives_the_same_metrics_and_a_later_version(trained: TrainingResult) -> None:
    again = train_sales(connect(), trees=60)
    # How fast it is alone depends on the hour.
    same = set(trained.metrics) - {"rows_a_second"}
    assert {key: again.metrics[key] for key in same} == {key: trained.metrics[key] for key in same}
    assert again.metrics["wape_ratio_to_champion"] == pytest.approx(1)
    assert again.metrics["worst_department_ratio"] == pytest.approx(1)
    assert again.metrics["rows_a_second"] > 500
    assert again.promoted
    assert (trained.version, again.version) == ("1", "2")


def test_where_the_champion_learned_from_the_days_its_recipe_is_held_against(trained: TrainingResult) -> None:
    newer = train_sales(connect(), trees=60, holdout_days=28)
    assert newer.version is not None and newer.training is not None
    promote(connect(), "sales_daily", newer.version, "ann")
    longer = train_sales(connect(), trees=10)
    assert longer.holdout is not None and longer.holdout[0] < newer.training[1]
    assert 0.8 < longer.metrics["wape_ratio_to_champion"] < 1.5
    assert longer.metrics["worst_department_ratio"] >= longer.metrics["wape_ratio_to_champion"]


def test_a_model_that_fails_the_gate_is_registered_but_not_champion(
    trained: TrainingResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow" / "promotion.yaml").write_text("models: {sales_daily: {wape: {at_most: 0.0001}}}")
    monkeypatch.setenv("WORKBENCH_PROJECT", str(tmp_path))
    failed = train_sales(connect(), trees=20)
    assert failed.trained and not failed.promoted
    assert failed.verdict.reasons[0].startswith("wape is 0.")
    assert "It is not champion: wape is 0." in failed.summary
    registered, champion = current_model("sales_daily", failed.version), current_model("sales_daily")
    assert registered is not None and champion is not None
    assert (registered.gate, registered.aliases) == ("failed", ("challenger",))
    assert registered.gate_reasons == failed.verdict.reasons[0]
    assert champion.version == trained.version


def test_nothing_is_written_into_the_working_directory(
    trained: TrainingResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    train_sales(connect(), trees=20)
    assert list(here.iterdir()) == []


def test_an_empty_warehouse_is_no_error(warehouse: Warehouse) -> None:
    result = train_sales(warehouse)
    assert not result.trained
    assert "there are no daily sales" in result.summary
    assert not Path(get_settings().mlflow_uri.removeprefix("sqlite:///")).exists()


@pytest.mark.parametrize("days", [1, 10, MIN_DAYS - 1])
@pytest.mark.parametrize("levels", [LEVELS, {"ALL": 500.0}])
def test_too_few_days_are_no_error(warehouse: Warehouse, days: int, levels: dict[str, float]) -> None:
    warehouse.append("marts.sales_daily", daily_sales(levels, days=days))
    result = train_sales(warehouse)
    assert (result.trained, result.promoted, result.version) == (False, False, "")
    there = "there is 1 day" if days == 1 else f"there are {days} days"
    assert f"{there} of sales, {MIN_DAYS} are needed" in result.summary
    assert result.frame().empty


def test_departments_that_hardly_sell_leave_nothing_to_train_on(warehouse: Warehouse) -> None:
    sales = daily_sales({"A": 50.0, "B": 60.0}, days=150)
    odd = (pd.to_datetime(sales["sales_date"]).dt.day % 2 == 1) == (sales["department"] == "A")
    warehouse.append("marts.sales_daily", sales[odd])
    result = train_sales(warehouse)
    assert not result.trained
    assert "no department has enough history (A: not zero on only" in result.reason
    assert set(result.skipped) == {"A", "B"}


@pytest.mark.usefixtures("store")
def test_one_department_with_enough_days_is_enough(warehouse: Warehouse) -> None:
    warehouse.append("marts.sales_daily", daily_sales({"ALL": 500.0}, days=MIN_DAYS))
    result = train_sales(warehouse, trees=20)
    assert result.trained
    assert result.metrics["holdout_days"] == 14
    # Two weeks are too short to be measured on; and the champion of the copied store doesn't know this shop.
    assert not result.promoted
    assert "holdout_days is 14, at least 28 needed" in result.verdict.reasons


def test_arguments_out_of_range_are_refused(warehouse: Warehouse) -> None:
    with pytest.raises(UsageError, match="holdout_days is 3; at least 14"):
        train_sales(warehouse, holdout_days=3)
    with pytest.raises(UsageError, match="trees is 0"):
        train_sales(warehouse, trees=0)


def test_a_store_that_is_no_store_is_one_clear_line(warehouse: Warehouse, settings: object) -> None:
    warehouse.append("marts.sales_daily", daily_sales({"A": 500.0}, days=120))
    Path(get_settings().mlflow_uri.removeprefix("sqlite:///")).write_text("this is no database" * 100)
    with pytest.raises(WorkFailed, match=r"MLflow at sqlite:///.*mlflow\.db: ") as caught:
        train_sales(warehouse, trees=20)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("trained")
def test_planted_days_spoil_the_measure_but_little(trained_home: Trained) -> None:
    warehouse = connect()
    warehouse.replace("marts.sales_daily", daily_sales())
    clean = train_sales(warehouse, trees=60)
    assert clean.metrics["wape"] <= trained_home.result.metrics["wape"] < 1.5 * clean.metrics["wape"]
