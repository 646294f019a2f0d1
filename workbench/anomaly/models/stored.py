"""Read a registered model's files as data: whatever they say, no code of theirs runs."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.anomaly.series.forest import Calibration
from workbench.errors import UsageError, one_line

MODEL = "model.skops"
CALIBRATION = "calibration.json"
OUT_OF_BAG = "out_of_bag.parquet"
BESIDE = "extra_files"

TRUSTED = ("sklearn.tree._tree.Tree", "numpy.dtype")
"""What a forest of scikit-learn holds beyond the types that skops trusts by itself."""

_AGAIN = "train another with: workbench run anomaly_detection --force"


def read_stored(uri: str, title: str) -> tuple[Any, Calibration, pd.Series]:
    """Return the pipeline, the calibration and the out-of-bag expectations of the model at an MLflow URI.

    MLflow would do as the model's own ``MLmodel`` says: unpickle, trust the types it lists, add its code to the
    path. That file isn't looked at here; the model is read with skops and types that this package names, or
    not at all.

    Args:
        uri: the model's, for example ``models:/sales_daily/1``.
        title: what it is called in messages.

    Raises:
        UsageError: it isn't a model of this package's making.
        mlflow.MlflowException: the server can't be reached.
    """
    with tempfile.TemporaryDirectory(prefix="workbench-model-") as folder:
        files = {
            name: _fetch(f"{uri}/{name}", Path(folder) / str(place), title)
            for place, name in enumerate((MODEL, f"{BESIDE}/{CALIBRATION}", f"{BESIDE}/{OUT_OF_BAG}"))
        }
        pipeline = _forest(files[MODEL], title)
        try:
            calibration = Calibration.from_dict(
                json.loads(files[f"{BESIDE}/{CALIBRATION}"].read_text(encoding="utf-8"))
            )
            beside = pd.read_parquet(files[f"{BESIDE}/{OUT_OF_BAG}"])
            out_of_bag = beside.set_index(["day", "series"])["out_of_bag"]
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            reason = one_line(str(error), 200)
            raise UsageError(
                f"{title}: what lies beside the model can't be read ({reason}); {_AGAIN}"
            ) from None
    return pipeline, calibration, out_of_bag


def _fetch(uri: str, folder: Path, title: str) -> Path:
    """Copy one file of a model's, and nothing else of it."""
    import mlflow

    name = uri.rpartition("/")[2]
    folder.mkdir()
    try:
        found = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(folder)))
    except (OSError, mlflow.MlflowException) as error:
        if isinstance(error, mlflow.MlflowException) and error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        found = folder / name
    if not found.is_file():
        raise UsageError(
            f"{title} has no {name}, so it wasn't stored by this package; it isn't loaded, since that could run "
            f"code of its own; {_AGAIN}"
        )
    return found


def _forest(path: Path, title: str) -> Any:
    """Load a pipeline of an encoder and a random forest."""
    import skops.io
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.pipeline import Pipeline

    try:
        pipeline = skops.io.load(path, trusted=list(TRUSTED))
        if not (isinstance(pipeline, Pipeline) and list(pipeline.named_steps) == ["columns", "forest"]):
            raise ValueError(f"it is a {type(pipeline).__name__}")
        forest = pipeline.named_steps["forest"]
        if type(forest) is not RandomForestRegressor:
            raise ValueError(f"it holds a {type(forest).__name__}")
        for tree in forest.estimators_:
            _check_tree(tree.tree_, int(forest.n_features_in_))
    except Exception as error:  # whatever is wrong with a file that anyone may have written
        reason = one_line(str(error), 300)
        raise UsageError(
            f"{title} isn't a forest of this package's making and isn't loaded ({reason}); {_AGAIN}"
        ) from None
    return pipeline


def _check_tree(tree: Any, features: int) -> None:
    """Check that a tree names only nodes and features there are: scikit-learn follows them unchecked."""
    import numpy as np

    left, right = tree.children_left, tree.children_right
    inner = left != -1
    place = np.arange(tree.node_count)[inner]
    ends_well = (
        tree.node_count > 0
        and tree.n_features == features
        and len(left) == tree.node_count
        # A node lies before its children, so that no way down is a circle.
        and all(((side[inner] > place) & (side[inner] < tree.node_count)).all() for side in (left, right))
        and ((tree.feature[inner] >= 0) & (tree.feature[inner] < features)).all()
    )
    if not ends_well:
        raise ValueError("a tree points outside itself")
