"""The model of daily sales in the registry: a forest, beside it its calibration, what it expected, and how strange it is."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.anomaly.models.registry import ModelVersion, load_stored
from workbench.anomaly.models.stored import TRUSTED, ModelFormat, check_trees
from workbench.anomaly.series.estimator import SeriesForest
from workbench.anomaly.series.features import FeatureSet
from workbench.anomaly.series.forest import Calibration, Fitted, expect, score

MODEL = "sales_daily"
CALIBRATION = "calibration.json"
OUT_OF_BAG = "out_of_bag.parquet"
SERIES = "series.skops"
PARTS = {"store": "stores.skops", "category": "categories.skops"}
"""File of the forest of each level of parts; empty where there were too few of them."""

_OURS = "workbench.anomaly.series.estimator.SeriesForest"


@dataclass(frozen=True)
class LoadedModel:
    """A registered version with all that is needed to score.

    ``out_of_bag`` has the expectations (in levels) of the days it was trained on, by (day, series). ``series``
    says how strange a day is by what all departments did on it, and ``parts`` the same of stores and categories.
    """

    version: ModelVersion
    pipeline: Any
    calibration: Calibration
    out_of_bag: pd.Series
    series: SeriesForest
    parts: dict[str, SeriesForest]

    def score(self, features: FeatureSet) -> pd.DataFrame:
        """Place each day in its expected range, as :func:`workbench.anomaly.series.forest.score` does.

        A day that the model learned from is judged by the trees that didn't see it, any other by all.
        """
        expected = self.out_of_bag.reindex(features.inputs.index)
        unseen = expected.isna().to_numpy()
        if unseen.any():
            expected[unseen] = expect(self.pipeline, features.where(unseen))
        return score(features, expected, self.calibration)


def files_beside(fitted: Fitted, series: SeriesForest, parts: Mapping[str, SeriesForest]) -> dict[str, bytes]:
    """Return what is stored beside the pipeline, by file name."""
    import skops.io

    return {
        SERIES: skops.io.dumps(series),
        **{file: skops.io.dumps(parts[level]) if level in parts else b"" for level, file in PARTS.items()},
        CALIBRATION: json.dumps(fitted.calibration.to_dict(), indent=2).encode(),
        OUT_OF_BAG: fitted.out_of_bag.reset_index().to_parquet(index=False),
    }


def load_model(version: ModelVersion) -> LoadedModel:
    """Fetch a version and everything beside it; no code that lies in its files runs.

    Raises:
        WorkFailed: the tracking server can't be reached.
        UsageError: the model was not made by this package, or its files are gone.
    """
    stored = load_stored(version, ModelFormat(_check, (CALIBRATION, OUT_OF_BAG, SERIES, *PARTS.values())))
    calibration = stored.read(
        CALIBRATION, lambda content: Calibration.from_dict(json.loads(content)), version.title
    )
    return LoadedModel(
        version, stored.model, calibration, stored.read(OUT_OF_BAG, _expectations, version.title),
        stored.read(SERIES, _series, version.title),
        {
            level: stored.read(file, _series, version.title)
            for level, file in PARTS.items()
            if stored.beside[file]
        },
    )  # fmt: skip


def _expectations(content: bytes) -> pd.Series:
    return pd.read_parquet(io.BytesIO(content)).set_index(["day", "series"])["out_of_bag"]


def _series(content: bytes) -> SeriesForest:
    """Read a forest of series as data; refuse all types but those that it is made of."""
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        series = skops.io.loads(content, trusted=[*TRUSTED, _OURS])
    except (UntrustedTypesFoundException, zipfile.BadZipFile) as error:
        raise ValueError(str(error)) from None
    if type(series) is not SeriesForest:
        raise ValueError(f"it is a {type(series).__name__}")
    series.check_stored()
    if series.forest_ is not None:
        check_trees(series.forest_)
    return series


def _check(pipeline: Any) -> None:
    """Refuse what isn't a pipeline of an encoder and a random forest."""
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.pipeline import Pipeline

    if not (isinstance(pipeline, Pipeline) and list(pipeline.named_steps) == ["columns", "forest"]):
        raise ValueError(f"it is a {type(pipeline).__name__}")
    forest = pipeline.named_steps["forest"]
    if type(forest) is not RandomForestRegressor:
        raise ValueError(f"it holds a {type(forest).__name__}")
    check_trees(forest)
