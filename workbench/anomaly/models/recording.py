"""Write a training down in MLflow: what it learned from, what it measured, and the model itself."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import tempfile
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path

import pandas as pd

from workbench.anomaly.models.gate import Verdict
from workbench.anomaly.models.registry import CHAMPION
from workbench.anomaly.models.stored import CALIBRATION, OUT_OF_BAG, TRUSTED
from workbench.anomaly.series.forest import Fitted, importances
from workbench.settings import get_settings
from workbench.tracking import experiment_id, local_artifacts, mlflow_client

_EXPERIMENT = "sales_daily"
_REQUIREMENTS = ("scikit-learn", "skops", "pandas", "numpy")
_TAG_LENGTH = 4000


@dataclass(frozen=True)
class TrainingRecord:
    """All that is kept of a training.

    ``training`` and ``holdout`` are first and last day; ``batch_ids`` the landed files behind the data;
    ``data_sha256`` the hash of the panel itself; ``inputs`` the rows it learned from.
    """

    name: str
    fitted: Fitted
    inputs: pd.DataFrame
    training: tuple[dt.date, dt.date]
    holdout: tuple[dt.date, dt.date]
    parameters: dict[str, object]
    metrics: dict[str, float]
    batch_ids: list[str]
    data_sha256: str
    verdict: Verdict
    skipped: dict[str, str]
    run_id: str | None = None

    @property
    def tags(self) -> dict[str, str]:
        """Tags of the MLflow run. The list of batches is in full in ``data/batches.json``."""
        batches = ",".join(self.batch_ids)
        tags = {
            "training_from": str(self.training[0]), "training_to": str(self.training[1]),
            "holdout_from": str(self.holdout[0]), "holdout_to": str(self.holdout[1]),
            "data_table": "marts.sales_daily", "data_sha256": self.data_sha256,
            "batches": str(len(self.batch_ids)),
            "batches_sha256": hashlib.sha256(batches.encode()).hexdigest(),
            "gate": "passed" if self.verdict.passed else "failed",
            "gate_reasons": "; ".join(self.verdict.reasons)[:_TAG_LENGTH],
        }  # fmt: skip
        if len(batches) <= _TAG_LENGTH:
            tags["batch_ids"] = batches
        if self.run_id:
            tags["workbench_run_id"] = self.run_id
        return tags


def log_training(record: TrainingRecord) -> str:
    """Log one MLflow run with its model and register that; return the version.

    Raises:
        WorkFailed: the tracking server can't be reached.
    """
    with mlflow_client() as client, tempfile.TemporaryDirectory() as folder:
        import mlflow

        example = record.inputs.head(5).reset_index(drop=True)
        signature = mlflow.models.infer_signature(example, record.fitted.pipeline.predict(example))
        experiment = experiment_id(client, _EXPERIMENT, local_artifacts(get_settings()))
        with mlflow.start_run(experiment_id=experiment, run_name=f"{record.name} {record.holdout[1]}") as run:
            mlflow.set_tags(record.tags)
            mlflow.log_params(record.parameters)
            mlflow.log_metrics({key: value for key, value in record.metrics.items() if value == value})
            mlflow.log_dict({"dataset": "transactions", "batch_ids": record.batch_ids}, "data/batches.json")
            mlflow.log_dict({"skipped": record.skipped}, "data/skipped.json")
            mlflow.log_text(importances(record.fitted.pipeline).to_csv(index=False), "model/importances.csv")
            model = mlflow.sklearn.log_model(
                record.fitted.pipeline,
                name=record.name,
                signature=signature,
                input_example=example,
                serialization_format="skops",
                skops_trusted_types=list(TRUSTED),
                # Without this list MLflow finds the requirements by loading the model in another process.
                pip_requirements=[f"{package}=={installed(package)}" for package in _REQUIREMENTS],
                extra_files=_beside_the_model(record.fitted, Path(folder)),
            )
            if not client.search_registered_models(f"name = '{record.name}'"):
                client.create_registered_model(record.name)
            registered = client.create_model_version(
                record.name, model.model_uri, run.info.run_id, tags=record.tags, model_id=model.model_id
            )
    return str(registered.version)


def set_champion(name: str, version: str) -> None:
    """Point the alias ``champion`` at a version."""
    with mlflow_client() as client:
        client.set_registered_model_alias(name, CHAMPION, version)


def _beside_the_model(fitted: Fitted, folder: Path) -> list[str]:
    """Write the calibration and the out-of-bag expectations to files; return their paths."""
    calibration = folder / CALIBRATION
    calibration.write_text(json.dumps(fitted.calibration.to_dict(), indent=2), encoding="utf-8")
    out_of_bag = folder / OUT_OF_BAG
    fitted.out_of_bag.reset_index().to_parquet(out_of_bag, index=False)
    return [str(calibration), str(out_of_bag)]
