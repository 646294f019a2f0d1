"""An alert for a task that failed, whichever way it did."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


def tell(context: Context) -> None:
    """Raise an alert for a failed task of Airflow; what its stage's own run told already isn't told again."""
    from workbench.governance.alerts import tell_failure
    from workbench.settings import get_settings

    task, ti = context["task"], context["ti"]
    warnings = tell_failure(
        get_settings(),
        getattr(task, "pipeline", ti.dag_id),
        getattr(task, "stage", ti.task_id),
        str(context.get("exception") or "its process ended without a word"),
        getattr(task, "run_id", "") or None,
        getattr(ti, "log_url", None),
        getattr(task, "owner", None),
    )
    for warning in warnings:
        log.warning(warning)
