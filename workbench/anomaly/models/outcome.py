"""What came of a training, whatever the model."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import ClassVar

import pandas as pd

from workbench.anomaly.models.gate import SPEED, Verdict, past_the_gate


@dataclass(frozen=True)
class Outcome:
    """What came of a training.

    Attributes:
        trained: False if there was too little data; ``reason`` says what was missing.
        reason: empty if trained.
        version: registered version.
        promoted: True if it is champion now; else ``verdict`` says what it failed.
        training: first and last day it learned from.
        holdout: first and last day it was measured on.
        metrics: of the days it was measured on.
    """

    model: ClassVar[str] = ""
    """The registered model; each says that for itself."""

    trained: bool
    reason: str = ""
    version: str = ""
    promoted: bool = False
    verdict: Verdict = field(default_factory=lambda: Verdict(False))
    training: tuple[dt.date, dt.date] | None = None
    holdout: tuple[dt.date, dt.date] | None = None
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def measured(self) -> str:
        """What a person should know of the metrics, in sentences; each model says that for itself."""
        raise NotImplementedError

    @property
    def summary(self) -> str:
        """What came of it, in sentences for a person."""
        if not self.trained or not self.holdout:
            return f"No model was trained: {self.reason}."
        if self.promoted:
            return f"{self.measured} It is champion."
        refused = "; ".join(self.verdict.reasons)
        return (
            f"{self.measured} It is not champion: {refused}. You may promote it by hand: "
            f"{past_the_gate(self.model, self.version)}."
        )

    @property
    def figures(self) -> dict[str, float]:
        """The metrics that the same data give again: not how fast it was."""
        return {name: value for name, value in self.metrics.items() if name != SPEED}

    def frame(self) -> pd.DataFrame:
        """Return the figures for display: ``metric`` and ``value``."""
        return pd.DataFrame({"metric": list(self.figures), "value": list(self.figures.values())})
