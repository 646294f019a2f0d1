"""Write a training down in MLflow: what it learned from, what it measured, and the model itself."""

from __future__ import annotations

import datetime as dt
import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from workbench.anomaly.models.gate import Verdict
from workbench.anomaly.models.stored import TRUSTED
from workbench.settings import get_settings
from workbench.tracking import experiment_id, local_artifacts, mlflow_client
from workbench.warehouse import Warehouse

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_REQUIREMENTS = ("scikit-learn", "skops", "pandas", "numpy")
_TAG_LENGTH = 4000


@dataclass(frozen=True)
class TrainingSet:
    """The rows that a model was trained and measured on, pinned so that they can be made again.

    Attributes:
        table: where they were read.
        batch_ids: the landed files behind the table.
        rows: how many there are.
        sha256: hash of their content.
    """

    table: str
    batch_ids: tuple[str, ...]
    rows: int
    sha256: str


@dataclass(frozen=True)
class TrainingRecord:
    """All that is kept of a training.

    Attributes:
        name: registered model, and the experiment.
        model: a fitted estimator with ``predict``.
        inputs: some rows that it can predict, for its signature.
        data: what it learned from.
        training, holdout: first and last day it learned from, and was measured on.
        parameters, metrics: of the training.
        verdict: of the gate.
        beside: files that are stored beside the model, by name.
        documents: other files of the run, by path: text, or what can be JSON.
        figures: pictures of the run, by path.
        trusted: types of the model that skops doesn't trust by itself.
        run_id: the run of Workbench it belongs to.
    """

    name: str
    model: Any
    inputs: pd.DataFrame
    data: TrainingSet
    training: tuple[dt.date, dt.date]
    holdout: tuple[dt.date, dt.date]
    parameters: dict[str, object]
    metrics: dict[str, float]
    verdict: Verdict
    beside: Mapping[str, bytes] = field(default_factory=dict)
    documents: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    trusted: tuple[str, ...] = TRUSTED
    run_id: str | None = None

    @property
    def tags(self) -> dict[str, str]:
        """Tags of the MLflow run. The list of batches is in full in ``data/batches.json``."""
        batches = ",".join(self.data.batch_ids)
        tags = {
            "training_from": str(self.training[0]), "training_to": str(self.training[1]),
            "holdout_from": str(self.holdout[0]), "holdout_to": str(self.holdout[1]),
            "data_table": self.data.table, "data_rows": str(self.data.rows), "data_sha256": self.data.sha256,
            "batches": str(len(self.data.batch_ids)),
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
        signature = mlflow.models.infer_signature(example, record.model.predict(example))
        experiment = experiment_id(client, record.name, local_artifacts(get_settings()))
        with mlflow.start_run(experiment_id=experiment, run_name=f"{record.name} {record.holdout[1]}") as run:
            mlflow.set_tags(record.tags)
            mlflow.log_params(record.parameters)
            mlflow.log_metrics({key: value for key, value in record.metrics.items() if value == value})
            _log_documents(record)
            model = mlflow.sklearn.log_model(
                record.model,
                name=record.name,
                signature=signature,
                input_example=example,
                serialization_format="skops",
                skops_trusted_types=list(record.trusted),
                # Without this list MLflow finds the requirements by loading the model in another process.
                pip_requirements=[f"{package}=={installed(package)}" for package in _REQUIREMENTS],
                extra_files=_written(record.beside, Path(folder)),
            )
            if not client.search_registered_models(f"name = '{record.name}'"):
                client.create_registered_model(record.name)
            registered = client.create_model_version(
                record.name, model.model_uri, run.info.run_id, tags=record.tags, model_id=model.model_id
            )
    return str(registered.version)


def batches_of(warehouse: Warehouse, dataset: str) -> tuple[str, ...]:
    """Return the ids of the landed files behind a dataset's rows, in order."""
    rows = warehouse.query(
        "SELECT batch_id FROM ops.batches WHERE dataset = ? AND rows_accepted > 0 "
        "AND withdrawn_at IS NULL ORDER BY batch_id",
        [dataset],
    )
    return tuple(str(value) for value in rows.column("batch_id").to_pylist())


def _log_documents(record: TrainingRecord) -> None:
    import mlflow

    batches = {"table": record.data.table, "batch_ids": list(record.data.batch_ids)}
    for path, content in {"data/batches.json": batches, **record.documents}.items():
        if isinstance(content, str):
            mlflow.log_text(content, path)
        else:
            mlflow.log_dict(content, path)
    for path, figure in record.figures.items():
        mlflow.log_figure(figure, path)


def _written(beside: Mapping[str, bytes], folder: Path) -> list[str]:
    """Write the files to a folder; return their paths."""
    for name, content in beside.items():
        (folder / name).write_bytes(content)
    return [str(folder / name) for name in beside]
