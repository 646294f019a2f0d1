"""An alert for a task that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import Context


def tell(context: Context) -> None:
    """Raise an alert for a failed task of Airflow."""
