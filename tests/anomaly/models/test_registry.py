"""Models are listed as they are, and promoted by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.anomaly import TrainingResult, current_model, list_models, models_frame
from workbench.errors import WorkFailed
from workbench.settings import get_settings
from workbench.tracking import experiment_id, has_store, local_artifacts, mlflow_client


def test_where_nothing_was_trained_there_is_nothing_and_nothing_is_made(home: Path) -> None:
    assert list_models() == ()
    assert current_model() is None
    assert models_frame(()).empty
    assert not home.exists()


def test_versions_are_listed_with_their_alias_and_metrics(trained: TrainingResult) -> None:
    (only,) = list_models()
    assert (only.name, only.version, only.aliases) == ("sales_daily", trained.version, ("champion",))
    assert only.metrics["coverage"] == pytest.approx(trained.metrics["coverage"])
    frame = models_frame((only,))
    assert frame.loc[0, "aliases"] == "champion"
    assert frame.loc[0, "measured"] == only.measured
    assert f"{trained.metrics['coverage']:.1%} inside the range" in only.measured
    assert list_models("another") == ()


def test_a_server_that_is_not_there_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert get_settings().mlflow_uri == "http://127.0.0.1:9"
    with pytest.raises(WorkFailed, match=r"MLflow at http://127\.0\.0\.1:9: "):
        list_models()


def test_the_store_of_a_home_lies_in_it_whatever_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "a%20b#1"
    monkeypatch.setenv("WORKBENCH_HOME", str(home))
    with mlflow_client() as client:
        experiment_id(client, "here", local_artifacts(get_settings()))
    assert has_store() and (home / "mlflow.db").stat().st_size
    assert list(tmp_path.iterdir()) == [home]


def test_artifacts_that_cant_be_written_are_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    artifacts = local_artifacts(get_settings())
    assert artifacts is not None
    with (
        pytest.raises(WorkFailed, match=rf"can't use {artifacts}.*: (Not a directory|File exists)"),
        mlflow_client() as client,
    ):
        found = experiment_id(client, "here", artifacts)
        artifacts.write_text("in its place")
        client.log_text(client.create_run(found).info.run_id, "text", "a.txt")
