"""The model of daily sales in the registry: the forest, and beside it its calibration and what it expected."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.anomaly.models.registry import ModelVersion, load_stored
from workbench.anomaly.models.stored import ModelFormat, check_trees
from workbench.anomaly.series.forest import Calibration, Fitted

MODEL = "sales_daily"
CALIBRATION = "calibration.json"
OUT_OF_BAG = "out_of_bag.parquet"


@dataclass(frozen=True)
class LoadedModel:
    """A registered version with all that is needed to score.

    ``out_of_bag`` has the expectations (in levels) of the days it was trained on, by (day, series).
    """

    version: ModelVersion
    pipeline: Any
    calibration: Calibration
    out_of_bag: pd.Series


def files_beside(fitted: Fitted) -> dict[str, bytes]:
    """Return what is stored beside the pipeline, by file name."""
    return {
        CALIBRATION: json.dumps(fitted.calibration.to_dict(), indent=2).encode(),
        OUT_OF_BAG: fitted.out_of_bag.reset_index().to_parquet(index=False),
    }


def load_model(version: ModelVersion) -> LoadedModel:
    """Fetch a version and everything beside it; no code that lies in its files runs.

    Raises:
        WorkFailed: the tracking server can't be reached.
        UsageError: the model was not made by this package, or its files are gone.
    """
    stored = load_stored(version, ModelFormat(_check, (CALIBRATION, OUT_OF_BAG)))
    calibration = stored.read(
        CALIBRATION, lambda content: Calibration.from_dict(json.loads(content)), version.title
    )
    return LoadedModel(
        version, stored.model, calibration, stored.read(OUT_OF_BAG, _expectations, version.title)
    )


def _expectations(content: bytes) -> pd.Series:
    return pd.read_parquet(io.BytesIO(content)).set_index(["day", "series"])["out_of_bag"]


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
