"""MLflow's store, shared by processes that know nothing of each other."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import WorkFailed
from workbench.settings import Settings, get_settings
from workbench.tracking import experiment_id, local_artifacts, mlflow_client


def test_two_that_make_an_experiment_at_the_same_time_get_the_same_one(settings: Settings) -> None:
    with mlflow_client() as client:
        both_looked = threading.Barrier(2, timeout=300)
        looked = threading.local()

        class Other(type(client)):  # type: ignore[misc]
            def get_experiment_by_name(self, name: str) -> Any:
                found = super().get_experiment_by_name(name)
                if not hasattr(looked, "before"):
                    looked.before = True
                    both_looked.wait()
                return found

        with ThreadPoolExecutor(2) as pool:
            made = pool.map(
                lambda other: experiment_id(other, "sales", local_artifacts(settings)), (Other(), Other())
            )
            first, second = made
        assert first == second
        experiment = client.get_experiment(first)
    assert experiment.artifact_location == (settings.home / "mlartifacts" / "sales").as_uri()


def test_processes_that_open_a_new_store_at_the_same_time_make_its_tables_once(settings: Settings) -> None:
    program = (
        "from workbench.tracking import mlflow_client\n"
        "with mlflow_client() as client: print(len(client.search_experiments()), client.search_registered_models())"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for process in both:
        said, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors.decode()
        assert said.decode().strip() == "1 []"


def test_an_experiment_that_was_deleted_says_how_it_comes_back(settings: Settings) -> None:
    with mlflow_client() as client:
        made = experiment_id(client, "sales", local_artifacts(settings))
        client.delete_experiment(made)
        with pytest.raises(
            WorkFailed, match=f"was deleted; .*mlflow experiments restore --experiment-id {made}"
        ):
            experiment_id(client, "sales", local_artifacts(settings))
        client.restore_experiment(made)
        assert experiment_id(client, "sales", local_artifacts(settings)) == made


def test_a_home_that_was_copied_or_moved_has_its_own_artifacts(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def log(text: str) -> tuple[str, str]:
        with mlflow_client() as client:
            artifacts = local_artifacts(get_settings())
            run = client.create_run(experiment_id(client, "sales", artifacts))
            client.log_text(run.info.run_id, text, "a.txt")
            client.create_registered_model(text)
            client.create_model_version(text, run.info.artifact_uri, run.info.run_id)
            return run.info.run_id, run.info.artifact_uri

    before, _ = log("first")
    first, copied = settings.home, tmp_path / "another place" / "home"
    shutil.copytree(first, copied)
    monkeypatch.setenv("WORKBENCH_HOME", str(copied))
    own = (copied / "mlartifacts").as_uri()
    assert log("second")[1].startswith(own)
    assert len(list(first.glob("mlartifacts/sales/*"))) == 1
    shutil.rmtree(first)
    with mlflow_client() as client:
        found = client.get_run(before).info.artifact_uri
        assert found.startswith(own) and client.get_model_version("first", "1").source == found
        assert [each.path for each in client.list_artifacts(before)] == ["a.txt"]
