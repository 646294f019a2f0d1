"""What the model of fraud was given: a summary of each day, so that a drift is seen without working features out again."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from workbench.anomaly.fraud.behaviour.receipts import date_of
from workbench.anomaly.models.registry import ModelVersion
from workbench.warehouse import Warehouse

INPUTS = "ops.model_inputs"

WATCHED = (
    "amount", "hour", "customer_count_1", "customer_count_7", "customer_count_30", "customer_mean_7", "customer_mean_30",
    "customer_ratio_to_median", "customer_seconds_since_last", "store_count_1", "store_count_7", "store_count_30",
    "store_busy_ratio",
)  # fmt: skip
"""Features that tell of receipts; what tells of verdicts moves with their delivery."""

_QUANTILES = np.linspace(0, 1, 21)
_MOST = 200


def summarize(
    features: pd.DataFrame, day: np.ndarray, version: ModelVersion, run_id: str | None
) -> pd.DataFrame:
    """Return rows of ``ops.model_inputs``: of each day, 21 quantiles of each watched feature.

    Args:
        features: a row a receipt.
        day: of each, as receipts count days.
        version: the model that they were given to.
        run_id: the run.
    """
    rows = []
    for each in np.unique(day):
        of_day = features.loc[day == each, list(WATCHED)]
        known = {name: values[np.isfinite(values)] for name, values in of_day.items()}
        quantiles = {
            name: [float(f"{value:.5g}") for value in np.quantile(values, _QUANTILES)]
            for name, values in known.items()
            if len(values)
        }
        rows.append(
            {
                "model_name": version.name, "model_version": version.version, "day": date_of(int(each)),
                "rows_seen": len(of_day), "quantiles": json.dumps(quantiles), "run_id": run_id,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def read_inputs(warehouse: Warehouse, version: ModelVersion) -> pd.DataFrame:
    """Return ``day``, ``rows_seen`` and ``quantiles`` (by feature) of what a version was given, by day."""
    found = warehouse.frame(
        f"SELECT day, rows_seen, quantiles FROM {INPUTS} WHERE model_name = ? AND model_version = ? "
        "ORDER BY day, rows_seen, run_id",
        [version.name, version.version],
    )
    return found.assign(day=pd.to_datetime(found["day"]), quantiles=found["quantiles"].map(json.loads))


def spread_out(summaries: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return values of each watched feature that are distributed as those of some summaries, each by its rows."""
    most = max(summaries["rows_seen"], default=1)
    values: dict[str, list[np.ndarray]] = {name: [] for name in WATCHED}
    for rows, quantiles in zip(summaries["rows_seen"], summaries["quantiles"], strict=True):
        count = max(round(_MOST * rows / most), 1)
        places = (np.arange(count) + 0.5) / count
        for name, known in quantiles.items():
            if name in values:
                values[name].append(np.interp(places, _QUANTILES, known))
    return {name: np.concatenate(parts) if parts else np.empty(0) for name, parts in values.items()}
