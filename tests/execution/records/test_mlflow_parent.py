"""Runs of pipelines in MLflow: parent and children find each other, with a real local store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.execution.notebooks import notebook, pipeline
from workbench.execution import run_notebook, run_pipeline
from workbench.settings import Settings

TRAIN = """\
with mlflow.start_run(run_name="first"):
    mlflow.log_metric("error", 0.5)
with mlflow.start_run(run_name="second"):
    mlflow.log_text("hello", "a.txt")
"""
IMPORTS = "import mlflow\nfrom workbench.execution import record"


def test_a_pipeline_is_a_parent_run_and_its_stages_name_theirs(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_MLFLOW_RUNS", "true")
    folder = tmp_path / "shop"
    notebook(folder / "train.ipynb", TRAIN, imports=IMPORTS)
    notebook(folder / "end.ipynb")
    run = run_pipeline(pipeline(folder, {"train": {}, "end": {"after": ["train"]}}))
    assert run.state == "succeeded", run.error
    train, end = run.stages
    assert len(train.mlflow_run_ids) == 2 and end.mlflow_run_ids == []

    import mlflow

    client = mlflow.MlflowClient(settings.mlflow_uri)
    parent = client.get_run(run.mlflow_run_id)
    assert parent.info.status == "FINISHED" and parent.data.tags["workbench.run_id"] == run.run_id
    assert parent.data.metrics["train.seconds"] == train.seconds
    first, second = (client.get_run(each) for each in train.mlflow_run_ids)
    assert [first.info.run_name, second.info.run_name] == ["first", "second"]
    for child in (first, second):
        assert child.data.tags["mlflow.parentRunId"] == run.mlflow_run_id
        assert (
            child.data.tags["workbench.run_id"] == run.run_id
            and child.data.tags["workbench.stage"] == "train"
        )


def test_without_a_parent_a_model_still_names_its_run(tmp_path: Path, settings: Settings) -> None:
    run = run_notebook(notebook(tmp_path / "train.ipynb", TRAIN, imports=IMPORTS))
    assert run.state == "succeeded" and run.mlflow_run_id is None, run.error
    import mlflow

    client = mlflow.MlflowClient(settings.mlflow_uri)
    child, with_text = (client.get_run(each) for each in run.stages[0].mlflow_run_ids)
    assert child.data.tags["workbench.run_id"] == run.run_id and "mlflow.parentRunId" not in child.data.tags
    # MLflow by itself would make its store, and the place of what is logged, beside the notebook.
    assert with_text.info.artifact_uri.startswith(settings.mlflow_artifacts.as_uri())
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(("mlflow", "mlruns"))] == []


def test_a_tracking_server_that_is_not_there_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.errors import WorkFailed
    from workbench.execution.records.store import list_runs
    from workbench.settings import get_settings

    monkeypatch.setenv("WORKBENCH_MLFLOW_RUNS", "true")
    monkeypatch.setenv("WORKBENCH_MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    notebook(tmp_path / "shop" / "a.ipynb")
    with pytest.raises(WorkFailed, match=r"MLflow at http://127\.0\.0\.1:9: ") as caught:
        run_pipeline(pipeline(tmp_path / "shop", {"a": {}}))
    assert len(str(caught.value).splitlines()) == 1
    run = list_runs(get_settings())[0]
    assert run.state == "failed" and run.error == str(caught.value) and run.stages[0].state == "not_run"
