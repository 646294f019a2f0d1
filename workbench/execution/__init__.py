"""Run notebooks and pipelines of notebooks; in a notebook, hand figures to the run's record.

Importing it is cheap, as every stage notebook does so: the runner and its libraries load on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.execution.notebook.recording import record, timed
from workbench.secrets.secret import Secret

if TYPE_CHECKING:
    from workbench.execution.pipeline.pipeline import Pipeline, load_pipeline
    from workbench.execution.records.model import Run, StageRun
    from workbench.execution.run.options import RunOptions
    from workbench.execution.run.runner import run_notebook, run_pipeline
    from workbench.execution.run.signals import Stopped

_LAZY = {
    "Pipeline": "workbench.execution.pipeline.pipeline",
    "load_pipeline": "workbench.execution.pipeline.pipeline",
    "run_notebook": "workbench.execution.run.runner",
    "run_pipeline": "workbench.execution.run.runner",
    "RunOptions": "workbench.execution.run.options",
    "Stopped": "workbench.execution.run.signals",
    "Run": "workbench.execution.records.model",
    "StageRun": "workbench.execution.records.model",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Pipeline", "Run", "RunOptions", "Secret", "StageRun", "Stopped",
    "load_pipeline", "record", "run_notebook", "run_pipeline", "timed",
]  # fmt: skip
