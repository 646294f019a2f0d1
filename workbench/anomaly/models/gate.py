"""The gate between a trained model and the alias ``champion``: the limits in ``mlflow/promotion.yaml``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from workbench.documents import no_flag
from workbench.errors import UsageError, first_line, plainly, unknown
from workbench.settings import get_settings

SPEED = "rows_a_second"
"""The metric of how fast a model judges; it alone differs each time it is taken."""


class Limit(BaseModel):
    """What a metric must keep to. ``if_measured`` lets a model pass when the metric could not be taken."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    _no_flags = field_validator("*", mode="before")(no_flag)

    at_least: float | None = None
    at_most: float | None = None
    if_measured: bool = False

    @model_validator(mode="after")
    def _has_a_limit(self) -> Limit:
        if self.at_least is None and self.at_most is None:
            raise ValueError("say at_least or at_most")
        return self

    def fault(self, metric: str, value: float | None) -> str | None:
        """Return what is wrong with the value, or None."""
        if value is None:
            return None if self.if_measured else f"{metric} was not measured"
        # Written so that a value that is not a number fails.
        if self.at_least is not None and not value >= self.at_least:
            return f"{metric} is {value:.3g}, at least {self.at_least:g} needed"
        if self.at_most is not None and not value <= self.at_most:
            return f"{metric} is {value:.3g}, at most {self.at_most:g} allowed"
        return None


class Policy(BaseModel):
    """The file: for each registered model, the limit of each metric."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: dict[str, dict[str, Limit]]


@dataclass(frozen=True)
class Verdict:
    """Whether a model may be champion; ``reasons`` says what it failed."""

    passed: bool
    reasons: tuple[str, ...] = ()


def policy_file() -> Path:
    """Where the policy is."""
    return get_settings().root / "mlflow" / "promotion.yaml"


def read_policy(path: Path | None = None) -> Policy:
    """Read the policy.

    Raises:
        UsageError: the file is missing or says something it can't; the message names the place.
    """
    path = path or policy_file()
    try:
        return Policy.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError:
        raise UsageError(f"no promotion policy at {path}") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is no YAML: {first_line(str(error))}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise UsageError(f"{path}: {place}: {plainly(first)}") from None


def past_the_gate(name: str, version: str) -> str:
    """Return how a version that the gate refused becomes champion, a sentence without its end."""
    return f"workbench models promote {name} {version} makes it champion all the same"


def rows_a_second(rows: int, judge: Callable[[], object]) -> float:
    """Return how many rows are judged in a second of a processor's time."""
    started = time.process_time()
    judge()
    return rows / max(time.process_time() - started, 1e-6)


def judge_model(name: str, metrics: Mapping[str, float], path: Path | None = None) -> Verdict:
    """Hold a model's metrics to its limits.

    Raises:
        UsageError: the policy can't be read, or has no entry for that model.
    """
    policy = read_policy(path)
    if name not in policy.models:
        raise unknown("model in mlflow/promotion.yaml", name, policy.models)
    faults = [limit.fault(metric, metrics.get(metric)) for metric, limit in policy.models[name].items()]
    reasons = tuple(fault for fault in faults if fault)
    return Verdict(not reasons, reasons)
