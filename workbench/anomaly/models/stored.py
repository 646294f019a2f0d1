"""Read a registered model's files as data: whatever they say, no code of theirs runs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from zipfile import is_zipfile

from workbench.errors import UsageError, one_line

MODEL = "model.skops"
BESIDE = "extra_files"

TRUSTED = ("sklearn.tree._tree.Tree", "numpy.dtype")
"""What a forest of scikit-learn holds beyond the types that skops trusts by itself."""

T = TypeVar("T")

_AGAIN = "train another with: workbench run anomaly_detection --force"
_INSTEAD = f"restore it from a backup, choose another version with: workbench models promote, or {_AGAIN}"


@dataclass(frozen=True)
class ModelFormat:
    """What the files of a registered model may hold.

    Attributes:
        check: takes the model as it was read, and raises ``ValueError`` if it isn't of that kind.
        beside: names of the files that lie beside it.
        trusted: types that skops may make beyond those that it trusts by itself.
    """

    check: Callable[[Any], None]
    beside: tuple[str, ...] = ()
    trusted: tuple[str, ...] = TRUSTED


@dataclass(frozen=True)
class Stored:
    """A model as it was read, and the bytes of each file beside it."""

    model: Any
    beside: dict[str, bytes] = field(default_factory=dict)

    def read(self, name: str, parse: Callable[[bytes], T], title: str) -> T:
        """Make sense of a file that lies beside the model.

        Raises:
            UsageError: it makes none.
        """
        try:
            return parse(self.beside[name])
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            reason = one_line(str(error), 200)
            raise UsageError(
                f"{title}: what lies beside the model can't be read ({reason}); {_AGAIN}"
            ) from None


def read_stored(uri: str, title: str, expected: ModelFormat) -> Stored:
    """Return the model at an MLflow URI with what lies beside it.

    MLflow would do as the model's own ``MLmodel`` says: unpickle, trust the types it lists, add its code to the
    path. That file isn't looked at here; the model is read with skops and types that this package names, or
    not at all.

    Args:
        uri: the model's, for example ``models:/sales_daily/1``.
        title: what it is called in messages.
        expected: what its files may hold.

    Raises:
        UsageError: it isn't a model of this package's making.
        mlflow.MlflowException: the server can't be reached.
    """
    with tempfile.TemporaryDirectory(prefix="workbench-model-") as folder:
        paths = (MODEL, *(f"{BESIDE}/{name}" for name in expected.beside))
        files = [_fetch(uri, path, Path(folder) / str(place), title) for place, path in enumerate(paths)]
        model = _load(files[0], title, expected)
        beside = {name: path.read_bytes() for name, path in zip(expected.beside, files[1:], strict=True)}
    return Stored(model, beside)


def _fetch(uri: str, path: str, folder: Path, title: str) -> Path:
    """Copy one file of a model's, and nothing else of it."""
    import mlflow

    name = path.rpartition("/")[2]
    folder.mkdir()
    try:
        found = Path(mlflow.artifacts.download_artifacts(f"{uri}/{path}", dst_path=str(folder)))
    except (OSError, mlflow.MlflowException) as error:
        if isinstance(error, mlflow.MlflowException) and error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        found = folder / name
    if not found.is_file():
        if not _has_files(uri):
            raise UsageError(f"{title} has lost its files, where MLflow kept them is nothing; {_INSTEAD}")
        raise UsageError(
            f"{title} has no {name}, so it wasn't stored by this package; it isn't loaded, since that could run "
            f"code of its own; {_AGAIN}"
        )
    return found


def _has_files(uri: str) -> bool:
    import mlflow

    try:
        return bool(mlflow.artifacts.list_artifacts(uri))
    except OSError:
        return False


def _load(path: Path, title: str, expected: ModelFormat) -> Any:
    import skops.io

    if not is_zipfile(path):
        raise UsageError(f"{title} isn't loaded: its {MODEL} is damaged or of another kind; {_INSTEAD}")
    try:
        model = skops.io.load(path, trusted=list(expected.trusted))
        expected.check(model)
    except Exception as error:  # whatever is wrong with a file that anyone may have written
        reason = one_line(str(error), 300)
        raise UsageError(
            f"{title} isn't a forest of this package's making and isn't loaded ({reason}); {_AGAIN}"
        ) from None
    return model


def check_trees(forest: Any) -> None:
    """Check that the trees of a forest name only nodes and features there are: scikit-learn follows them unchecked.

    Raises:
        ValueError: one doesn't.
    """
    for tree in forest.estimators_:
        _check_tree(tree.tree_, int(forest.n_features_in_))


def _check_tree(tree: Any, features: int) -> None:
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
