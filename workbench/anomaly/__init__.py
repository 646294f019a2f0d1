"""Find what is out of the ordinary: random forests on daily series, tracked and registered in MLflow.

Each name is loaded on first use, as no stage needs what all of them need: MLflow, scikit-learn and Matplotlib take a
second each.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.anomaly.any_table import detect
    from workbench.anomaly.feedback import feedback_summary, give_verdict
    from workbench.anomaly.found import Findings
    from workbench.anomaly.models.lifecycle import promote, rollback
    from workbench.anomaly.models.registry import current_model, list_models, models_frame
    from workbench.anomaly.monitoring.health import check_models
    from workbench.anomaly.sales.detection import detect_sales
    from workbench.anomaly.sales.explain import findings
    from workbench.anomaly.sales.monitoring import observe_sales
    from workbench.anomaly.sales.result import DetectionResult
    from workbench.anomaly.sales.training import TrainingResult, train_sales
    from workbench.anomaly.tables.profiles import profile_batches
    from workbench.anomaly.tables.quality import check_batches, pass_gate
    from workbench.anomaly.tables.trends import read_trends
    from workbench.charts.anomalies import plot_anomalies, plot_anomalies_by_month

_LAZY = {
    "DetectionResult": "workbench.anomaly.sales.result",
    "Findings": "workbench.anomaly.found",
    "TrainingResult": "workbench.anomaly.sales.training",
    "check_batches": "workbench.anomaly.tables.quality",
    "check_models": "workbench.anomaly.monitoring.health",
    "current_model": "workbench.anomaly.models.registry",
    "detect": "workbench.anomaly.any_table",
    "detect_sales": "workbench.anomaly.sales.detection",
    "feedback_summary": "workbench.anomaly.feedback",
    "findings": "workbench.anomaly.sales.explain",
    "give_verdict": "workbench.anomaly.feedback",
    "list_models": "workbench.anomaly.models.registry",
    "models_frame": "workbench.anomaly.models.registry",
    "observe_sales": "workbench.anomaly.sales.monitoring",
    "pass_gate": "workbench.anomaly.tables.quality",
    "plot_anomalies": "workbench.charts.anomalies",
    "plot_anomalies_by_month": "workbench.charts.anomalies",
    "profile_batches": "workbench.anomaly.tables.profiles",
    "promote": "workbench.anomaly.models.lifecycle",
    "read_trends": "workbench.anomaly.tables.trends",
    "rollback": "workbench.anomaly.models.lifecycle",
    "train_sales": "workbench.anomaly.sales.training",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "DetectionResult",
    "Findings",
    "TrainingResult",
    "check_batches",
    "check_models",
    "current_model",
    "detect",
    "detect_sales",
    "feedback_summary",
    "findings",
    "give_verdict",
    "list_models",
    "models_frame",
    "observe_sales",
    "pass_gate",
    "plot_anomalies",
    "plot_anomalies_by_month",
    "profile_batches",
    "promote",
    "read_trends",
    "rollback",
    "train_sales",
]  # fmt: skip
