"""Why there is no model to judge by, and what a person can do about it."""

from __future__ import annotations

from collections.abc import Callable

from workbench.anomaly.models.gate import past_the_gate
from workbench.anomaly.models.lifecycle import CHALLENGER
from workbench.anomaly.models.registry import CHAMPION, current_model


def why_none(name: str, model: str | int, lacking: Callable[[], str]) -> str:
    """Return why a registered model has no version of that alias or number, and what helps; a sentence without its end.

    Where there is no champion since the gate refused the newest version, it says why and how to promote that; where
    none can be trained, what is lacking. Only else does it send to a training.

    Args:
        name: registered model.
        model: alias or number that there is no version of.
        lacking: says what a training lacks, a sentence without its end; empty if nothing. It is asked where nothing
            was trained.

    Raises:
        WorkFailed: the tracking server can't be reached.
    """
    absent = f"there is no {model} of {name}"
    if model != CHAMPION:
        return f"{absent}; workbench models lists what there is"
    refused = current_model(name, CHALLENGER)
    if refused is not None:
        why = f" ({refused.gate_reasons})" if refused.gate_reasons else ""
        return (
            f"{absent}: the gate refused version {refused.version}{why}; "
            f"{past_the_gate(name, refused.version)}, and the next run judges by it"
        )
    if lack := lacking():
        return f"{absent}, and none can be trained: {lack}"
    return f"{absent}; train first: workbench run anomaly_detection"
