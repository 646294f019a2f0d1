"""Registered models as data: versions, aliases, what they measured; loading one and moving the alias."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from workbench.anomaly.models.stored import ModelFormat, Stored, read_stored
from workbench.errors import UsageError, unknown
from workbench.tracking import has_store, mlflow_client

CHAMPION = "champion"

# What a person looks at first; a model has those that fit its kind.
_HEADLINES = (
    ("wape", "error {:.1%}"), ("wape_ratio_to_naive", "{:.2f} times that of last week's"),
    ("coverage", "{:.1%} inside the range"), ("injected_recall", "finds {:.0%} of injected"),
    ("ap", "average precision {:.2f}"), ("ap_lift", "{:.0f} times chance"), ("money_found", "{:.0%} of the money found"),
)  # fmt: skip


@dataclass(frozen=True)
class ModelVersion:
    """One version of a registered model.

    ``gate`` is passed, failed or empty (not judged); ``gate_reasons`` says what it failed.
    ``training_from`` and ``training_to`` are the first and last day it learned from, ``parameters`` how.
    """

    name: str
    version: str
    aliases: tuple[str, ...]
    created_at: dt.datetime
    run_id: str
    training_from: str
    training_to: str
    gate: str
    gate_reasons: str
    metrics: dict[str, float]
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What it is called in messages."""
        return f"{self.name} version {self.version}"

    @property
    def measured(self) -> str:
        """What its training measured, in words, of what a person looks at first."""
        return ", ".join(
            words.format(self.metrics[name]) for name, words in _HEADLINES if name in self.metrics
        )

    @property
    def key(self) -> str:
        """What it is called in tables: ``sales_daily/3``."""
        return f"{self.name}/{self.version}"

    def whole_numbers(self, *names: str) -> tuple[int, ...] | None:
        """Return parameters of its training that are whole numbers; None if one isn't known."""
        try:
            return tuple(int(self.parameters[name]) for name in names)
        except (KeyError, ValueError):
            return None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {**asdict(self), "aliases": list(self.aliases), "created_at": self.created_at.isoformat()}


def list_models(name: str | None = None) -> tuple[ModelVersion, ...]:
    """Return all versions of all registered models (or of one), by name, the newest version first.

    A store that was never used is not made; there is nothing in it.
    """
    if not has_store():
        return ()
    with mlflow_client() as client:
        names = [model.name for model in client.search_registered_models()]
        found = [
            _version(client, version.name, version.version)
            for each in sorted(names)
            if name in (None, each)
            for version in client.search_model_versions(f"name = '{each}'")
        ]
    return tuple(sorted(found, key=lambda item: (item.name, -int(item.version))))


def models_frame(versions: tuple[ModelVersion, ...]) -> pd.DataFrame:
    """Lay versions out for display: identity, aliases, training window, gate and what was measured."""
    return pd.DataFrame(
        [
            {
                "name": item.name, "version": item.version, "aliases": ", ".join(item.aliases),
                "trained from": item.training_from, "to": item.training_to, "gate": item.gate,
                "measured": item.measured,
            }
            for item in versions
        ],
        columns=["name", "version", "aliases", "trained from", "to", "gate", "measured"],
    )  # fmt: skip


def current_model(name: str = "sales_daily", model: str | int = CHAMPION) -> ModelVersion | None:
    """Return the version with that alias or number, or None if there is none."""
    if not has_store():
        return None
    with mlflow_client() as client:
        import mlflow

        try:
            if str(model).isdigit():
                return _version(client, name, str(model))
            return _version(client, name, client.get_model_version_by_alias(name, str(model)).version)
        except mlflow.MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise


def load_stored(version: ModelVersion, expected: ModelFormat) -> Stored:
    """Fetch a version and everything beside it; no code that lies in its files runs.

    Raises:
        WorkFailed: the tracking server can't be reached.
        UsageError: the model was not made by this package, or its files are gone.
    """
    with mlflow_client():
        return read_stored(f"models:/{version.name}/{version.version}", version.title, expected)


def find_model(name: str, version: str | int) -> ModelVersion:
    """Return a version by its number.

    Raises:
        UsageError: no such model or version; the message has the nearest.
    """
    versions = list_models()
    names = {item.name for item in versions}
    if name not in names:
        raise unknown("model", name, names)
    known = {item.version: item for item in versions if item.name == name}
    if str(version) not in known:
        raise UsageError(f"{name} has no version {version}; it has {', '.join(sorted(known, key=int))}")
    return known[str(version)]


def _version(client: Any, name: str, version: str) -> ModelVersion:
    # Only this call has the aliases: those of a search come back empty.
    found = client.get_model_version(name, version)
    tags = found.tags or {}
    training = client.get_run(found.run_id).data if found.run_id else None
    metrics = training.metrics if training else {}
    return ModelVersion(
        name, str(found.version), tuple(sorted(found.aliases or ())),
        dt.datetime.fromtimestamp(found.creation_timestamp / 1000, tz=dt.UTC).replace(tzinfo=None),
        found.run_id or "", tags.get("training_from", ""), tags.get("training_to", ""),
        tags.get("gate", ""), tags.get("gate_reasons", ""),
        {key: float(metrics[key]) for key in sorted(metrics)}, dict(training.params) if training else {},
    )  # fmt: skip
