"""A model's files are data: a replaced one runs no code, and says what it is."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest
import skops.io
import yaml

from workbench.anomaly import TrainingResult, current_model, detect_sales, promote
from workbench.anomaly.models.stored import MODEL
from workbench.anomaly.sales.model import load_model
from workbench.errors import UsageError
from workbench.tracking import mlflow_client
from workbench.warehouse import connect


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mknod, (str(self.path),)


@pytest.fixture
def artifact(trained: TrainingResult, tmp_path: Path) -> Path:
    """The files of the champion, in a place of this test's own to which the registry points."""
    copy = tmp_path / "artifact"
    with mlflow_client() as client:
        source = mlflow.artifacts.download_artifacts(f"models:/sales_daily/{trained.version}")
        shutil.copytree(source, copy)
        client.create_model_version("sales_daily", copy.as_uri())
    promote(connect(create=True), "sales_daily", 2, "ann")
    return copy


def pickled(artifact: Path, proof: Path) -> None:
    """The artifact's own MLmodel chooses pickle."""
    (artifact / MODEL).unlink()
    (artifact / "model.pkl").write_bytes(pickle.dumps(Payload(proof)))
    about = yaml.safe_load((artifact / "MLmodel").read_text())
    about["flavors"]["sklearn"] |= {"pickled_model": "model.pkl", "serialization_format": "pickle"}
    about["flavors"]["python_function"] |= {"model_path": "model.pkl"}
    (artifact / "MLmodel").write_text(yaml.safe_dump(about))


def renamed(artifact: Path, proof: Path) -> None:
    """A pickle under the name of a skops file, and an MLmodel that says what it is."""
    pickled(artifact, proof)
    shutil.move(artifact / "model.pkl", artifact / MODEL)
    text = (artifact / "MLmodel").read_text().replace("model.pkl", MODEL)
    (artifact / "MLmodel").write_text(
        text.replace("serialization_format: pickle", "serialization_format: cloudpickle")
    )


def untrusted(artifact: Path, proof: Path) -> None:
    """A skops file with a type that the artifact itself declares trusted."""
    skops.io.dump(Payload(proof), artifact / MODEL)
    about = yaml.safe_load((artifact / "MLmodel").read_text())
    about["flavors"]["sklearn"]["skops_trusted_types"] = skops.io.get_untrusted_types(file=artifact / MODEL)
    (artifact / "MLmodel").write_text(yaml.safe_dump(about))


def another(artifact: Path, proof: Path) -> None:
    """Trusted types, but no forest."""
    skops.io.dump({"forest": [1, 2]}, artifact / MODEL)


def endless(artifact: Path, proof: Path) -> None:
    """A tree that leads back to its own root."""
    pipeline = skops.io.load(artifact / MODEL, trusted=["sklearn.tree._tree.Tree", "numpy.dtype"])
    tree = pipeline.named_steps["forest"].estimators_[0].tree_
    tree.children_left[0] = 0
    skops.io.dump(pipeline, artifact / MODEL)


def torn(artifact: Path, proof: Path) -> None:
    (artifact / MODEL).write_bytes((artifact / MODEL).read_bytes()[:1000])


def without_calibration(artifact: Path, proof: Path) -> None:
    (artifact / "extra_files/calibration.json").unlink()


def odd_calibration(artifact: Path, proof: Path) -> None:
    (artifact / "extra_files/calibration.json").write_text("[1, 2]")


def gone(artifact: Path, proof: Path) -> None:
    shutil.rmtree(artifact)


@pytest.mark.parametrize(
    ("replace", "says"),
    [
        (pickled, "no model.skops"), (renamed, "is damaged or of"), (untrusted, "Payload"), (another, "it is a dict"),
        (endless, "points outside itself"), (torn, "is damaged or of"), (without_calibration, "no calibration.json"),
        (odd_calibration, "can't be read"), (gone, "has lost its files"),
    ],
)  # fmt: skip
def test_a_replaced_artifact_runs_no_code_and_is_refused(
    artifact: Path, tmp_path: Path, replace: Callable[[Path, Path], None], says: str
) -> None:
    proof = tmp_path / "ran"
    replace(artifact, proof)
    with pytest.raises(UsageError, match=says) as caught:
        detect_sales(connect())
    assert str(caught.value).startswith("sales_daily version 2")
    assert "\n" not in str(caught.value)
    assert not proof.exists()


def test_what_else_lies_in_an_artifact_is_left_alone(artifact: Path, tmp_path: Path) -> None:
    """Code, a loader of its own, other pickles: none of it is looked at, nor is a link of its written through."""
    proof = tmp_path / "ran"
    (artifact / "code").mkdir()
    (artifact / "code" / "sklearn.py").write_text(f"import os; os.mknod({str(proof)!r})")
    (artifact / "input_example.json").write_bytes(pickle.dumps(Payload(proof)))
    about = yaml.safe_load((artifact / "MLmodel").read_text())
    about["flavors"]["sklearn"]["code"] = "code"
    about["flavors"]["python_function"] |= {"loader_module": "sklearn", "code": "code"}
    (artifact / "MLmodel").write_text(yaml.safe_dump(about))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    (artifact / "registered_model_meta").unlink(missing_ok=True)
    (artifact / "registered_model_meta").symlink_to(elsewhere)
    champion = current_model()
    assert champion is not None and champion.version == "2"
    assert load_model(champion).pipeline.named_steps["forest"].n_features_in_ > 0
    assert not proof.exists()
    assert elsewhere.read_text() == "mine"
