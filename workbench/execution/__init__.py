"""Run notebooks and pipelines of notebooks; in a notebook, hand figures to the run's record.

Importing it is cheap, as every stage notebook does so: the runner and its libraries load on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.execution.recording import record, timed
from workbench.execution.secret import Secret

if TYPE_CHECKING:
    from workbench.execution.pipeline import Pipeline, load_pipeline
    from workbench.execution.runner import run_notebook, run_pipeline
    from workbench.execution.runs import Run, StageRun
    from workbench.execution.stopping import Stopped

_LAZY = {
    "Pipeline": "pipeline",
    "load_pipeline": "pipeline",
    "run_notebook": "runner",
    "run_pipeline": "runner",
    "Stopped": "stopping",
    "Run": "runs",
    "StageRun": "runs",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Pipeline", "Run", "Secret", "StageRun", "Stopped",
    "load_pipeline", "record", "run_notebook", "run_pipeline", "timed",
]  # fmt: skip
