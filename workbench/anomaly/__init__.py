"""Find what is out of the ordinary: random forests on daily series, tracked and registered in MLflow."""

from __future__ import annotations

from workbench.anomaly.detect import detect
from workbench.anomaly.feedback import feedback_summary, give_verdict
from workbench.anomaly.findings import Findings
from workbench.anomaly.models.lifecycle import promote, rollback
from workbench.anomaly.models.registry import current_model, list_models, models_frame
from workbench.anomaly.monitoring.health import check_models
from workbench.anomaly.sales.detection import detect_sales
from workbench.anomaly.sales.explain import findings
from workbench.anomaly.sales.monitoring import observe_sales
from workbench.anomaly.sales.result import DetectionResult
from workbench.anomaly.sales.training import TrainingResult, train_sales
from workbench.anomaly.tables.profiles import profile_batches, read_trends
from workbench.anomaly.tables.quality import check_batches, pass_gate
from workbench.charts.anomalies import plot_anomalies, plot_anomalies_by_month

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
